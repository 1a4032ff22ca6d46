package provider

import (
	"context"
	"encoding/json"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/internal/maillink"
	"myauth.internal/kit/throttle"
)

// stateConfirm is the kind of the states in mails.
const stateConfirm = "confirm"

// confirmation is what the link in a mail stands for.
type confirmation struct {
	unprinted

	Provider  string        `json:"p"`
	Flow      string        `json:"f,omitempty"` // of the browser that has begun; empty: a native app
	Mailed    int64         `json:"t"`           // in seconds since 1970
	Assertion keptAssertion `json:"a"`
}

// mailConfirmation mails the link that finishes a sign-up whose address nobody has proved yet: to
// a free address or a taken one alike. flow is that of the browser that has begun it; empty for a
// native app. Errors: kit.ErrEmailNotConfigured, because nobody must wait for a mail that never comes.
func (p *providers) mailConfirmation(ctx context.Context, c client, a assertion, flow string) error {
	if !p.core.CanMail(MailConfirm) {
		return kit.ErrEmailNotConfigured
	}
	email, _ := a.address()
	now := p.core.Now()
	data, err := encode(confirmation{Provider: c.Name, Flow: flow, Mailed: now.Unix(), Assertion: keep(a)})
	if err != nil {
		return err
	}
	token, err := maillink.Draw(func() (string, error) {
		sealed, err := p.core.SealState(stateConfirm, now.Add(confirmTTL), data)
		return string(sealed), err
	})
	if err != nil {
		return err
	}
	// The zero User: whose address it is makes no difference, in what is done and in the mail.
	p.core.Mail(ctx, MailConfirm, kit.User{}, kit.MailContent{
		To: email, Page: confirmPage, Token: kit.Secret(token), Data: map[string]string{"provider": c.Label, "name": nameForMail(a.Name)},
	})
	return nil
}

// serveConfirm is POST /providers/confirm.
func (p *providers) serveConfirm(ctx context.Context, r kit.Request) (kit.Answer, error) {
	var token, device string
	if err := r.Body.Decode([]kit.Field{
		{Name: "token", Text: &token}, {Name: "device_token", Text: &device, Optional: true, Empty: true},
	}, nil); err != nil {
		return kit.Answer{}, err
	}
	if device != "" {
		ctx = kit.WithDevice(ctx, device)
	}
	var answer kit.Answer
	err := p.core.Attempt(ctx, throttle.Attempt{Action: throttle.ActionLogin}, "", func() error {
		s, err := p.confirm(ctx, token, r.Source, false)
		if err != nil {
			return err
		}
		answer.Cookies = s.cookies
		if answer.Body, err = encode(map[string]bool{"linked": s.linked}); err != nil {
			return err
		}
		answer.Tokens, err = p.core.Grant(ctx, kit.Login{User: s.user, AMR: s.amr(), Spend: s.spend})
		return err
	})
	return answer, err
}

// submitConfirm is what the button of the page in the mail does: all but a session. So where the link
// would do nothing but log in, because the account is there and another browser began, it is not
// used up, and the page says what to do.
func (p *providers) submitConfirm(ctx context.Context, form kit.Submission) error {
	return p.core.Attempt(ctx, throttle.Attempt{Action: throttle.ActionLogin}, "", func() error {
		s, err := p.confirm(ctx, form.Token, form.Source, true)
		if err != nil {
			return err
		}
		return s.spend(ctx)
	})
}

// confirmed is a link that was followed.
type confirmed struct {
	user    kit.User
	linked  bool
	spend   func(context.Context) error
	cookies []kit.Cookie
}

// amr is how the user has logged in. Without the identity it was the mailbox only.
func (s confirmed) amr() []string {
	if s.linked {
		return []string{amr}
	}
	return []string{"email"}
}

// confirm makes the account, or claims or finds it. It does not use the token up. toLink: it is
// refused if that does not link the identity.
func (p *providers) confirm(ctx context.Context, token string, from kit.Source, toLink bool) (confirmed, error) {
	st, err := p.core.OpenState(stateConfirm, token)
	if err != nil {
		return confirmed{}, err
	}
	var of confirmation
	if err := json.Unmarshal(st.Data, &of); err != nil {
		return confirmed{}, err
	}
	c, err := p.clientNamed(of.Provider)
	if err != nil {
		return confirmed{}, kit.ErrInvalidToken // it has left the configuration
	}
	if spent, err := p.core.StateSpent(ctx, st); err != nil {
		return confirmed{}, err
	} else if spent {
		return confirmed{}, kit.ErrRevokedToken
	}
	a, g := of.Assertion.assertion(), grounds{byMailbox, time.Unix(of.Mailed, 0), toLink}
	a.Proved = true // by the mailbox
	var s confirmed
	if of.Flow != "" {
		if _, _, err := p.flowOf(from, of.Flow, mailed); err == nil {
			g.proof = byBrowser
			s.cookies = []kit.Cookie{noCookie(of.Flow)}
		}
	}
	s.user, s.linked, err = p.arrive(ctx, c, a, g)
	if err != nil {
		p.failed(ctx, c, "", err)
		return confirmed{}, err
	}
	s.spend = func(ctx context.Context) error { return p.core.SpendState(ctx, "", st) }
	return s, nil
}
