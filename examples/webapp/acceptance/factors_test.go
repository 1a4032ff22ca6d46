package acceptance

import (
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"myauth.internal/kit/totp"
)

// codeOf is what an authenticator app shows some steps of 30 seconds from now. That of the next
// step works too, and each works once.
func codeOf(t *testing.T, secret string, steps int) string {
	t.Helper()
	code, err := totp.Code(secret, time.Now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// TestSecondFactor is the life of an authenticator app.
func TestSecondFactor(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.profile()
	b.signUp(ada)
	b.press("Account", "Your account")
	b.press("Manage two-step verification", "Two-step verification")
	b.press("Set it up", "Set up an authenticator app")
	uri, err := url.Parse(b.qrCode())
	if err != nil || uri.Scheme != "otpauth" || uri.Query().Get("issuer") != "Notebook" || uri.Path != "/Notebook:"+ada {
		t.Fatalf("the QR code is %v, %v", uri, err)
	}
	secret := uri.Query().Get("secret")
	if shown := eval[string](b, `document.querySelector(".qr ~ p code, li code").textContent`); shown != secret {
		t.Errorf("the key is %q, and in the QR code %q", shown, secret)
	}
	b.shoot("authenticator")
	b.fill("Code", "000000")
	b.press("Turn two-step verification on", "Set up an authenticator app")
	if again := b.qrCode(); again != uri.String() {
		t.Error("after a wrong code there is another secret")
	}
	b.fill("Code", codeOf(t, secret, 0))
	b.press("Turn two-step verification on", "Your recovery codes")
	codes := eval[[]string](b, `[...document.querySelectorAll(".codes code")].map(e => e.textContent)`)
	if len(codes) != 10 {
		t.Fatalf("%d recovery codes", len(codes))
	}
	b.press("I have them", "Two-step verification")
	b.says("It is on", "10 recovery codes")
	b.press("Sign out", "Sign in")

	b.signIn(ada, password, "Two-step verification")
	b.visit("/", "Sign in") // half a login is none
	b.signIn(ada, password, "Two-step verification")
	b.fill("Code", "000000")
	b.press("Continue", "Two-step verification")
	b.says("This code is wrong")
	b.fill("Code", codeOf(t, secret, 1))
	get(b, "remember", chromedp.Click(labelled("Don’t ask on this device for 90 days")))
	b.press("Continue", "Your notes")
	b.press("Sign out", "Sign in")
	b.signIn(ada, password, "Your notes") // not asked on this device

	other := s.profile()
	other.visit("/account/two-factor", "Sign in")
	other.signIn(ada, password, "Two-step verification")
	other.press("Use a recovery code", "Two-step verification")
	other.fill("Recovery code", codes[0])
	other.press("Continue", "Two-step verification")
	other.says("9 recovery codes")
	other.press("Sign out", "Sign in")
	other.signIn(ada, password, "Two-step verification")
	other.press("Use a recovery code", "Two-step verification")
	other.fill("Recovery code", codes[0])
	other.press("Continue", "Two-step verification")
	other.says("This code is wrong")

	b.visit("/account/two-factor", "Two-step verification")
	b.press("Make new recovery codes", "Confirm that it is you") // this device was not asked for a code
	b.fill("Password", password)
	b.press("Continue", "Two-step verification")
	b.press("Use a recovery code", "Two-step verification")
	b.fill("Recovery code", codes[1])
	b.press("Continue", "New recovery codes")
	b.press("Make new codes", "Your recovery codes")
	b.press("I have them", "Two-step verification")
	b.says("10 recovery codes")
	b.press("Turn it off", "Turn two-step verification off")
	b.press("Turn it off", "Two-step verification")
	b.says("Two-step verification is off")
	third := s.profile()
	third.visit("/sign-in", "Sign in")
	third.signIn(ada, password, "Your notes")
}
