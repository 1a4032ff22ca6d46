package conformance

import (
	"encoding/json"
	"errors"
	"slices"

	"myauth.internal/kit"
)

// useCases are those that write: every method of a Service that changes something, but
// for the two that only queue a mail.
func (s *instances) useCases() []useCase {
	return slices.Concat(s.sessionUses(), s.accountUses(), s.fieldUses())
}

func (s *instances) registerAt(email string) kit.User {
	u, err := s.a.Register(s.ctx(), kit.Registration{Email: email, Username: "Ann", Password: servicePassword})
	s.must(err, "Register")
	return u
}

func (s *instances) loginAt(email, password string) kit.Tokens {
	tokens, err := s.a.Login(s.ctx(), email, password)
	s.must(err, "Login")
	return tokens
}

func (s *instances) refreshed(token kit.Secret, when string) kit.Tokens {
	tokens, err := s.b.Refresh(s.ctx(), string(token))
	s.must(err, "Refresh %s", when)
	return tokens
}

// wantStored reads the account and wants it to be as ok says.
func (s *instances) wantStored(id, after string, ok func(kit.User) bool) {
	got, err := s.b.UserByID(s.ctx(), id)
	if err != nil || !ok(got) {
		s.failf("UserByID after %s: got error %v and %s, which is not what the call wrote", after, err, describeUser(got))
	}
}

// sessionUses begin and end sessions.
func (s *instances) sessionUses() []useCase {
	return []useCase{
		{
			name: "Login",
			prepare: func(email string) (func() error, func()) {
				s.registerAt(email)
				var tokens kit.Tokens
				return func() (err error) {
						tokens, err = s.a.Login(s.ctx(), email, servicePassword)
						return err
					}, func() {
						s.refreshed(tokens.RefreshToken, "of the session of that login")
					}
			},
		},
		{
			name: "Refresh",
			prepare: func(email string) (func() error, func()) {
				s.registerAt(email)
				parent := s.loginAt(email, servicePassword).RefreshToken
				var tokens kit.Tokens
				return func() (err error) {
						tokens, err = s.a.Refresh(s.ctx(), string(parent))
						return err
					}, func() {
						if again := s.refreshed(parent, "of the same token, within the grace"); again.RefreshToken != tokens.RefreshToken {
							s.failf("Refresh of one token twice: got two successors")
						}
						s.refreshed(tokens.RefreshToken, "of the successor")
					}
			},
		},
		{
			name: "Logout",
			prepare: func(email string) (func() error, func()) {
				s.registerAt(email)
				token := s.loginAt(email, servicePassword).RefreshToken
				return func() error { return s.a.Logout(s.ctx(), string(token)) }, func() {
					s.wantRefused(token, kit.ErrRevokedToken, "after Logout")
				}
			},
		},
		{
			name: "EndSession",
			prepare: func(email string) (func() error, func()) {
				u := s.registerAt(email)
				one, two := s.loginAt(email, servicePassword), s.loginAt(email, servicePassword)
				return func() error { return s.a.EndSession(s.ctx(), u.ID, s.sessionID(one)) }, func() {
					s.wantRefused(one.RefreshToken, kit.ErrRevokedToken, "after EndSession")
					s.refreshed(two.RefreshToken, "of another session, after EndSession")
					if sessions, err := s.b.Sessions(s.ctx(), u.ID); err != nil || len(sessions) != 1 {
						s.failf("Sessions after EndSession of one of two: got %d, error %v, want 1", len(sessions), err)
					}
				}
			},
		},
		{
			name: "EndAllSessions",
			prepare: func(email string) (func() error, func()) {
				u := s.registerAt(email)
				session := s.loginAt(email, servicePassword)
				return func() error { return s.a.EndAllSessions(s.ctx(), u.ID) }, func() {
					s.wantRefused(session.RefreshToken, kit.ErrRevokedToken, "after EndAllSessions")
					if _, _, err := s.b.Authenticate(s.ctx(), string(session.AccessToken)); !errors.Is(err, kit.ErrRevokedToken) {
						s.failf("Authenticate after EndAllSessions: got error %v, want %q", err, kit.ErrRevokedToken)
					}
				}
			},
		},
		{
			name: "PurgeExpired",
			prepare: func(email string) (func() error, func()) {
				u := s.registerAt(email)
				session, expired := s.loginAt(email, servicePassword), newReset("expired "+email, u.ID)
				expired.ExpiresAt = s.clock.Now()
				s.addToken(s.probe.a, expired)
				return func() error {
						_, err := s.a.PurgeExpired(s.ctx(), s.clock.Now())
						return err
					}, func() {
						s.checkNoToken(expired, "after PurgeExpired")
						s.refreshed(session.RefreshToken, "of a live session, after PurgeExpired")
					}
			},
		},
	}
}

