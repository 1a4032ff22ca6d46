package conformance

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
)

// services are two Services over one data set, each with a handle of its own: two
// processes behind one address.
type services struct {
	*probe
	a, b   *kit.Service
	clock  *kittest.Clock
	mailer *kittest.Mailer
}

const (
	annEmail    = "Ann@example.com"
	password    = "Correct-Horse-9"
	newPassword = "Battery-Staple-7"
)

// services returns them with a refresh grace of ten seconds, and with what a test needs
// and no more: the cheapest hash, a clock that stands, no log.
func (p *probe) services() *services {
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	p.must(err, "making a key")
	s := &services{probe: p, clock: kittest.NewClock(epoch), mailer: &kittest.Mailer{}}
	for i, service := range []**kit.Service{&s.a, &s.b} {
		*service, err = kit.New(p.both()[i].Stores.Stores, keys, &kit.Options{
			BcryptCost: 4, InsecureFastHash: true,
			RefreshGrace: 10 * time.Second,
			Mailer:       s.mailer, PublicURL: "https://example.com",
			InsecureUnlimited: true, MailDelay: time.Millisecond, // the clock stands
			OnEvent:      func(context.Context, kit.Event) {},
			Logger:       slog.New(slog.DiscardHandler),
			StoreTimeout: time.Minute,
			Now:          s.clock.Now,
		})
		p.must(err, "kit.New")
	}
	return s
}

// service returns the two in turn.
func (s *services) service(i int) *kit.Service { return []*kit.Service{s.a, s.b}[i%2] }

// close waits for the mails, whose workers would outlive the case.
func (s *services) close() {
	for i := range 2 {
		if err := s.service(i).Close(s.ctx()); err != nil {
			s.failf("Service.Close: got error %v, want none", err)
		}
	}
}

// register makes an account, and waits for its mail: the clock may move on then.
func (s *services) register(email string) kit.User {
	u, err := s.a.Register(s.ctx(), kit.Registration{Email: email, Username: "Ann", Password: password})
	s.must(err, "Register")
	s.mail(kit.MailVerification, email)
	return u
}

func (s *services) login(email, password string) kit.TokenPair {
	tokens, err := s.b.Login(s.ctx(), email, password)
	s.must(err, "Login")
	return tokens
}

// resetToken asks for a reset and returns the token from the mail.
func (s *services) resetToken(email string) string {
	s.must(s.a.RequestPasswordReset(s.ctx(), email), "RequestPasswordReset")
	return string(s.mail(kit.MailPasswordReset, email).Token)
}

// mail waits for a mail of that kind to that address.
func (s *services) mail(kind kit.MailKind, email string) kit.Mail {
	ctx, cancel := context.WithTimeout(s.ctx(), s.cfg.timeout/2)
	defer cancel()
	for {
		mail, err := s.mailer.Next(ctx)
		s.must(err, "waiting for a mail")
		if mail.Kind == kind && mail.To == email {
			return mail
		}
	}
}

// wantService wants a call of a Service to return that error.
func (s *services) wantService(err, want error, what string) {
	if !errors.Is(err, want) {
		s.failf("%s: got error %v, want %q", what, err, want)
	}
}

// wantRefused wants a refresh token to be refused everywhere.
func (s *services) wantRefused(token kit.Secret, want error, when string) {
	for i := range 2 {
		_, err := s.service(i).Refresh(s.ctx(), string(token))
		s.wantService(err, want, "Refresh "+when)
	}
}

// wantOut wants an access token to be refused everywhere.
func (s *services) wantOut(token kit.Secret, want error, when string) {
	for i := range 2 {
		_, _, err := s.service(i).Authenticate(s.ctx(), string(token))
		s.wantService(err, want, "Authenticate with an access token from before, "+when)
	}
}

// uses are calls of a Service that write to the users, to the tokens, and to both. Package
// kit tests all of its methods so.
var uses = []struct {
	name string
	// prepare makes an account at the address and returns the call and what has to
	// hold after it.
	prepare func(s *services, email string) (call func() error, check func())
	// already is what the call may return when it is repeated; nil for none.
	already error
}{
	{"Register", func(s *services, email string) (func() error, func()) {
		return func() error {
			_, err := s.a.Register(s.ctx(), kit.Registration{Email: email, Username: "Ann", Password: password})
			return err
		}, func() { s.login(email, password) }
	}, kit.ErrUserExists},
	{"Refresh", func(s *services, email string) (func() error, func()) {
		s.register(email)
		parent := s.login(email, password).RefreshToken
		var tokens kit.TokenPair
		return func() (err error) { tokens, err = s.a.Refresh(s.ctx(), string(parent)); return err }, func() {
			again, err := s.b.Refresh(s.ctx(), string(parent))
			if err != nil || again.RefreshToken != tokens.RefreshToken {
				s.failf("Refresh of the same token, within the grace: got error %v, want none and the same successor", err)
			}
		}
	}, nil},
	{"ResetPassword", func(s *services, email string) (func() error, func()) {
		s.register(email)
		session, token := s.login(email, password).RefreshToken, s.resetToken(email)
		return func() error { return s.a.ResetPassword(s.ctx(), token, newPassword) }, func() {
			s.wantRefused(session, kit.ErrRevokedToken, "after ResetPassword")
			s.login(email, newPassword)
		}
	}, kit.ErrRevokedToken},
	{"DeleteUser", func(s *services, email string) (func() error, func()) {
		u := s.register(email)
		return func() error { return s.a.DeleteUser(s.ctx(), u.ID) }, func() {
			_, err := s.b.UserByID(s.ctx(), u.ID)
			s.wantService(err, kit.ErrUserNotFound, "UserByID after DeleteUser")
		}
	}, kit.ErrUserNotFound},
}
