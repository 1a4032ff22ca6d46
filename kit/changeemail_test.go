package kit_test

import (
	"testing"

	"myauth.internal/kit"
)

func TestChangeEmail(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	h.register("bob@example.com")
	tokens, reset := h.login(testEmail, goodPassword), h.resetToken(testEmail)
	_, err := h.ChangeEmail(t.Context(), u.ID, "BOB@example.com")
	h.wantErr("an address of another account", err, kit.ErrUserExists)
	tokens = h.mustRefresh(tokens.RefreshToken)
	if _, err := h.ChangeEmail(t.Context(), u.ID, "new@example.com"); err != nil {
		t.Fatal(err)
	}
	_, err = h.refresh(tokens.RefreshToken)
	h.wantErr("a session from before", err, kit.ErrRevokedToken)
	_, _, err = h.Authenticate(t.Context(), string(tokens.AccessToken))
	h.wantErr("an access token from before", err, kit.ErrRevokedToken)
	h.wantErr("a reset token from before", h.ResetPassword(t.Context(), reset, otherPassword), kit.ErrRevokedToken)
	_, err = h.Login(t.Context(), testEmail, goodPassword)
	h.wantErr("the old address", err, kit.ErrInvalidCredentials)
	h.login("new@example.com", goodPassword)
	if _, err := h.Register(t.Context(), kit.Registration{Email: testEmail, Username: "Ann", Password: goodPassword}); err != nil {
		t.Errorf("registering the old address: %v", err)
	}
}
