package conformance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
)

// instances are two Services over one data set, each with a handle of its own:
// two processes behind one address.
type instances struct {
	*probe
	a, b   *kit.Service
	clock  *kittest.Clock
	mailer *kittest.Mailer
}

const (
	servicePassword    = "Correct-Horse-9"
	serviceNewPassword = "Battery-Staple-7"
	serviceEmail       = "Ann@example.com"
)

// instancesOf returns them with the grace given; their work is what a test needs
// and no more: the cheapest hash, a clock that stands, no log.
func (p *probe) instancesOf(grace time.Duration) *instances { return p.newInstances(grace, false) }

// newInstances also makes concealed ones: they leave it to the store whether an address
// is taken, and log in nobody whose address is not verified.
func (p *probe) newInstances(grace time.Duration, concealed bool) *instances {
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	p.must(err, "making a key")
	s := &instances{probe: p, clock: kittest.NewClock(epoch), mailer: kittest.NewMailer()}
	for i, service := range []**kit.Service{&s.a, &s.b} {
		*service, err = kit.New(p.both()[i].Users, p.both()[i].Tokens, keys, &kit.Options{
			BcryptCost: 4, InsecureFastHash: true,
			RefreshGrace:    grace,
			ConcealAccounts: concealed, RequireVerifiedEmail: concealed,
			Mailer: s.mailer, PublicURL: "https://example.com",
			// The clock stands, and the mails are not what is tested.
			InsecureUnlimitedMails: true, MailDelay: time.Millisecond,
			OnEvent:      func(context.Context, kit.Event) {},
			Logger:       slog.New(slog.DiscardHandler),
			StoreTimeout: time.Minute,
			Now:          s.clock.Now,
		})
		p.must(err, "kit.New")
	}
	return s
}

// close waits for the mails, whose workers would outlive the case.
func (s *instances) close() {
	for _, service := range []*kit.Service{s.a, s.b} {
		if err := service.Close(s.ctx()); err != nil {
			s.failf("Service.Close: got error %v, want none", err)
		}
	}
}

// service returns the two in turn.
func (s *instances) service(i int) *kit.Service { return []*kit.Service{s.a, s.b}[i%2] }

// registered makes the account that the cases work with.
func (s *instances) registered() kit.User {
	u, err := s.a.Register(s.ctx(), kit.Registration{Email: serviceEmail, Username: "Ann", Password: servicePassword})
	s.must(err, "Register")
	// The worker has sent its mail before a case moves the clock past its end.
	s.mail(kit.MailVerification, serviceEmail)
	return u
}

func (s *instances) login(service *kit.Service) kit.Tokens {
	tokens, err := service.Login(s.ctx(), strings.ToUpper(serviceEmail), servicePassword)
	s.must(err, "Login")
	return tokens
}

// wantRefused wants a refresh token to be answered with that error everywhere.
func (s *instances) wantRefused(refreshToken kit.Secret, want error, when string) {
	for i := range 2 {
		if _, err := s.service(i).Refresh(s.ctx(), string(refreshToken)); !errors.Is(err, want) {
			s.failf("Refresh by instance %d %s: got error %v, want %q", i+1, when, err, want)
		}
	}
}

// resetToken asks for a reset and returns the token from the mail.
func (s *instances) resetToken() kit.Secret { return s.resetTokenOf(serviceEmail) }

func (s *instances) resetTokenOf(email string) kit.Secret {
	s.must(s.a.RequestPasswordReset(s.ctx(), email), "RequestPasswordReset")
	return s.mail(kit.MailPasswordReset, email).Token
}

// mail waits for a mail of that kind to that address.
func (s *instances) mail(kind kit.MailKind, email string) kit.Mail {
	ctx, cancel := context.WithTimeout(s.ctx(), s.cfg.Timeout/2)
	defer cancel()
	for {
		mail, err := s.mailer.Next(ctx)
		s.must(err, "waiting for a mail")
		if mail.Kind == kind && mail.To == email {
			return mail
		}
	}
}

// serviceRules run the life of accounts and sessions over the two stores, which may
// be parts of one database or of two.
func serviceRules() []rule { return slices.Concat(serviceSessionRules(), serviceAccountRules()) }

