//go:build !js

package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"myauth.internal/kit/totp"
)

// walk is a visitor of the page, who counts the requests that went.
type walk struct {
	*tab
	n int
}

// press clicks a button and waits for the answer to the request that this makes. It
// must have the status, and the page must show each of the texts.
func (w *walk) press(button string, status string, shows ...string) string {
	w.t.Helper()
	w.n++
	item := fmt.Sprintf(`#exchanges li[data-n="%d"][data-status]`, w.n)
	w.do(chromedp.Click(chromedp.CSS(button)))
	text := get(w.tab, chromedp.TextContent(chromedp.CSS(item))) // waits for it
	got := eval[string](w.tab, "document.querySelector('"+item+"').dataset.status")
	if got != status {
		w.t.Fatalf("%s answered %s, want %s:\n%s", button, got, status, text)
	}
	for _, want := range shows {
		if !strings.Contains(text, want) {
			w.t.Errorf("%s: the page does not show %q:\n%s", button, want, text)
		}
	}
	return text
}

// ceremony clicks a button that asks for options, then the device, and then sends what the
// device has signed.
func (w *walk) ceremony(button string, status string, shows ...string) {
	w.t.Helper()
	w.n++ // the options
	w.press(button, status, shows...)
}

// addDevice gives the browser a device that keeps passkeys and knows its user.
func (w *walk) addDevice() webauthn.AuthenticatorID {
	w.t.Helper()
	enable(w.tab, webauthn.Enable, webauthn.EnableParams{})
	added, err := chromedp.Call(w.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	w.must(err)
	return added.AuthenticatorID
}

// bogus lets a device sign wrongly, or rightly again.
func (w *walk) bogus(id webauthn.AuthenticatorID, wrong bool) {
	w.t.Helper()
	_, err := chromedp.Call(w.ctx, webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{AuthenticatorID: id, IsBogusSignature: &wrong})
	w.must(err)
}

func (w *walk) fill(field, value string) {
	w.t.Helper()
	w.do(chromedp.SetValue(chromedp.CSS(field), value))
}

func (w *walk) value(field string) string {
	w.t.Helper()
	return get(w.tab, chromedp.Value(chromedp.CSS(field)))
}

// useMail waits for a mail of that kind and presses its button, which fills in a field.
func (w *walk) useMail(kind, to, field string) {
	w.t.Helper()
	item := fmt.Sprintf(`#mails li[data-kind="%s"]`, kind)
	w.do(chromedp.Click(chromedp.CSS(item + " button")))
	token := w.value(field)
	text := get(w.tab, chromedp.TextContent(chromedp.CSS(item)))
	if token == "" || !strings.Contains(text, "?token="+token) || !strings.Contains(text, "To "+to) {
		w.t.Fatalf("the mail gave the token %q:\n%s", token, text)
	}
}

// The whole life of an account, by the buttons of the page.
func TestWalk(t *testing.T) {
	const (
		accessToken  = "#access-token"
		refreshToken = "#refresh-token"
		login        = "#login button"
		password     = `#login [name="password"]`
	)
	w := &walk{tab: openTab(t)}

	w.press("#register button", "201", "POST /auth/register", `"password":"Correct-Horse-7"`, "location: /auth/me", `"is_verified":false`)
	w.press("#register button", "409", "user_already_exists")

	w.fill(password, "Wrong-Horse-7")
	w.press(login, "401", `"Wrong-Horse-7"`, "application/problem+json", `"code":"invalid_credentials"`)
	w.fill(password, "Correct-Horse-7")

	w.useMail("verification", "ada@example.com", "#verify-token")
	w.press("#verify button", "204")

	w.press(login, "200", `"token_type":"bearer"`, `"is_verified":true`)
	access, first := w.value(accessToken), w.value(refreshToken)
	w.press("#me button", "200", "authorization: Bearer "+access, `"email":"ada@example.com"`)

	// Within the grace the session is not rotated again: the replaced token gets the same
	// successor, and the successor gets itself.
	w.press("#refresh", "200")
	second := w.value(refreshToken)
	if second == first || !strings.HasPrefix(second, "myauth_rt_") {
		t.Fatalf("the refresh token %q became %q", first, second)
	}
	for _, token := range []string{first, second} {
		w.fill(refreshToken, token)
		w.press("#refresh", "200")
		if again := w.value(refreshToken); again != second {
			t.Fatalf("the refresh token gave %q, want the successor %q", again, second)
		}
	}

	w.press(login, "200")
	access = w.value(accessToken)
	w.press("#reset-request button", "202", `{"status":"accepted"}`)
	w.useMail("password_reset", "ada@example.com", "#reset-token")
	w.press("#reset button", "204")
	w.press("#reset button", "401", `"code":"revoked_token"`)
	w.do(chromedp.WaitReady(chromedp.CSS(`#mails li[data-kind="password_changed"]`)))

	// The reset has ended the session, for both of its tokens.
	w.press("#me button", "401", "authorization: Bearer "+access, `"code":"revoked_token"`)
	w.press("#refresh", "401", `"code":"revoked_token"`)
	w.press(login, "401", `"code":"invalid_credentials"`)

	w.fill(password, "Better-Horse-8")
	w.press(login, "200")
	w.press("#me button", "200", `"username":"Ada"`)

	// What the owner does with the account.
	w.press("#profile button", "200", `"username":"Countess"`)
	w.press(login, "200")
	w.press("#list-sessions", "200", `"current":true`, `"current":false`, `"device":"`)
	w.press("#end-session", "404", `"code":"not_found"`)
	w.press("#revoke-others", "200", `"token_type":"bearer"`)
	w.fill(`#password-change [name="current_password"]`, "Better-Horse-8")
	w.fill(`#password-change [name="new_password"]`, "Correct-Horse-7")
	w.press("#password-change button", "200", `"token_type":"bearer"`)
	w.press("#reauthenticate button", "200", `"token_type":"bearer"`)
	w.press("#email-change button", "202")
	w.useMail("email_change", "lovelace@example.com", "#change-token")
	w.press("#email-confirm button", "204")
	w.press("#me button", "401", `"code":"revoked_token"`)
	w.fill(`#login [name="email"]`, "lovelace@example.com")
	w.fill(password, "Correct-Horse-7")
	w.press(login, "200", `"email":"lovelace@example.com"`)

	// An authenticator app, and a login with it.
	w.press("#mfa-enroll", "201", "otpauth://totp/Playground:lovelace@example.com?secret=")
	secret := regexp.MustCompile(`"secret":"([A-Z2-7]+)"`).FindStringSubmatch(get(w.tab, chromedp.TextContent(chromedp.CSS(fmt.Sprintf(`#exchanges li[data-n="%d"]`, w.n)))))
	code := func(at time.Time) string {
		code, err := totp.Code(secret[1], at)
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	w.fill(`#mfa-confirm [name="code"]`, code(time.Now()))
	w.press("#mfa-confirm button", "200", `"recovery_codes":["`)
	w.press(login, "403", `"code":"mfa_required"`)
	w.fill(`#mfa-login [name="code"]`, code(time.Now().Add(30*time.Second)))
	w.press("#mfa-login button", "200")
	w.press("#mfa-list", "200", `"type":"totp"`, `"recovery_codes_left":10`)

	// A passkey: instead of the name, the password and the code, and instead of the code.
	device := w.addDevice()
	w.ceremony("#passkey-add button", "201", `"name":"Laptop"`, `"last_used_at":null`)
	w.do(chromedp.WaitReady(chromedp.CSS(`#mails li[data-kind="passkey_added"]`)))
	w.ceremony("#passkey-login button", "200", `"email":"lovelace@example.com"`)
	w.bogus(device, true)
	w.ceremony("#passkey-login button", "401", `"code":"invalid_credentials"`)
	w.bogus(device, false)
	w.press(login, "403", `"methods":["totp","passkey","recovery_code"]`)
	w.ceremony("#passkey-mfa button", "200", `"token_type":"bearer"`)
	id := regexp.MustCompile(`"id":"([A-Za-z0-9_-]+)"`).FindStringSubmatch(w.press("#passkey-list", "200", `"name":"Laptop"`))
	w.fill("#passkey-id", id[1])
	w.press("#passkey-remove", "204")
	w.do(chromedp.WaitReady(chromedp.CSS(`#mails li[data-kind="passkey_removed"]`)))
	w.press("#passkey-list", "200", `"passkeys":[]`)
	w.ceremony("#passkey-login button", "401", `"code":"invalid_credentials"`)

	w.press("#mfa-codes", "200", `"recovery_codes":["`)
	w.press("#mfa-remove", "204")

	w.press("#logout", "204")
	w.press("#refresh", "401", `"code":"revoked_token"`)
	w.press("#delete button", "401", `"code":"revoked_token"`) // what is recent asks for a session that is live
	w.press(login, "200")
	w.press("#delete button", "204")
	w.press(login, "401", `"code":"invalid_credentials"`)
}

// What fetch must be, beyond what the buttons do.
func TestFetch(t *testing.T) {
	b := openTab(t)
	const post = `const post = (path, body, init) => fetch("/auth/" + path, { method: "POST", headers: { "Content-Type": "application/json" }, body, ...init });`
	for _, tc := range []struct{ name, script, want string }{
		{"a Response",
			`const r = await fetch("/auth/me"); return [r instanceof Response, r.status, r.statusText, r.headers.get("cache-control"), r.headers.get("www-authenticate"), (await r.json()).code].join()`,
			`true,401,Unauthorized,no-store,Bearer realm="MyAuth",missing_token`},
		{"a Request, its URL whole",
			`const r = await fetch(new Request(new URL("/auth/openapi.json?x=1#y", location)));
			return [r.status, (await r.json()).openapi.slice(0, 3)].join()`, "200,3.1"},
		{"no body to HEAD", `const r = await fetch("/auth/me", { method: "HEAD" }); return r.status + (await r.text())`, "401"},
		{"null for no body", `const r = await post("logout", '{"refresh_token":"x"}'); return r.status + String(r.body)`, "204null"},
		{"64 KiB", `return (await post("login", " ".repeat(65537))).status`, "413"},
		{"bytes", `return (await post("login", new Uint8Array([0x7b, 0xff, 0x7d]))).status`, "400"},
		{"a form", `return (await fetch("/auth/login", { method: "POST", body: new URLSearchParams({ username: "a@example.com", password: "x" }) })).status`, "401"},
		{"header bytes", `const r = await fetch("/auth/me", { headers: { authorization: "Bearer \u00e9" } }); return (await r.json()).code`, "invalid_token"},
		{"aborted before", `return post("login", "{}", { signal: AbortSignal.abort() }).then(() => "answered", (e) => e.name)`, "AbortError"},
		{"aborted on the way", `const c = new AbortController(), p = post("login", "{}", { signal: c.signal }); c.abort(new Error("enough"));
			return p.then(() => "answered", (e) => e.message)`, "enough"},
		{"no Request", `const f = await playground.program; return f("/auth/me").then(() => "answered", (e) => e.name + ": " + e.message)`,
			"TypeError: jsfetch: call it with one Request"},
		{"a body read before", `const f = await playground.program, r = new Request("/auth/login", { method: "POST", body: "x" }); await r.text();
			return f(r).then(() => "answered", (e) => e.name)`, "TypeError"},
		{"many at once", `const all = await Promise.all(Array.from({ length: 4 }, () => post("register", JSON.stringify({ email: "b@example.com", username: "B", password: "Correct-Horse-7" }))));
			return all.map((r) => r.status).sort().join()`, "201" + strings.Repeat(",409", 3)},
	} {
		if got := eval[string](b, "(async () => { "+post+tc.script+" })().then(String)"); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
	}
}

// The page does not stand still while a password is hashed: its event loop goes round
// once for each of the eight pauses that package password makes at cost 10, and once more.
func TestRunsOnWhileHashing(t *testing.T) {
	b := openTab(t)
	const script = `(async () => {
		const { port1, port2 } = new MessageChannel();
		let rounds = 0, answered = false;
		port1.onmessage = () => { rounds++; if (!answered) port2.postMessage(null); };
		port2.postMessage(null);
		const r = await fetch("/auth/login", { method: "POST", headers: { "Content-Type": "application/json" },
			body: JSON.stringify({ email: "nobody@example.com", password: "Correct-Horse-7" }) });
		answered = true;
		port1.close();
		return r.status + " " + rounds;
	})()`
	var status, rounds int
	if _, err := fmt.Sscan(eval[string](b, script), &status, &rounds); err != nil || status != 401 || rounds < 7 {
		t.Errorf("a login was answered %d (%v), and the event loop went round %d times meanwhile", status, err, rounds)
	}
}

// A program that has ended is reported, and no request waits for it.
func TestProgramEnds(t *testing.T) {
	b := openTab(t)
	eval[bool](b, `playground.failed("it was ended"); true`)
	b.do(chromedp.WaitReady(chromedp.CSS("#controls:disabled")))
	if got := eval[string](b, `document.getElementById("status").textContent`); got != "It does not run: it was ended" {
		t.Errorf("the page says %q", got)
	}
	if got := eval[string](b, `fetch("/auth/me").then(() => "answered", (e) => e.message)`); got != "it was ended" {
		t.Errorf("a request got %q", got)
	}
}
