package surface

import (
	"context"
	"crypto/subtle"
	_ "embed"
	"errors"
	"sync/atomic"

	"myauth.internal/httpx/admin"
	"myauth.internal/kit"
	"myauth.internal/kit/invitation"
	"myauth.internal/kit/seal"
	"myauth.internal/kit/throttle"
)

//go:embed testdata/pin.openapi.json
var pinOpenAPI []byte

// mailNote is the kind of mail of the feature.
const mailNote kit.MailKind = "pin_note"

// pin is a small feature with all that one can have: a second factor, a gate, a route with a
// wildcard, and a mail.
type pin struct {
	core *kit.Core
	// closed makes the gate refuse everybody.
	closed atomic.Bool
}

// addFeatures adds the features of this process to o, if it has any.
func addFeatures(o *kit.Options, p *pin) (err error) {
	if featured() {
		o.Features = []kit.Feature{p, admin.New(nil), invitation.New(nil)}
		o.DataKeys, err = seal.NewKeyring([]byte("a data key of tests, of 32 bytes"))
	}
	return err
}

func (*pin) Name() string { return "pin" }

func (p *pin) Attach(core *kit.Core) (kit.Extension, error) {
	if p.core != nil {
		return kit.Extension{}, errors.New("pin: attached twice")
	}
	p.core = core
	return kit.Extension{
		Routes:  []kit.Route{{Method: "POST", Path: "/notes/{id}", Access: kit.SignedIn, Body: kit.JSONBody, Serve: p.note}},
		OpenAPI: pinOpenAPI,
		Mails:   []kit.MailRule{{Kind: mailNote, Notice: true, Subject: "A note", Text: "{{.Data.text}}\n"}},
		Factor:  p,
		Gate: func(context.Context, kit.User, kit.Login) error {
			if p.closed.Load() {
				return kit.NewProblem(403, "closed", "Closed", "Nobody may log in now.")
			}
			return nil
		},
	}, nil
}

// note mails a note to oneself.
func (p *pin) note(ctx context.Context, r kit.Request) (kit.Answer, error) {
	text, err := r.Body.One(kit.Field{Name: "text"})
	if err != nil {
		return kit.Answer{}, err
	}
	return kit.Accepted(), p.core.Attempt(ctx, throttle.Attempt{Action: "pin_note", UserID: r.User.ID}, "", func() error {
		if r.PathValue("id") != "1" {
			return kit.NewProblem(404, "not_found", "Not found", "There is no such note.")
		}
		p.core.Mail(ctx, mailNote, r.User, kit.MailContent{Data: map[string]string{"text": text}})
		return nil
	})
}

// Enroll takes the number, and Confirm wants it again.
func (*pin) Enroll(_ context.Context, _ kit.User, request kit.Body) (kit.Prompt, error) {
	number, err := request.One(kit.Field{Name: "pin"})
	return kit.Prompt{Show: map[string]any{"digits": len(number)}, State: []byte(number)}, err
}

func (*pin) Confirm(_ context.Context, _ kit.User, state []byte, answer kit.Body) ([]byte, error) {
	return state, compare(answer, state)
}

func (*pin) Challenge(context.Context, kit.User, []byte) (kit.Prompt, error) {
	return kit.Prompt{State: []byte("any")}, nil
}

func (*pin) Verify(_ context.Context, _ kit.User, data, _ []byte, answer kit.Body) (kit.Proof, error) {
	return kit.Proof{AMR: []string{"pin"}}, compare(answer, data)
}

func compare(answer kit.Body, want []byte) error {
	code, err := answer.One(kit.Field{Name: "code"})
	if err == nil && subtle.ConstantTimeCompare([]byte(code), want) != 1 {
		err = kit.ErrInvalidCode
	}
	return err
}

// pinClosed opens and closes the gate of the feature.
func (a *app) pinClosed(closed bool) { a.pin.closed.Store(closed) }
