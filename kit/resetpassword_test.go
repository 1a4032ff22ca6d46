package kit_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

func TestPasswordReset(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	tokens := h.login(testEmail, goodPassword)
	other := h.resetToken(testEmail)
	if err := h.RequestPasswordReset(t.Context(), strings.ToUpper(testEmail)); err != nil {
		t.Fatal(err)
	}
	mail := h.nextMail(kit.MailPasswordReset)
	if mail.To != testEmail {
		t.Errorf("the mail goes to %q, want the stored spelling", mail.To)
	}
	if want := "https://app.example.com/account/reset-password?token=" + string(mail.Token); string(mail.Link) != want {
		t.Errorf("the link is %q, want %q", string(mail.Link), want)
	}
	err := h.ResetPassword(t.Context(), string(mail.Token), "short")
	var invalid *kit.ValidationError
	if !errors.As(err, &invalid) || invalid.Fields[0].Field != "new_password" {
		t.Errorf("a weak password: %v", err)
	}
	if err := h.ResetPassword(t.Context(), string(mail.Token), otherPassword); err != nil {
		t.Fatal("reset:", err)
	}
	if note := h.nextMail(kit.MailPasswordChanged); note.Link != "" || note.Token != "" || note.To != testEmail {
		t.Error("the note to the owner holds a link or goes elsewhere")
	}
	_, err = h.Login(t.Context(), testEmail, goodPassword)
	h.wantErr("login with the old password", err, kit.ErrInvalidCredentials)
	_, err = h.refresh(tokens.RefreshToken)
	h.wantErr("an old session", err, kit.ErrRevokedToken)
	_, _, err = h.Authenticate(t.Context(), string(tokens.AccessToken))
	h.wantErr("an old access token", err, kit.ErrRevokedToken)
	h.wantErr("another reset token", h.ResetPassword(t.Context(), other, otherPassword), kit.ErrRevokedToken)
	h.wantErr("the same token again", h.ResetPassword(t.Context(), string(mail.Token), otherPassword), kit.ErrRevokedToken)
	h.login(testEmail, otherPassword)
	if after, _ := h.UserByID(t.Context(), u.ID); !after.Verified {
		t.Error("the reset proved the address, and it does not count as verified")
	}
}

func TestPasswordResetHasOneWinner(t *testing.T) {
	h := newHarness(t)
	h.register(testEmail)
	token := h.resetToken(testEmail)
	won := 0
	for _, err := range race(20, func(int) error { return h.ResetPassword(t.Context(), token, otherPassword) }) {
		if err == nil {
			won++
		} else if !errors.Is(err, kit.ErrRevokedToken) {
			t.Error("a loser got", err)
		}
	}
	if won != 1 {
		t.Errorf("%d of 20 uses won, want 1", won)
	}
}

