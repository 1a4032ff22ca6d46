package main

import (
	"context"
	_ "embed"
	"errors"
	"time"

	"myauth.internal/kit"
)

//go:embed terms.openapi.json
var openapi []byte

// accepted is the kind of the mail and of the event after an acceptance.
const accepted = "terms_accepted"

// termsFeature lets nobody in who has not accepted this version of the terms of use: a gate
// before each session, a record, a route, a mail and an event.
type termsFeature struct{ version string }

func (termsFeature) Name() string { return "terms" }

func (f termsFeature) Attach(core *kit.Core) (kit.Extension, error) {
	t := terms{f.version, core}
	return kit.Extension{
		Routes:  []kit.Route{{Method: "POST", Path: "/terms/accept", Body: kit.JSONBody, Serve: t.accept}},
		OpenAPI: openapi,
		Mails: []kit.MailRule{{
			Kind: accepted, Notice: true, Subject: "You accepted our terms",
			Text: "You accepted version {{.Data.version}} of our terms of use.\n",
		}},
		Gate: t.gate,
	}, nil
}

type terms struct {
	version string
	core    *kit.Core
}

// gate refuses a session, with a token that keeps the login until the terms are accepted.
func (t terms) gate(ctx context.Context, u kit.User, l kit.Login) error {
	_, err := t.core.Find(ctx, t.version, u.ID)
	if !errors.Is(err, kit.ErrNotFound) {
		return err
	}
	token, err := t.core.Suspend(ctx, l, t.core.Now().Add(10*time.Minute))
	if err != nil {
		return err
	}
	p := kit.NewProblem(403, "terms_required", "Terms not accepted", "Please accept our terms of use first.")
	p.Members = map[string]any{"terms_token": string(token), "version": t.version}
	return p
}

// accept records the acceptance, and completes the login.
func (t terms) accept(ctx context.Context, r kit.Request) (kit.Answer, error) {
	token, err := r.Body.One(kit.Field{Name: "terms_token"})
	if err != nil {
		return kit.Answer{}, err
	}
	login, err := t.core.Resume(token)
	if err != nil {
		return kit.Answer{}, err
	}
	u, err := t.core.User(ctx, login.User.ID)
	if err != nil {
		return kit.Answer{}, err
	}
	switch err := t.core.Create(ctx, t.core.Credential(u, t.version, u.ID)); {
	case err == nil:
		t.core.Emit(ctx, kit.Event{Kind: accepted, UserID: u.ID})
		t.core.Mail(ctx, accepted, u, kit.MailContent{Data: map[string]string{"version": t.version}})
	case !errors.Is(err, kit.ErrConflict): // accepted before
		return kit.Answer{}, err
	}
	tokens, err := t.core.Grant(ctx, login)
	return kit.Answer{Tokens: tokens}, err
}
