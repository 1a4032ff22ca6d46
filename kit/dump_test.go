package kit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"testing"

	"myauth.internal/kit"
)

// TestDumpLogsNothingIn is a thief with a copy of the database: no value of a row serves
// as the secret of that row's token.
func TestDumpLogsNothingIn(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	refreshToken := string(h.mustRefresh(h.login(testEmail, goodPassword).RefreshToken).RefreshToken) // a row with a previous hash
	resetToken := h.resetToken(testEmail)
	changeToken := h.changeToken(h.claims(h.login(testEmail, goodPassword)), "new@example.com")
	rows, err := h.store.Tokens().ByUser(t.Context(), u.ID, "", 10)
	rows = slices.DeleteFunc(rows, func(row kit.Token) bool { return row.Type == kit.RefreshToken && row.PreviousHash == nil })
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v: want a session, a reset token and one for a change of address", len(rows), err)
	}
	for _, row := range rows {
		for name, value := range map[string][]byte{
			"SecretHash": row.SecretHash, "PreviousHash": row.PreviousHash, "Salt": row.Salt,
			"no secret": make([]byte, 32), "another secret": bytes.Repeat([]byte("s"), 32),
		} {
			if row.Type == kit.PasswordResetToken {
				h.wantErr(name+" as the secret of a reset token", h.ResetPassword(t.Context(), forged(t, resetToken, value), otherPassword), kit.ErrInvalidToken)
				continue
			}
			if row.Type == kit.EmailChangeToken {
				h.wantErr(name+" as the secret of a change of address", h.ConfirmEmailChange(t.Context(), forged(t, changeToken, value)), kit.ErrInvalidToken)
				continue
			}
			if tokens, err := h.Refresh(t.Context(), forged(t, refreshToken, value)); err == nil || tokens.AccessToken != "" {
				t.Errorf("%s as the secret of a refresh token: got tokens, error %v", name, err)
			}
			// The session that a wrong secret ended begins again, for the next value.
			stored, err := h.store.Tokens().ByID(t.Context(), row.ID)
			if err != nil {
				t.Fatal(err)
			}
			stored.RevokedAt = row.RevokedAt
			if err := h.store.Tokens().Update(t.Context(), stored); err != nil {
				t.Fatal(err)
			}
		}
	}
	h.login(testEmail, goodPassword)
}

// forged is the token that a thief makes who knows the ID of token's row and takes these bytes
// for its secret.
func forged(t *testing.T, token string, secret []byte) string {
	t.Helper()
	prefix, encoded := token[:len("myauth_rt_")], token[len("myauth_rt_"):]
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || len(raw) != 16+32+3 {
		t.Fatalf("the token has %d bytes, %v", len(raw), err)
	}
	clear(raw[16:48])
	copy(raw[16:48], secret)
	sum := sha256.Sum256(append([]byte(prefix), raw[:48]...))
	copy(raw[48:], sum[:])
	return prefix + base64.RawURLEncoding.EncodeToString(raw)
}
