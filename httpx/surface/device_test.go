package surface

import (
	"strings"
	"testing"

	"myauth.internal/kit"
)

// A login in JSON makes a device, unless it comes from one of the account, and nothing else does.
func TestDeviceToken(t *testing.T) {
	a := newApp(t)
	a.register()
	a.mail(kit.MailVerification)
	loginWith := func(device any) answer {
		return a.post("/login", "email", testEmail, "password", goodPassword, "device_token", device)
	}
	first := a.login()
	if !strings.HasPrefix(first.Device, "myauth_dv_") {
		t.Fatalf("got %+v", first)
	}
	if tk := loginWith(first.Device).is(200).tokens(); tk.Device != "" {
		t.Error("a known device got another token")
	}
	for _, unknown := range []string{"", "x", first.Refresh, first.Device + "x", strings.Repeat("x", 32<<10)} {
		if tk := loginWith(unknown).is(200).tokens(); tk.Device == "" {
			t.Errorf("the device %.20s is known", unknown)
		}
	}
	const form = "Content-Type: application/x-www-form-urlencoded"
	if !inCookieMode() {
		loginWith(1).invalid("device_token invalid_type")
	}
	for _, body := range []string{"", "grant_type=password&"} {
		if inCookieMode() {
			break
		}
		if tk := a.send("POST", "/login", body+"username="+testEmail+"&password="+goodPassword+"&device_token="+first.Device, form).is(200).tokens(); tk.Device != "" {
			t.Error("a form got a device")
		}
	}
	if tk := a.refresh(first.Refresh).is(200).tokens(); tk.Device != "" {
		t.Error("a refresh made a device")
	}
	a.reauthenticate(first.Access, goodPassword).accessToken() // exactly that
	a.me(first.Device).is(401, "invalid_token")
	if featured() {
		a.enroll(a.tokenOf(pinEmail))
		tk := a.post("/login/mfa", "mfa_token", a.mfaToken(), "method", "pin", "code", pinNumber).is(200).tokens()
		if tk.Device == "" {
			t.Error("a login with two factors made no device")
		}
	}
}

// Strangers who guess make a login wait, in the same way for each address and password. The owner
// on a known device does not, and a device of somebody else is none.
func TestGuessingAgainstDevices(t *testing.T) {
	a := newApp(t, func(c *setup) { c.InsecureUnlimited = false })
	a.register()
	mine := a.login().Device
	a.stranger("grace@example.com")
	foreign := a.post("/login", "email", "grace@example.com", "password", goodPassword).is(200).tokens().Device
	guess := func(email, password string, device ...any) answer {
		return a.post("/login", append([]any{"email", email, "password", password}, device...)...)
	}
	wrong := func(n int) string { return "wrong" + strings.Repeat("x", n) }
	var refused, unknown answer
	for n := range 12 {
		refused, unknown = guess(testEmail, wrong(n)), guess("nobody@example.com", wrong(n))
	}
	refused.is(429, "too_many_requests").same(unknown)
	guess(testEmail, goodPassword).same(refused)
	guess(testEmail, goodPassword, "device_token", foreign).same(refused)
	guess(testEmail, goodPassword, "device_token", mine+"x").same(refused)
	guess(testEmail, goodPassword, "device_token", mine).is(200)
	if inCookieMode() {
		return
	}
	a.send("POST", "/login", "grant_type=password&username=nobody@example.com&password="+goodPassword,
		"Content-Type: application/x-www-form-urlencoded").is(429, "temporarily_unavailable")
}
