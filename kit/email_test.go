package kit_test

import (
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/throttle"
)

// TestSpaceAroundAddresses: wherever an address comes in, the white space that a
// keyboard or a password manager put around it makes no difference.
func TestSpaceAroundAddresses(t *testing.T) {
	var asked []string
	h := newHarness(t, func(o *kit.Options) {
		o.Limiter = limiterFunc(func(a throttle.Attempt) error {
			asked = append(asked, a.EmailKey)
			return nil
		})
	})
	const spaced = "\u00a0\u3000" + testEmail + " \t\r\n"
	u, err := h.Register(t.Context(), kit.Registration{Email: spaced, Username: "Ada", Password: goodPassword})
	if err != nil || u.Email != testEmail {
		t.Fatalf("%q, %v", u.Email, err)
	}
	if mail := h.nextMail(kit.MailVerification); mail.To != testEmail {
		t.Errorf("the mail goes to %q", mail.To)
	}
	_, err = h.Register(t.Context(), kit.Registration{Email: testEmail + "\u2003", Username: "Ada", Password: goodPassword})
	h.wantErr("registered again", err, kit.ErrUserExists)
	h.login(spaced, goodPassword)
	if got, err := h.UserByEmail(t.Context(), spaced); err != nil || got.ID != u.ID {
		t.Error("UserByEmail:", got, err)
	}
	h.resetToken(spaced)
	if err := h.RequestEmailVerification(t.Context(), spaced); err != nil {
		t.Fatal(err)
	}
	h.nextMail(kit.MailVerification)
	for _, key := range asked {
		if key != kit.EmailKey(testEmail) {
			t.Errorf("the limiter was asked about %q", key)
		}
	}
	if got, err := h.ChangeEmail(t.Context(), u.ID, " grace@example.com\n"); err != nil || got.Email != "grace@example.com" {
		t.Errorf("ChangeEmail: %q, %v", got.Email, err)
	}
	if got, err := h.Import(t.Context(), kit.User{Email: spaced, Username: "Ada"}); err != nil || got.Email != testEmail {
		t.Errorf("Import: %q, %v", got.Email, err)
	}
}
