package kit_test

import (
	"testing"
	"time"

	"myauth.internal/kit"
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
	second := h.nextMail(kit.MailVerification)
	if second.To != "new@example.com" {
		t.Errorf("the new mail goes to %q", second.To)
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

func TestMailRequestsWithoutAMailer(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.Mailer = nil })
	if _, err := h.Register(t.Context(), kit.Registration{Email: testEmail, Username: "a", Password: goodPassword}); err != nil {
		t.Error("registration needs no mailer:", err)
	}
	h.wantErr("reset", h.RequestPasswordReset(t.Context(), testEmail), kit.ErrEmailNotConfigured)
	h.wantErr("verification", h.RequestEmailVerification(t.Context(), testEmail), kit.ErrEmailNotConfigured)
}
