package kit_test

import (
	"errors"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

func TestVerification(t *testing.T) {
	h := newHarness(t)
	u, mail := h.register(testEmail)
	token := string(mail.Token)
	if want := "https://app.example.com/account/verify-email?token=" + token; string(mail.Link) != want {
		t.Errorf("the link is %q", string(mail.Link))
	}
	for range 2 {
		if err := h.VerifyEmail(t.Context(), token); err != nil {
			t.Fatal("verify:", err)
		}
	}
	if got, _ := h.UserByID(t.Context(), u.ID); !got.Verified {
		t.Error("not verified")
	}
	if n := h.count(kit.EventEmailVerified); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
	// Verified, unknown and disabled addresses get no mail, and the same answer.
	for _, email := range []string{testEmail, "nobody@example.com"} {
		if err := h.RequestEmailVerification(t.Context(), email); err != nil {
			t.Error(email, err)
		}
	}
	changed, err := h.ChangeEmail(t.Context(), u.ID, "new@example.com")
	if err != nil || changed.Verified {
		t.Fatal(changed, err)
	}
	h.wantErr("the old address's token", h.VerifyEmail(t.Context(), token), kit.ErrInvalidToken)
	second, notice := h.changedEmail()
	if second.To != "new@example.com" {
		t.Errorf("the new mail goes to %q", second.To)
	}
	if notice.To != testEmail || notice.Link != "" || notice.Token != "" || notice.UserID != u.ID || notice.Username != u.Username {
		t.Errorf("the notice is %+v", notice)
	}
	if _, err := h.Deactivate(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	if err := h.VerifyEmail(t.Context(), string(second.Token)); err != nil {
		t.Error(err)
	}
	if got, _ := h.UserByID(t.Context(), u.ID); got.Active || !got.Verified {
		t.Error("verification reactivated the account, or did nothing")
	}
	if err := h.DeleteUser(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	h.wantErr("a deleted user's token", h.VerifyEmail(t.Context(), string(second.Token)), kit.ErrUserNotFound)
}

func TestVerificationTokensAreOnlyThat(t *testing.T) {
	h := newHarness(t)
	_, mail := h.register(testEmail)
	tokens := h.login(testEmail, goodPassword)
	_, _, err := h.Authenticate(t.Context(), string(mail.Token))
	h.wantErr("as access token", err, kit.ErrInvalidToken)
	for name, token := range map[string]string{
		"an access token": string(tokens.AccessToken), "a refresh token": string(tokens.RefreshToken),
		"a cut one": string(mail.Token)[:40], "nothing": "", "a padded one": string(mail.Token) + "=",
	} {
		h.wantErr(name, h.VerifyEmail(t.Context(), token), kit.ErrInvalidToken)
	}
	h.clock.Advance(24*time.Hour - time.Microsecond)
	if err := h.VerifyEmail(t.Context(), string(mail.Token)); err != nil {
		t.Error("just before its end:", err)
	}
	h.clock.Advance(time.Microsecond)
	h.wantErr("at its end", h.VerifyEmail(t.Context(), string(mail.Token)), kit.ErrExpiredToken)
	h.clock.Advance(-48 * time.Hour)
	h.wantErr("before its time", h.VerifyEmail(t.Context(), string(mail.Token)), kit.ErrInvalidToken)
}

// The owner of an address who did not make the account deletes it, and no other account.
func TestDenyEmail(t *testing.T) {
	h := newHarness(t)
	u, mail := h.register(testEmail) // by a stranger
	stranger := h.login(testEmail, goodPassword)
	token := string(mail.Token)
	if want := "https://app.example.com/account/verify-email/deny?token=" + token; string(mail.DenyLink) != want {
		t.Errorf("the link is %q", string(mail.DenyLink))
	}
	h.wantErr("an access token", h.DenyEmail(t.Context(), string(stranger.AccessToken)), kit.ErrInvalidToken)
	if err := h.DenyEmail(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	_, err := h.UserByID(t.Context(), u.ID)
	h.wantErr("the account", err, kit.ErrUserNotFound)
	_, err = h.refresh(stranger.RefreshToken)
	h.wantErr("the stranger's session", err, kit.ErrInvalidToken)
	h.wantErr("again", h.DenyEmail(t.Context(), token), kit.ErrUserNotFound)
	if n, m := h.count(kit.EventEmailDenied), h.count(kit.EventUserDeleted); n != 1 || m != 1 {
		t.Errorf("%d denials and %d deletions, want 1 each", n, m)
	}
	again, second := h.register(testEmail) // the address is free, and the token is not for the new account
	h.wantErr("the token of before", h.DenyEmail(t.Context(), token), kit.ErrUserNotFound)
	if err := h.VerifyEmail(t.Context(), string(second.Token)); err != nil {
		t.Fatal(err)
	}
	h.wantErr("of a verified account", h.DenyEmail(t.Context(), string(second.Token)), kit.ErrRevokedToken)
	if _, err := h.ChangeEmail(t.Context(), again.ID, "new@example.com"); err != nil {
		t.Fatal(err)
	}
	third, _ := h.changedEmail()
	h.wantErr("of another address", h.DenyEmail(t.Context(), string(second.Token)), kit.ErrInvalidToken)
	h.clock.Advance(24 * time.Hour)
	h.wantErr("past its time", h.DenyEmail(t.Context(), string(third.Token)), kit.ErrExpiredToken)
	if _, err := h.UserByID(t.Context(), again.ID); err != nil {
		t.Error(err)
	}
}

// A deletion that fails leaves nothing that the stranger could use, and may be repeated.
func TestDenyEmailWithoutTheStoresDelete(t *testing.T) {
	h := newHarness(t)
	_, mail := h.register(testEmail)
	stranger := h.login(testEmail, goodPassword)
	h.faults.Inject("users.Delete", kittest.Down, 1)
	h.wantErr("the outage", h.DenyEmail(t.Context(), string(mail.Token)), kit.ErrUnavailable)
	_, err := h.Login(t.Context(), testEmail, goodPassword)
	h.wantErr("the stranger's password", err, kit.ErrInvalidCredentials)
	_, err = h.refresh(stranger.RefreshToken)
	h.wantErr("the stranger's session", err, kit.ErrInvalidToken)
	if err := h.DenyEmail(t.Context(), string(mail.Token)); err != nil {
		t.Error("again:", err)
	}
}

// Of verifications and denials at once, either all verify or the account is gone.
func TestVerifyAndDenyAtOnce(t *testing.T) {
	for range 20 {
		h := newHarness(t)
		u, mail := h.register(testEmail)
		denied := 0
		errs := race(16, func(i int) error {
			if i%2 == 0 {
				return h.VerifyEmail(t.Context(), string(mail.Token))
			}
			return h.DenyEmail(t.Context(), string(mail.Token))
		})
		for i, err := range errs {
			switch {
			case i%2 == 1 && err == nil:
				denied++
			case err != nil && !errors.Is(err, kit.ErrUserNotFound) && !errors.Is(err, kit.ErrRevokedToken) && !errors.Is(err, kit.ErrUnavailable):
				t.Error(err)
			}
		}
		_, err := h.UserByID(t.Context(), u.ID)
		if gone := errors.Is(err, kit.ErrUserNotFound); denied > 1 || gone != (denied == 1) {
			t.Errorf("%d denials succeeded, and the account: %v", denied, err)
		}
	}
}

// TestVerificationIsOneEvent: a call that finds the address verified by another has not
// verified it, and one whose write's answer was lost has.
func TestVerificationIsOneEvent(t *testing.T) {
	for name, meanwhile := range map[string]func(h *harness, other func()){
		"another call at that instant": func(h *harness, other func()) { h.faults.OnCall("users.Update", other) },
		"another call a second later": func(h *harness, other func()) {
			h.faults.OnCall("users.Update", func() { h.clock.Advance(time.Second); other() })
		},
		"a lost answer": func(h *harness, _ func()) { h.faults.Inject("users.Update", kittest.Lost, 1) },
	} {
		h := newHarness(t)
		_, mail := h.register(testEmail)
		verify := func() {
			if err := h.VerifyEmail(t.Context(), string(mail.Token)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		meanwhile(h, verify)
		verify()
		if n := h.count(kit.EventEmailVerified); n != 1 {
			t.Errorf("%s: %d events, want 1", name, n)
		}
	}
}

// TestOwnerRegistersAfterADenial gets the verification mail at once, although the stranger's
// registration has caused one within the minute.
func TestOwnerRegistersAfterADenial(t *testing.T) {
	spacedBubble(t, func(t *testing.T, h *harness) {
		_, mail := h.register(testEmail)
		if err := h.DenyEmail(t.Context(), string(mail.Token)); err != nil {
			t.Fatal(err)
		}
		h.register(testEmail)
	})
}

func TestMailRequestsWithoutAMailer(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.Mailer = nil })
	if _, err := h.Register(t.Context(), kit.Registration{Email: testEmail, Username: "a", Password: goodPassword}); err != nil {
		t.Error("registration needs no mailer:", err)
	}
	h.wantErr("reset", h.RequestPasswordReset(t.Context(), testEmail), kit.ErrEmailNotConfigured)
	h.wantErr("verification", h.RequestEmailVerification(t.Context(), testEmail), kit.ErrEmailNotConfigured)
}
