package kit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"myauth.internal/kit"
)

// TestRefusalsAreEvents: whatever is refused that a guess could be made with is in the
// audit stream, with the account where one is meant, and without the secret.
func TestRefusalsAreEvents(t *testing.T) {
	h := newHarness(t)
	u, verification := h.register(testEmail)
	reset, used := h.resetToken(testEmail), h.resetToken(testEmail)
	refresh := string(h.login(testEmail, goodPassword).RefreshToken)
	if err := h.ResetPassword(t.Context(), used, goodPassword); err != nil {
		t.Fatal(err)
	}
	h.nextMail(kit.MailPasswordChanged)
	claims := h.claims(h.login(testEmail, goodPassword))
	swap := func(token string) string { return token[:len(token)-30] + strings.Repeat("A", 30) }
	for _, c := range []struct {
		what   string
		call   func(secret string) error
		secret string
		kind   kit.EventKind
		userID string
		err    error
	}{
		{"a wrong current password", func(s string) error {
			_, err := h.ChangePassword(t.Context(), claims, s, otherPassword)
			return err
		}, "Wr0ng!Passw0rd", kit.EventPasswordChangeFailed, u.ID, kit.ErrInvalidCredentials},
		{"a malformed reset token", func(s string) error { return h.ResetPassword(t.Context(), s, otherPassword) }, swap(reset), kit.EventTokenRefused, "", kit.ErrInvalidToken},
		{"an old reset token", func(s string) error { return h.ResetPassword(t.Context(), s, otherPassword) }, reset, kit.EventTokenRefused, u.ID, kit.ErrRevokedToken},
		{"a malformed verification token", func(s string) error { return h.VerifyEmail(t.Context(), s) }, swap(string(verification.Token)), kit.EventTokenRefused, "", kit.ErrInvalidToken},
		{"a denial of a verified address", func(s string) error { return h.DenyEmail(t.Context(), s) }, string(verification.Token), kit.EventTokenRefused, u.ID, kit.ErrRevokedToken},
		{"a malformed refresh token", func(s string) error { _, err := h.Refresh(t.Context(), s); return err }, swap(refresh), kit.EventTokenRefused, "", kit.ErrInvalidToken},
		{"a registration of a taken address", func(s string) error {
			_, err := h.Register(t.Context(), kit.Registration{Email: testEmail, Username: "a", Password: kit.Secret(s)})
			return err
		}, otherPassword, kit.EventRegistrationRefused, u.ID, kit.ErrUserExists},
	} {
		before := h.count(c.kind)
		h.wantErr(c.what, c.call(c.secret), c.err)
		e := h.last(c.kind)
		if n := h.count(c.kind) - before; n != 1 || e.UserID != c.userID || !errors.Is(e.Err, c.err) {
			t.Errorf("%s: %d events, the last %v", c.what, n, e)
		}
		if text := fmt.Sprintf("%+v", e); strings.Contains(text, c.secret) || strings.Contains(text, testEmail) {
			t.Errorf("%s: the event is %s", c.what, text)
		}
	}
}
