package kit_test

import (
	"testing"

	"myauth.internal/kit"
)

func TestDeleteUser(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	tokens := h.login(testEmail, goodPassword)
	h.login(testEmail, goodPassword)
	if err := h.DeleteUser(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err := h.Authenticate(t.Context(), string(tokens.AccessToken))
	h.wantErr("an access token of a deleted user", err, kit.ErrRevokedToken)
	if rows, _ := h.store.Tokens().ByUser(t.Context(), u.ID, "", 10); len(rows) != 0 {
		t.Errorf("%d tokens are left", len(rows))
	}
	h.wantErr("again", h.DeleteUser(t.Context(), u.ID), kit.ErrUserNotFound)
	h.register(testEmail) // the address is free
}