func TestPasswordResetOfNobody(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	if err := h.RequestPasswordReset(t.Context(), "nobody@example.com"); err != nil {
		t.Error("unknown address:", err)
	}
	token := h.resetToken(testEmail)
	h.clock.Advance(15 * time.Minute)
	h.wantErr("past its time", h.ResetPassword(t.Context(), token, otherPassword), kit.ErrExpiredToken)
	token = h.resetToken(testEmail)
	if _, err := h.Deactivate(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	h.wantErr("a disabled account's token", h.ResetPassword(t.Context(), token, otherPassword), kit.ErrRevokedToken)
	if err := h.RequestPasswordReset(t.Context(), testEmail); err != nil {
		t.Error("disabled account:", err)
	}
	if err := h.DeleteUser(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	h.wantErr("a deleted account's token", h.ResetPassword(t.Context(), token, otherPassword), kit.ErrInvalidToken)
	h.Close(t.Context())
	if n := len(h.mailer.All()); n != 3 {
		t.Errorf("%d mails went out, want 3: disabled and unknown addresses get none", n)
	}
}

func TestPasswordResetSurvivesStorageFaults(t *testing.T) {
	for _, op := range []string{"tokens.ByID", "users.ByID", "users.Update"} {
		for _, fault := range []kittest.Fault{kittest.Down, kittest.Hang, kittest.Lost} {
			bubble(t, func(t *testing.T, h *harness) {
				h.register(testEmail)
				token := h.resetToken(testEmail)
				h.faults.Inject(op, fault, 1)
				err := h.ResetPassword(t.Context(), token, otherPassword)
				if lostWrite := op == "users.Update" && fault == kittest.Lost; lostWrite != (err == nil) {
					t.Errorf("%s with fault %d: got %v", op, fault, err)
				}
				if err != nil {
					h.wantErr("a storage fault", err, kit.ErrUnavailable)
					if err := h.ResetPassword(t.Context(), token, otherPassword); err != nil {
						t.Errorf("%s with fault %d: the token does not work afterwards: %v", op, fault, err)
					}
				}
				h.login(testEmail, otherPassword)
			})
		}
	}
}

func TestPasswordResetRowIsTheQueuesWork(t *testing.T) {
	h := newHarness(t)
	h.register(testEmail)
	h.faults.Inject("tokens.Create", kittest.Down, -1)
	if err := h.RequestPasswordReset(t.Context(), testEmail); err != nil {
		t.Error("a token store that is down changes the answer:", err)
	}
	h.faults.Inject("users.ByEmail", kittest.Down, -1) // the queue's look-up may come now, and would take a single one
	h.wantErr("a user store that is down", h.RequestPasswordReset(t.Context(), testEmail), kit.ErrUnavailable)
}

func TestPreHijack(t *testing.T) {
	h := newHarness(t)
	u, err := h.Register(t.Context(), kit.Registration{ // by somebody who does not own the address
		Email: testEmail, Username: "Your account is locked, call 555", Password: goodPassword, Settings: json.RawMessage(`{"webhook":"https://evil.example"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.AddRole(t.Context(), u.ID, "member"); err != nil {
		t.Fatal(err)
	}
	hijacker := h.login(testEmail, goodPassword)
	h.nextMail(kit.MailVerification)
	move := h.changeToken(h.claims(hijacker), "hijacker@example.com")
	if err := h.ResetPassword(t.Context(), h.resetToken(testEmail), otherPassword); err != nil {
		t.Fatal(err)
	}
	h.nextMail(kit.MailPasswordChanged)
	h.wantErr("the hijacker's change of address", h.ConfirmEmailChange(t.Context(), move), kit.ErrRevokedToken)
	_, _, err = h.Authenticate(t.Context(), string(hijacker.AccessToken))
	h.wantErr("the hijacker's access token", err, kit.ErrRevokedToken)
	_, err = h.Login(t.Context(), testEmail, goodPassword)
	h.wantErr("the hijacker's password", err, kit.ErrInvalidCredentials)
	_, err = h.refresh(hijacker.RefreshToken)
	h.wantErr("the hijacker's session", err, kit.ErrRevokedToken)
	owned, err := h.UserByID(t.Context(), u.ID)
	if err != nil || !owned.Verified || owned.Username != "Ada" || string(owned.Settings) != "{}" || !owned.HasRole("member") {
		t.Errorf("the owner has %+v, %v", owned, err)
	}
	if n := h.count(kit.EventEmailVerified); n != 1 {
		t.Errorf("%d events of the proof, want 1", n)
	}
	for _, m := range h.mailer.All() {
		if strings.Contains(m.Username, "locked") {
			t.Errorf("a %s mail greets with the hijacker's words", m.Kind)
		}
	}
	// A second reset proves nothing new, and takes nothing away.
	if _, err := h.ChangeProfile(t.Context(), u.ID, kit.Profile{Settings: json.RawMessage(`{"theme":"dark"}`)}); err != nil {
		t.Fatal(err)
	}
	if err := h.ResetPassword(t.Context(), h.resetToken(testEmail), goodPassword); err != nil {
		t.Fatal(err)
	}
	if owned, err = h.UserByID(t.Context(), u.ID); err != nil || string(owned.Settings) != `{"theme":"dark"}` {
		t.Errorf("the owner has %+v, %v", owned, err)
	}
}
