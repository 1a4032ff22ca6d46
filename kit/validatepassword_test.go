package kit_test

import (
	"errors"
	"slices"
	"testing"

	"myauth.internal/kit"
)

// TestPasswordContext: wherever a password is chosen, one that is little more than the
// user's address, the user name or the service's name is refused, and a reset token is
// not used up by it.
func TestPasswordContext(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.JWTIssuer = "Difference Engine" }) // at app.example.com
	const email = "ada.lovelace@analytical.example"
	if _, err := h.Register(t.Context(), kit.Registration{Email: email, Username: "Countess Byron", Password: goodPassword}); err != nil {
		t.Fatal(err)
	}
	u, err := h.UserByEmail(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	h.nextMail(kit.MailVerification)
	token := h.resetToken(email)
	ways := map[string]func(string) error{
		"register": func(pw string) error {
			_, err := h.Register(t.Context(), kit.Registration{Email: email, Username: "Countess Byron", Password: kit.Secret(pw)})
			return err
		},
		"reset":  func(pw string) error { return h.ResetPassword(t.Context(), token, pw) },
		"change": func(pw string) error { return h.ChangePassword(t.Context(), u.ID, goodPassword, pw) },
	}
	for name, way := range ways {
		for _, pw := range []string{
			"Ada.Lovelace@Analytical.Example1", "Lovelace1815!", "Analytical-7", "Byron#1824", "Countess-Byron1", "Difference-Engine1", "App.Example.Com1",
		} {
			var invalid *kit.ValidationError
			if err := way(pw); !errors.As(err, &invalid) || len(invalid.Fields) != 1 || invalid.Fields[0].Code != kit.CodeCommonPassword {
				t.Errorf("%s with %q: %v, want common_password alone", name, pw, err)
			}
		}
	}
	h.wantErr("another password at registration", ways["register"](otherPassword), kit.ErrUserExists)
	if err := ways["reset"](otherPassword); err != nil {
		t.Error("another password, with the token that was refused before:", err)
	}
	h.login(email, otherPassword)
	// A used token says nothing of its user: not even which passwords are refused.
	h.wantErr("a token that was used, and a name as the password", ways["reset"]("Lovelace1815!"), kit.ErrRevokedToken)
}

// TestValidatePasswordLeavesTheContextAlone: a caller's slice is the caller's.
func TestValidatePasswordLeavesTheContextAlone(t *testing.T) {
	h := newHarness(t)
	words := []string{"one", "two", "three"}
	kept := slices.Clone(words)
	if err := h.ValidatePassword("password", goodPassword, words[:1]...); err != nil || !slices.Equal(words, kept) {
		t.Error(err, words)
	}
}
