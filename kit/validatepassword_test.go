package kit_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/password"
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
	h.nextMail(kit.MailVerification)
	token, claims := h.resetToken(email), h.claims(h.login(email, goodPassword))
	ways := map[string]func(string) error{
		"register": func(pw string) error {
			_, err := h.Register(t.Context(), kit.Registration{Email: email, Username: "Countess Byron", Password: kit.Secret(pw)})
			return err
		},
		"reset":  func(pw string) error { return h.ResetPassword(t.Context(), token, pw) },
		"change": func(pw string) error { _, err := h.ChangePassword(t.Context(), claims, goodPassword, pw); return err },
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
	if err := h.ValidatePassword(t.Context(), "password", goodPassword, words[:1]...); err != nil || !slices.Equal(words, kept) {
		t.Error(err, words)
	}
}

// TestPasswordPolicyFails: the error of a policy is the caller's as it is, nothing is changed,
// and no reset token used up. A stranger without a token cannot make the policy work.
func TestPasswordPolicyFails(t *testing.T) {
	down, asked := errors.New("the breach service is down"), 0
	var fails error
	h := newHarness(t, func(o *kit.Options) {
		o.PasswordPolicy = password.PolicyFunc(func(context.Context, string, ...string) ([]password.Violation, error) {
			asked++
			return nil, fails
		})
	})
	h.register("ada@example.com")
	token, claims := h.resetToken("ada@example.com"), h.claims(h.login("ada@example.com", goodPassword))
	fails = down
	ways := map[string]func() error{
		"register": func() error {
			_, err := h.Register(t.Context(), kit.Registration{Email: "new@example.com", Username: "New", Password: otherPassword})
			return err
		},
		"change": func() error { _, err := h.ChangePassword(t.Context(), claims, goodPassword, otherPassword); return err },
		"reset":  func() error { return h.ResetPassword(t.Context(), token, otherPassword) },
		"validate": func() error {
			return h.ValidateRegistration(t.Context(), kit.Registration{Email: "not an address", Username: "New", Password: otherPassword})
		},
	}
	for name, way := range ways {
		if err := way(); err != down {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.login("ada@example.com", goodPassword)
	asked = 0
	h.wantErr("a reset without a token", h.ResetPassword(t.Context(), "myauth_pr_x", otherPassword), kit.ErrInvalidToken)
	if asked != 0 {
		t.Errorf("the policy was asked %d times", asked)
	}
	fails = nil
	if err := ways["reset"](); err != nil {
		t.Error("the same token afterwards:", err)
	}
}

// TestDraftsAskNoServer: a policy that asks another server is told when a form cannot be
// accepted anyway, and before anything was charged to the client.
func TestDraftsAskNoServer(t *testing.T) {
	var drafts []bool
	h := newHarness(t, func(o *kit.Options) {
		o.PasswordPolicy = password.PolicyFunc(func(ctx context.Context, _ string, _ ...string) ([]password.Violation, error) {
			drafts = append(drafts, password.IsDraft(ctx))
			return []password.Violation{{Code: kit.CodeCommonPassword, Message: "choose another password"}}, nil
		})
	})
	good := kit.Registration{Email: "ada@example.com", Username: "Ada", Password: goodPassword}
	check := func(what string, err error, draft bool, want ...string) {
		t.Helper()
		var invalid *kit.ValidationError
		var fields []string
		if errors.As(err, &invalid) {
			for _, f := range invalid.Fields {
				fields = append(fields, f.Field)
			}
		}
		if !slices.Equal(fields, want) || !slices.Equal(drafts, []bool{draft}) {
			t.Errorf("%s: %v, drafts %v", what, err, drafts)
		}
		drafts = nil
	}
	for _, c := range []struct {
		registration kit.Registration
		draft        bool
		want         []string
	}{
		{good, false, []string{"password"}},
		{kit.Registration{Email: "not an address", Username: "Ada", Password: goodPassword}, true, []string{"email", "password"}},
		{kit.Registration{Email: good.Email, Username: " ", Password: goodPassword}, true, []string{"username", "password"}},
		{kit.Registration{Email: good.Email, Username: "Ada", Password: goodPassword, Settings: []byte("[]")}, true, []string{"password", "user_settings"}},
	} {
		_, err := h.Register(t.Context(), c.registration)
		check(c.want[0], err, c.draft, c.want...)
	}
	check("validate", h.ValidateRegistration(t.Context(), good), true, "password")
	check("a password alone", h.ValidatePassword(t.Context(), "password", goodPassword), false, "password")
}
