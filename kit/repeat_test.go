package kit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// repeatable is one use of a Service that writes.
type repeatable struct {
	write string
	// prepare returns the call and what has to hold once it succeeded.
	prepare func(h *harness, u kit.User) (call func() error, check func())
	// already is what the method's comment allows a repetition to say instead of
	// succeeding, when the first try may have done its work.
	already error
}

var repeatables = map[string]repeatable{
	"Register": {"users.Create", func(h *harness, _ kit.User) (func() error, func()) {
		return func() error {
			_, err := h.Register(h.t.Context(), kit.Registration{Email: "new@example.com", Username: "New", Password: goodPassword})
			return err
		}, func() { h.login("new@example.com", goodPassword) }
	}, kit.ErrUserExists},
	"Import": {"users.Create", func(h *harness, u kit.User) (func() error, func()) {
		return func() error {
			_, err := h.Import(h.t.Context(), kit.User{ID: "legacy-1", Email: "old@example.com", Username: "Old", PasswordHash: u.PasswordHash, Active: true, CreatedAt: start})
			return err
		}, func() { h.login("old@example.com", goodPassword) }
	}, nil},
	"Login": {"tokens.Create", func(h *harness, _ kit.User) (func() error, func()) {
		return func() error { _, err := h.Login(h.t.Context(), testEmail, goodPassword); return err }, func() {}
	}, nil},
	"Refresh": {"tokens.Update", func(h *harness, _ kit.User) (func() error, func()) {
		parent := h.login(testEmail, goodPassword).RefreshToken
		var tokens kit.TokenPair
		return func() (err error) { tokens, err = h.refresh(parent); return err }, func() {
			if again := h.mustRefresh(parent); again.RefreshToken != tokens.RefreshToken {
				h.t.Error("another successor")
			}
			h.mustRefresh(tokens.RefreshToken)
		}
	}, nil},
	"Logout": {"tokens.Update", func(h *harness, _ kit.User) (func() error, func()) {
		token := h.login(testEmail, goodPassword).RefreshToken
		return func() error { return h.Logout(h.t.Context(), string(token)) }, func() {
			_, err := h.refresh(token)
			h.wantErr("refresh after it", err, kit.ErrRevokedToken)
		}
	}, nil},
	"EndSession": {"tokens.Update", func(h *harness, u kit.User) (func() error, func()) {
		tokens := h.login(testEmail, goodPassword)
		claims, err := h.Verifier().Verify(string(tokens.AccessToken))
		if err != nil {
			h.t.Fatal(err)
		}
		return func() error { return h.EndSession(h.t.Context(), u.ID, claims.SessionID) }, func() {
			_, err := h.refresh(tokens.RefreshToken)
			h.wantErr("refresh after it", err, kit.ErrRevokedToken)
		}
	}, nil},
	"EndAllSessions": {"users.Update", func(h *harness, u kit.User) (func() error, func()) {
		token := h.login(testEmail, goodPassword).RefreshToken
		return func() error { return h.EndAllSessions(h.t.Context(), u.ID) }, func() {
			_, err := h.refresh(token)
			h.wantErr("refresh after it", err, kit.ErrRevokedToken)
			h.login(testEmail, goodPassword)
		}
	}, nil},
	"ResetPassword": {"users.Update", func(h *harness, _ kit.User) (func() error, func()) {
		token := h.resetToken(testEmail)
		return func() error { return h.ResetPassword(h.t.Context(), token, otherPassword) }, func() { h.login(testEmail, otherPassword) }
	}, kit.ErrRevokedToken},
	"ChangePassword": {"users.Update", func(h *harness, u kit.User) (func() error, func()) {
		claims := h.claims(h.login(testEmail, goodPassword))
		return func() error {
			_, err := h.ChangePassword(h.t.Context(), claims, goodPassword, otherPassword)
			return err
		}, func() { h.login(testEmail, otherPassword) }
	}, kit.ErrRevokedToken},
	"EndOtherSessions": {"users.Update", func(h *harness, u kit.User) (func() error, func()) {
		other, claims := h.login(testEmail, goodPassword), h.claims(h.login(testEmail, goodPassword))
		return func() error { _, err := h.EndOtherSessions(h.t.Context(), claims); return err }, func() {
			_, err := h.refresh(other.RefreshToken)
			h.wantErr("refresh after it", err, kit.ErrRevokedToken)
		}
	}, kit.ErrRevokedToken},
	"Reauthenticate": {"tokens.Update", func(h *harness, u kit.User) (func() error, func()) {
		tokens := h.login(testEmail, goodPassword)
		claims := h.claims(tokens)
		h.clock.Advance(20 * time.Minute)
		return func() error { _, err := h.Reauthenticate(h.t.Context(), claims, goodPassword); return err }, func() {
			h.wantErr("a recent login", h.CheckRecent(u, h.claims(h.mustRefresh(tokens.RefreshToken))), nil)
		}
	}, nil},
	"ConfirmEmailChange": {"users.Update", func(h *harness, u kit.User) (func() error, func()) {
		token := h.changeToken(h.claims(h.login(testEmail, goodPassword)), "new@example.com")
		return func() error { return h.ConfirmEmailChange(h.t.Context(), token) }, func() { h.login("new@example.com", goodPassword) }
	}, kit.ErrRevokedToken},
	"ChangeEmail": {"users.Update", func(h *harness, u kit.User) (func() error, func()) {
		return func() error { _, err := h.ChangeEmail(h.t.Context(), u.ID, "new@example.com"); return err }, func() {
			h.login("new@example.com", goodPassword)
			// The old address is told by the try that changed it, if that learns of it.
			ctx, cancel := context.WithTimeout(h.t.Context(), 20*time.Second)
			defer cancel()
			for {
				mail, err := h.mailer.Next(ctx)
				if err != nil {
					h.t.Fatal(err)
				}
				if mail.Kind != kit.MailVerification {
					continue
				}
				if mail.To != "new@example.com" {
					h.t.Errorf("the mail went to %s", mail.To)
				}
				return
			}
		}
	}, nil},
	"VerifyEmail": {"users.Update", func(h *harness, u kit.User) (func() error, func()) {
		if err := h.RequestEmailVerification(h.t.Context(), testEmail); err != nil {
			h.t.Fatal(err)
		}
		token := h.nextMail(kit.MailVerification).Token
		return func() error { return h.VerifyEmail(h.t.Context(), string(token)) }, h.stored(u.ID, func(u kit.User) bool { return u.Verified })
	}, nil},
	"DenyEmail": {"users.Update", func(h *harness, u kit.User) (func() error, func()) {
		return h.denial(u)
	}, kit.ErrUserNotFound},
	"DenyEmail, deleting": {"users.Delete", func(h *harness, u kit.User) (func() error, func()) {
		return h.denial(u)
	}, kit.ErrUserNotFound},
	"Deactivate": {"users.Update", func(h *harness, u kit.User) (func() error, func()) {
		return func() error { _, err := h.Deactivate(h.t.Context(), u.ID); return err }, h.stored(u.ID, func(u kit.User) bool { return !u.Active })
	}, nil},
	"Activate": {"users.Update", func(h *harness, u kit.User) (func() error, func()) {
		if _, err := h.Deactivate(h.t.Context(), u.ID); err != nil {
			h.t.Fatal(err)
		}
		return func() error { _, err := h.Activate(h.t.Context(), u.ID); return err }, func() { h.login(testEmail, goodPassword) }
	}, nil},
	"ChangeProfile": {"users.Update", func(h *harness, u kit.User) (func() error, func()) {
		return func() error { return h.rename(u.ID, "Countess") }, h.stored(u.ID, func(u kit.User) bool { return u.Username == "Countess" })
	}, nil},
	"ChangeOwnProfile": {"users.Update", func(h *harness, u kit.User) (func() error, func()) {
		claims, name := h.claims(h.login(testEmail, goodPassword)), "Countess"
		return func() error {
			_, err := h.ChangeOwnProfile(h.t.Context(), claims, kit.Profile{Username: &name})
			return err
		}, h.stored(u.ID, func(u kit.User) bool { return u.Username == name })
	}, nil},
	"SetRoles": {"users.Update", func(h *harness, u kit.User) (func() error, func()) {
		return func() error { _, err := h.SetRoles(h.t.Context(), u.ID, "a", "b"); return err }, h.stored(u.ID, func(u kit.User) bool { return slices.Equal(u.Roles, []string{"a", "b"}) })
	}, nil},
	"AddRole": {"users.Update", func(h *harness, u kit.User) (func() error, func()) {
		return func() error { _, err := h.AddRole(h.t.Context(), u.ID, "a"); return err }, h.stored(u.ID, func(u kit.User) bool { return slices.Equal(u.Roles, []string{"a"}) })
	}, nil},
	"RemoveRole": {"users.Update", func(h *harness, u kit.User) (func() error, func()) {
		if _, err := h.SetRoles(h.t.Context(), u.ID, "a", "b"); err != nil {
			h.t.Fatal(err)
		}
		return func() error { _, err := h.RemoveRole(h.t.Context(), u.ID, "a"); return err }, h.stored(u.ID, func(u kit.User) bool { return slices.Equal(u.Roles, []string{"b"}) })
	}, nil},
	"DeleteUser": {"users.Delete", func(h *harness, u kit.User) (func() error, func()) {
		return func() error { return h.DeleteUser(h.t.Context(), u.ID) }, func() {
			_, err := h.UserByID(h.t.Context(), u.ID)
			h.wantErr("the user after it", err, kit.ErrUserNotFound)
		}
	}, kit.ErrUserNotFound},
	"PurgeExpired": {"tokens.DeleteExpired", func(h *harness, u kit.User) (func() error, func()) {
		expired := kit.Token{ID: "expired", Type: kit.PasswordResetToken, UserID: u.ID, SecretHash: make([]byte, 32), CreatedAt: start, ExpiresAt: start, Version: 1}
		if err := h.store.Tokens().Create(h.t.Context(), expired); err != nil {
			h.t.Fatal(err)
		}
		return func() error { _, err := h.PurgeExpired(h.t.Context(), start); return err }, func() {
			_, err := h.store.Tokens().ByID(h.t.Context(), expired.ID)
			h.wantErr("the expired token after it", err, kit.ErrNotFound)
		}
	}, nil},
}

