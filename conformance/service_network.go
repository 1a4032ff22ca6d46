package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit"
)

const repeatQuote = "Repeating a call that failed so is safe, whatever became of it."

// serviceNetworkRules run the use cases of a Service while one exchange with the
// server is lost, each exchange in turn: whatever the caller is told, trying once
// more ends well.
func serviceNetworkRules() []rule {
	lost := func(id string, lose func(*Network, int) func() bool) rule {
		return rule{
			id:    id,
			quote: repeatQuote,
			needs: []Ability{Networking},
			prove: func(p *probe) {
				s := p.instancesOf(10 * time.Second)
				defer s.close()
				for i, use := range s.useCases() {
					nth := 1
					for s.loses(use, fmt.Sprintf("u%dx%d@example.com", i, nth), nth, lose) {
						if nth++; nth > exchanges {
							s.fatalf(tooManyExchanges, use.name, exchanges)
						}
					}
				}
			},
		}
	}
	return []rule{
		lost("service/network/lost-request", (*Network).LoseRequest),
		lost("service/network/lost-answer", (*Network).LoseAnswer),
	}
}

// useCase is one operation of a Service and what must hold once it succeeded.
type useCase struct {
	name string
	// prepare makes an account at the address and returns the operation and
	// what has to hold after it.
	prepare func(email string) (operation func() error, check func())
	// already is what the operation may say when it is tried again.
	already error
}

// loses tries the operation with its nth exchange lost, and reports whether there
// was one.
func (s *instances) loses(use useCase, email string, nth int, lose func(*Network, int) func() bool) bool {
	operation, check := use.prepare(email)
	stop := lose(s.network, nth)
	err := operation()
	if !stop() {
		s.must(err, "%s over a network that works", use.name)
		return false
	}
	s.settle(userKind, "after one connection was reset")
	s.settle(tokenKind, "after one connection was reset")
	if err != nil {
		s.wantErr(err, kit.ErrUnavailable, "%s while exchange %d with the server is lost", use.name, nth)
		if again := operation(); again != nil && (use.already == nil || !errors.Is(again, use.already)) {
			s.fatalf("%s once more, after exchange %d with the server was lost: got error %v, want none", use.name, nth, again)
		}
	}
	check()
	return true
}

// useCases are those that write.
func (s *instances) useCases() []useCase {
	register := func(email string) kit.User {
		u, err := s.a.Register(s.ctx(), kit.Registration{Email: email, Username: "Ann", Password: servicePassword})
		s.must(err, "Register")
		return u
	}
	login := func(email, password string) kit.Tokens {
		tokens, err := s.a.Login(s.ctx(), email, password)
		s.must(err, "Login")
		return tokens
	}
	refresh := func(token kit.Secret, when string) kit.Tokens {
		tokens, err := s.b.Refresh(s.ctx(), string(token))
		s.must(err, "Refresh %s", when)
		return tokens
	}
	return []useCase{
		{
			name: "Register",
			prepare: func(email string) (func() error, func()) {
				return func() error {
						_, err := s.a.Register(s.ctx(), kit.Registration{Email: email, Username: "Ann", Password: servicePassword})
						return err
					}, func() {
						login(email, servicePassword)
					}
			},
			already: kit.ErrUserExists, // the first try may have made the account
		},
		{
			name: "Login",
			prepare: func(email string) (func() error, func()) {
				register(email)
				var tokens kit.Tokens
				return func() (err error) {
						tokens, err = s.a.Login(s.ctx(), email, servicePassword)
						return err
					}, func() {
						refresh(tokens.RefreshToken, "of the session of that login")
					}
			},
		},
		{
			name: "Refresh",
			prepare: func(email string) (func() error, func()) {
				register(email)
				parent := login(email, servicePassword).RefreshToken
				var tokens kit.Tokens
				return func() (err error) {
						tokens, err = s.a.Refresh(s.ctx(), string(parent))
						return err
					}, func() {
						if again := refresh(parent, "of the same token, within the grace"); again.RefreshToken != tokens.RefreshToken {
							s.failf("Refresh of one token twice: got two successors")
						}
						refresh(tokens.RefreshToken, "of the successor")
					}
			},
		},
		{
			name: "Logout",
			prepare: func(email string) (func() error, func()) {
				register(email)
				token := login(email, servicePassword).RefreshToken
				return func() error { return s.a.Logout(s.ctx(), string(token)) }, func() {
					s.wantRefused(token, kit.ErrRevokedToken, "after Logout")
				}
			},
		},
		{
			name: "ResetPassword",
			prepare: func(email string) (func() error, func()) {
				register(email)
				session := login(email, servicePassword).RefreshToken
				token := s.resetTokenOf(email)
				return func() error { return s.a.ResetPassword(s.ctx(), string(token), serviceNewPassword) }, func() {
					s.wantRefused(session, kit.ErrRevokedToken, "of a session from before the reset")
					login(email, serviceNewPassword)
				}
			},
		},
		{
			name: "EndAllSessions",
			prepare: func(email string) (func() error, func()) {
				u := register(email)
				session := login(email, servicePassword)
				return func() error { return s.a.EndAllSessions(s.ctx(), u.ID) }, func() {
					s.wantRefused(session.RefreshToken, kit.ErrRevokedToken, "after EndAllSessions")
					if _, _, err := s.b.Authenticate(context.Background(), string(session.AccessToken)); !errors.Is(err, kit.ErrRevokedToken) {
						s.failf("Authenticate after EndAllSessions: got error %v, want %q", err, kit.ErrRevokedToken)
					}
				}
			},
		},
		{
			name: "SetUsername",
			prepare: func(email string) (func() error, func()) {
				u := register(email)
				return func() error {
						_, err := s.a.SetUsername(s.ctx(), u.ID, "Countess")
						return err
					}, func() {
						got, err := s.b.UserByID(s.ctx(), u.ID)
						if err != nil || got.Username != "Countess" {
							s.failf("UserByID after SetUsername: got name %q, error %v, want %q", got.Username, err, "Countess")
						}
					}
			},
		},
		{
			name: "DeleteUser",
			prepare: func(email string) (func() error, func()) {
				u := register(email)
				return func() error { return s.a.DeleteUser(s.ctx(), u.ID) }, func() {
					if _, err := s.b.UserByID(s.ctx(), u.ID); !errors.Is(err, kit.ErrUserNotFound) {
						s.failf("UserByID after DeleteUser: got error %v, want %q", err, kit.ErrUserNotFound)
					}
				}
			},
			already: kit.ErrUserNotFound,
		},
	}
}