// accountUses make, unmake and move accounts.
func (s *instances) accountUses() []useCase {
	return []useCase{
		{
			name: "Register",
			prepare: func(email string) (func() error, func()) {
				return func() error {
						_, err := s.a.Register(s.ctx(), kit.Registration{Email: email, Username: "Ann", Password: servicePassword})
						return err
					}, func() {
						s.loginAt(email, servicePassword)
					}
			},
			already: kit.ErrUserExists, // the first try may have made the account
		},
		{
			name: "Import",
			prepare: func(email string) (func() error, func()) {
				hash := s.registerAt("from-" + email).PasswordHash
				u := kit.User{ID: "import-" + email, Email: email, Username: "Ann", PasswordHash: hash, Active: true, CreatedAt: epoch}
				return func() error {
						_, err := s.a.Import(s.ctx(), u)
						return err
					}, func() {
						s.wantStored(u.ID, "Import", func(got kit.User) bool { return got.Email == email && got.CreatedAt.Equal(epoch) })
						s.loginAt(email, servicePassword)
					}
			},
		},
		{
			name: "VerifyEmail",
			prepare: func(email string) (func() error, func()) {
				u := s.registerAt(email)
				token := s.mail(kit.MailVerification, email).Token
				return func() error { return s.a.VerifyEmail(s.ctx(), string(token)) }, func() {
					s.wantStored(u.ID, "VerifyEmail", func(u kit.User) bool { return u.Verified })
				}
			},
		},
		{
			name: "DenyEmail",
			prepare: func(email string) (func() error, func()) {
				u := s.registerAt(email)
				token := s.mail(kit.MailVerification, email).Token
				return func() error { return s.a.DenyEmail(s.ctx(), string(token)) }, func() {
					if _, err := s.b.UserByID(s.ctx(), u.ID); !errors.Is(err, kit.ErrUserNotFound) {
						s.failf("UserByID after DenyEmail: got error %v, want %q", err, kit.ErrUserNotFound)
					}
					s.registerAt(email) // which is free again
				}
			},
			already: kit.ErrUserNotFound, // the first try may have deleted the account
		},
		{
			name: "ChangeEmail",
			prepare: func(email string) (func() error, func()) {
				u, changed := s.registerAt(email), "new-"+email
				session := s.loginAt(email, servicePassword).RefreshToken
				return func() error {
						_, err := s.a.ChangeEmail(s.ctx(), u.ID, changed)
						return err
					}, func() {
						s.wantRefused(session, kit.ErrRevokedToken, "of a session from before ChangeEmail")
						s.loginAt(changed, servicePassword)
						s.registerAt(email) // which is free
					}
			},
		},
		{
			name: "ChangePassword",
			prepare: func(email string) (func() error, func()) {
				u := s.registerAt(email)
				session := s.loginAt(email, servicePassword).RefreshToken
				return func() error { return s.a.ChangePassword(s.ctx(), u.ID, servicePassword, serviceNewPassword) }, func() {
					s.wantRefused(session, kit.ErrRevokedToken, "of a session from before ChangePassword")
					s.loginAt(email, serviceNewPassword)
				}
			},
			already: kit.ErrInvalidCredentials, // the first try may have changed the password
		},
		{
			name: "ResetPassword",
			prepare: func(email string) (func() error, func()) {
				s.registerAt(email)
				session := s.loginAt(email, servicePassword).RefreshToken
				token := s.resetTokenOf(email)
				return func() error { return s.a.ResetPassword(s.ctx(), string(token), serviceNewPassword) }, func() {
					s.wantRefused(session, kit.ErrRevokedToken, "of a session from before the reset")
					s.loginAt(email, serviceNewPassword)
				}
			},
			already: kit.ErrRevokedToken, // the first try may have set the password
		},
		{
			name: "Deactivate",
			prepare: func(email string) (func() error, func()) {
				u := s.registerAt(email)
				session := s.loginAt(email, servicePassword)
				return func() error {
						_, err := s.a.Deactivate(s.ctx(), u.ID)
						return err
					}, func() {
						s.wantStored(u.ID, "Deactivate", func(u kit.User) bool { return !u.Active })
						if _, _, err := s.b.Authenticate(s.ctx(), string(session.AccessToken)); !errors.Is(err, kit.ErrAccountDisabled) {
							s.failf("Authenticate after Deactivate: got error %v, want %q", err, kit.ErrAccountDisabled)
						}
					}
			},
		},
		{
			name: "Activate",
			prepare: func(email string) (func() error, func()) {
				u := s.registerAt(email)
				_, err := s.b.Deactivate(s.ctx(), u.ID)
				s.must(err, "Deactivate")
				return func() error {
						_, err := s.a.Activate(s.ctx(), u.ID)
						return err
					}, func() {
						s.loginAt(email, servicePassword)
					}
			},
		},
		{
			name: "DeleteUser",
			prepare: func(email string) (func() error, func()) {
				u := s.registerAt(email)
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

// fieldUses are the changes of one field of an account, by whoever has the right to.
func (s *instances) fieldUses() []useCase {
	var uses []useCase
	for _, f := range []struct {
		name    string
		prepare func(id string) error // nil for none
		change  func(id string) error
		ok      func(kit.User) bool
	}{
		{"SetUsername", nil,
			func(id string) error { _, err := s.a.SetUsername(s.ctx(), id, "Countess"); return err },
			func(u kit.User) bool { return u.Username == "Countess" }},
		{"SetSettings", nil,
			func(id string) error {
				_, err := s.a.SetSettings(s.ctx(), id, json.RawMessage(`{"theme":"dark"}`))
				return err
			},
			func(u kit.User) bool { return string(u.Settings) == `{"theme":"dark"}` }},
		{"SetRoles", nil,
			func(id string) error { _, err := s.a.SetRoles(s.ctx(), id, "staff", "admin"); return err },
			func(u kit.User) bool { return slices.Equal(u.Roles, []string{"staff", "admin"}) }},
		{"AddRole",
			func(id string) error { _, err := s.b.SetRoles(s.ctx(), id, "staff"); return err },
			func(id string) error { _, err := s.a.AddRole(s.ctx(), id, "admin"); return err },
			func(u kit.User) bool { return slices.Equal(u.Roles, []string{"staff", "admin"}) }},
		{"RemoveRole",
			func(id string) error { _, err := s.b.SetRoles(s.ctx(), id, "staff", "admin"); return err },
			func(id string) error { _, err := s.a.RemoveRole(s.ctx(), id, "staff"); return err },
			func(u kit.User) bool { return slices.Equal(u.Roles, []string{"admin"}) }},
	} {
		uses = append(uses, useCase{
			name: f.name,
			prepare: func(email string) (func() error, func()) {
				u := s.registerAt(email)
				if f.prepare != nil {
					s.must(f.prepare(u.ID), "preparing %s", f.name)
				}
				return func() error { return f.change(u.ID) }, func() { s.wantStored(u.ID, f.name, f.ok) }
			},
		})
	}
	return uses
}