func (h *harness) denial(u kit.User) (func() error, func()) {
	if err := h.RequestEmailVerification(h.t.Context(), testEmail); err != nil {
		h.t.Fatal(err)
	}
	token := h.nextMail(kit.MailVerification).Token
	return func() error { return h.DenyEmail(h.t.Context(), string(token)) }, func() {
		_, err := h.UserByID(h.t.Context(), u.ID)
		h.wantErr("the user after it", err, kit.ErrUserNotFound)
	}
}

// stored returns a check of the user as stored.
func (h *harness) stored(id string, ok func(kit.User) bool) func() {
	return func() {
		if u, err := h.store.Users().ByID(h.t.Context(), id); err != nil || !ok(u) {
			h.t.Errorf("stored is %+v, %v", u, err)
		}
	}
}

// TestRepeatingIsSafe: the write happens, its answer is lost, and the store is away
// from some moment on, be it before the write or after the look at its outcome. Whatever
// the caller is told then, trying once more ends well.
func TestRepeatingIsSafe(t *testing.T) {
	for name, use := range repeatables {
		t.Run(name, func(t *testing.T) {
			for calls := range 8 { // that get through before the store is away
				t.Run(fmt.Sprint(calls), func(t *testing.T) {
					h := newHarness(t)
					u, _ := h.register(testEmail)
					call, check := use.prepare(h, u)
					h.faults.InjectAfter("*", kittest.Down, calls)
					h.faults.Inject(use.write, kittest.Lost, 1)
					err := call()
					h.faults.Clear()
					if err != nil {
						h.wantErr("during the outage", err, kit.ErrUnavailable)
						if again := call(); again != nil && (use.already == nil || !errors.Is(again, use.already)) {
							t.Fatalf("once more: %v", again)
						}
					}
					check()
				})
			}
		})
	}
}