// serviceSessionRules are about tokens, and what ends them.
func serviceSessionRules() []rule {
	return []rule{
		{
			id:    "service/life",
			quote: "any number of Services may share the same stores and keys",
			prove: func(p *probe) {
				s := p.instancesOf(0)
				defer s.close()
				u := s.registered()
				first, other := s.login(s.b), s.login(s.a)
				if me, _, err := s.a.Authenticate(p.ctx(), string(first.AccessToken)); err != nil || me.ID != u.ID {
					p.failf("Authenticate: got user %s, error %v, want %s", brief(me.ID), err, brief(u.ID))
				}
				for i := range 3 {
					s.clock.Advance(time.Hour)
					next, err := s.service(i).Refresh(p.ctx(), string(first.RefreshToken))
					p.must(err, "Refresh %d", i)
					if next.RefreshToken == first.RefreshToken {
						p.failf("Refresh %d: got the token that was presented", i)
					}
					first = next
				}
				p.must(s.a.Logout(p.ctx(), string(first.RefreshToken)), "Logout")
				s.wantRefused(first.RefreshToken, kit.ErrRevokedToken, "after Logout")
				_, err := s.b.Refresh(p.ctx(), string(other.RefreshToken))
				p.must(err, "Refresh of another session, after Logout of the first")
				s.clock.Advance(365 * 24 * time.Hour)
				s.wantRefused(other.RefreshToken, kit.ErrExpiredToken, "after a year")
				if n, err := s.b.PurgeExpired(p.ctx(), s.clock.Now()); n != 2 || err != nil {
					p.failf("PurgeExpired: got %d, error %v, want the 2 sessions", n, err)
				}
				s.wantRefused(other.RefreshToken, kit.ErrInvalidToken, "after PurgeExpired")
			},
		},
		{
			id:    "service/register/one-winner",
			quote: "of any number of concurrent calls for one address exactly one succeeds",
			racy:  true,
			prove: func(p *probe) {
				s := p.newInstances(0, true)
				defer s.close()
				answers := p.race(racers, func(i int, _ *handle) error {
					email := serviceEmail
					if i%3 == 0 {
						email = strings.ToUpper(email)
					}
					_, err := s.service(i).Register(p.ctx(), kit.Registration{Email: email, Username: fmt.Sprint("Ann ", i), Password: servicePassword})
					return err
				})
				p.wantOneWinner(answers, "Register of one address", kit.ErrUserExists)
				u, err := s.b.UserByEmail(p.ctx(), serviceEmail)
				p.must(err, "UserByEmail")
				p.must(s.a.VerifyEmail(p.ctx(), string(s.mail(kit.MailVerification, u.Email).Token)), "VerifyEmail")
				s.login(s.b)
			},
		},
		{
			id:    "service/refresh/one-successor",
			quote: "as often and from as many places as it is presented",
			racy:  true,
			prove: func(p *probe) {
				s := p.instancesOf(10 * time.Second)
				defer s.close()
				s.registered()
				current := s.login(s.a).RefreshToken
				for round := range rounds {
					successors := make([]kit.Secret, racers)
					p.wantOnly(p.race(racers, func(i int, _ *handle) error {
						tokens, err := s.service(i).Refresh(p.ctx(), string(current))
						successors[i] = tokens.RefreshToken
						return err
					}), fmt.Sprintf("round %d: Refresh of one token", round)+", caller %d")
					for i, successor := range successors {
						if successor != successors[0] {
							p.fatalf("round %d: Refresh of one token by %d callers at once: caller %d got another successor than caller 0", round, racers, i)
						}
					}
					if again, err := s.service(round).Refresh(p.ctx(), string(successors[0])); err != nil || again.RefreshToken != successors[0] {
						p.fatalf("round %d: Refresh of the successor within the grace: got error %v, want the successor itself", round, err)
					}
					current = successors[0]
					s.clock.Advance(11 * time.Second) // past the grace, within which it is not rotated
				}
			},
		},
		{
			id:    "service/refresh/one-winner-without-grace",
			quote: "exactly one use of each token succeeds",
			racy:  true,
			prove: func(p *probe) {
				s := p.instancesOf(-1)
				defer s.close()
				s.registered()
				for range rounds {
					token := s.login(s.a).RefreshToken
					p.wantOneWinner(p.race(racers, func(i int, _ *handle) error {
						_, err := s.service(i).Refresh(p.ctx(), string(token))
						return err
					}), "Refresh of one token without a grace", kit.ErrRevokedToken)
				}
			},
		},
		{
			id:    "service/refresh/reuse-ends-session",
			quote: "anything older, and the replaced token after the grace, is a reuse",
			prove: func(p *probe) {
				s := p.instancesOf(10 * time.Second)
				defer s.close()
				s.registered()
				first, bystander := s.login(s.a).RefreshToken, s.login(s.a).RefreshToken
				second, err := s.b.Refresh(p.ctx(), string(first))
				p.must(err, "Refresh")
				s.clock.Advance(11 * time.Second)
				third, err := s.a.Refresh(p.ctx(), string(second.RefreshToken))
				p.must(err, "Refresh of the successor")
				again, err := s.b.Refresh(p.ctx(), string(second.RefreshToken))
				if err != nil || again.RefreshToken != third.RefreshToken {
					p.failf("Refresh of the direct parent within the grace: got error %v, want the same successor", err)
				}
				s.wantRefused(first, kit.ErrRevokedToken, "of the grandparent")
				s.wantRefused(third.RefreshToken, kit.ErrRevokedToken, "of the current token, after a reuse")
				if _, err := s.b.Refresh(p.ctx(), string(bystander)); err != nil {
					p.failf("Refresh of another session, after a reuse: got error %v, want none", err)
				}
			},
		},
		{
			id:    "service/epoch/ends-everything",
			quote: "EndAllSessions ends every session, access token and reset token of a user in one write.",
			prove: func(p *probe) {
				s := p.instancesOf(0)
				defer s.close()
				u := s.registered()
				one, two := s.login(s.a), s.login(s.b)
				reset := s.resetToken()
				p.must(s.b.EndAllSessions(p.ctx(), u.ID), "EndAllSessions")
				for i, tokens := range []kit.Tokens{one, two} {
					s.wantRefused(tokens.RefreshToken, kit.ErrRevokedToken, fmt.Sprintf("of session %d, after EndAllSessions", i))
					if _, _, err := s.service(i).Authenticate(p.ctx(), string(tokens.AccessToken)); !errors.Is(err, kit.ErrRevokedToken) {
						p.failf("Authenticate with an access token of session %d, after EndAllSessions: got error %v, want %q", i, err, kit.ErrRevokedToken)
					}
				}
				if err := s.a.ResetPassword(p.ctx(), string(reset), serviceNewPassword); !errors.Is(err, kit.ErrRevokedToken) {
					p.failf("ResetPassword with a token from before EndAllSessions: got error %v, want %q", err, kit.ErrRevokedToken)
				}
				s.login(s.a)
			},
		},
		{
			id:    "service/reset/one-winner",
			quote: "of any number of concurrent uses one succeeds",
			racy:  true,
			prove: func(p *probe) {
				s := p.instancesOf(0)
				defer s.close()
				s.registered()
				session, token := s.login(s.a), s.resetToken()
				password := func(i int) string { return fmt.Sprint(serviceNewPassword, i) }
				winner := p.wantOneWinner(p.race(racers, func(i int, _ *handle) error {
					return s.service(i).ResetPassword(p.ctx(), string(token), password(i))
				}), "ResetPassword with one token", kit.ErrRevokedToken)
				if winner < 0 {
					return
				}
				s.wantRefused(session.RefreshToken, kit.ErrRevokedToken, "of a session from before the reset")
				if _, err := s.b.Login(p.ctx(), serviceEmail, servicePassword); !errors.Is(err, kit.ErrInvalidCredentials) {
					p.failf("Login with the old password: got error %v, want %q", err, kit.ErrInvalidCredentials)
				}
				if _, err := s.a.Login(p.ctx(), serviceEmail, password(winner)); err != nil {
					p.failf("Login with the password of the call that succeeded: got error %v, want none", err)
				}
			},
		},
	}
}
