package surface

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
)

// The tests of this file need the feature pin, and do nothing in a process without it.

const (
	pinNumber = "4711"
	pinEmail  = "pin@example.com" // has the factor, in most tests
)

// enroll gives the account of an access token the factor, and returns its new access token.
func (a *app) enroll(access string) string {
	a.t.Helper()
	bearer := "Authorization: Bearer " + access
	const json = "Content-Type: application/json"
	state := a.send("POST", "/mfa/pin", object("pin", pinNumber), json, bearer).is(201).state()
	r := a.send("POST", "/mfa/pin/confirm", object("state", state, "code", pinNumber), json, bearer).is(200)
	a.mail(kit.MailFactorEnrolled)
	return r.tokens().Access
}

// recoveryCodes are those that an answer shows.
func (r answer) recoveryCodes() []string {
	r.t.Helper()
	var body struct {
		Codes []string `json:"recovery_codes"`
	}
	r.decode(&body)
	if len(body.Codes) != 10 {
		r.t.Fatalf("got %s, want ten recovery codes", r.body)
	}
	return body.Codes
}

func (r answer) state() string {
	r.t.Helper()
	var body struct{ State string }
	r.decode(&body)
	return body.State
}

// mfaToken logs the account with the factor in, as far as its password goes.
func (a *app) mfaToken() string {
	a.t.Helper()
	return a.post("/login", "email", pinEmail, "password", goodPassword).mfaToken()
}

// mfaToken wants an answer that asks for the factor.
func (r answer) mfaToken() string {
	r.t.Helper()
	r.is(403, "mfa_required")
	var due struct {
		Token   string `json:"mfa_token"`
		Methods []string
		Expires int `json:"expires_in"`
	}
	r.decode(&due)
	if !slices.Equal(due.Methods, []string{"pin", "recovery_code"}) || due.Expires != 600 {
		r.t.Errorf("got %s", r.body)
	}
	return due.Token
}

// pinBodies are the bodies of the feature's routes, and sets the access tokens that they need.
func (a *app) pinBodies() map[string][]any {
	a.t.Helper()
	fresh, confirming := a.tokenOf("fresh@example.com"), a.tokenOf("confirming@example.com")
	enrolled := a.enroll(a.tokenOf(pinEmail))
	const json = "Content-Type: application/json"
	state := a.send("POST", "/mfa/pin", object("pin", pinNumber), json, "Authorization: Bearer "+confirming).is(201).state()
	maps.Copy(a.bearers, map[string]string{"/mfa/pin": fresh, "/mfa/pin/confirm": confirming, "/notes/1": fresh, "/mfa": fresh, "/reauthenticate/begin": enrolled})
	return map[string][]any{
		"/mfa/pin":         {"pin", pinNumber},
		"/mfa/pin/confirm": {"state", state, "code", pinNumber},
		"/login/mfa/begin": {"mfa_token", a.mfaToken(), "method", "pin"},
		"/login/mfa":       {"mfa_token", a.mfaToken(), "method", "pin", "code", pinNumber},
		"/notes/1":         {"text", "Hello"},

		"/reauthenticate/begin": {"mfa_token", a.reauthenticate(enrolled, goodPassword).mfaToken(), "method", "pin"},
	}
}

// The way of a second factor from its set-up over a login to its removal.
func TestFactor(t *testing.T) {
	if !featured() {
		return
	}
	a := newApp(t)
	first := a.tokenOf(pinEmail)
	bearer := func(token string) string { return "Authorization: Bearer " + token }
	if got := a.send("GET", "/mfa", "", bearer(first)).is(200).body; got != `{"factors":[],"recovery_codes_left":0}` {
		t.Errorf("before: %s", got)
	}
	a.send("DELETE", "/mfa/pin", "", bearer(first)).is(401, "reauthentication_required") // no factor in this login
	second := a.enroll(first)
	a.send("GET", "/mfa", "", bearer(first)).is(401, "revoked_token")
	if got, want := a.send("GET", "/mfa", "", bearer(second)).is(200).body, `{"factors":[{"type":"pin","created_at":"2026-11-23T12:00:00.000000Z","last_used_at":null}],"recovery_codes_left":10}`; got != want {
		t.Errorf("got %s", got)
	}
	a.send("POST", "/mfa/pin", object("pin", "1"), "Content-Type: application/json", bearer(second)).is(409, "already_enrolled")
	a.send("POST", "/mfa/pin/confirm", object("state", "x", "code", "1"), "Content-Type: application/json", bearer(second)).is(409, "already_enrolled")

	token := a.mfaToken()
	state := a.post("/login/mfa/begin", "mfa_token", token, "method", "pin").is(200).state()
	a.post("/login/mfa", "mfa_token", token, "method", "pin", "state", state, "code", "0000").is(401, "invalid_code")
	tk := a.post("/login/mfa", "mfa_token", token, "method", "pin", "state", state, "code", pinNumber).is(200).tokens()
	a.me(tk.Access).is(200)
	a.refresh(tk.Refresh).is(200)
	a.post("/login/mfa", "mfa_token", token, "method", "pin", "code", pinNumber).is(401, "revoked_token")
	a.post("/login/mfa/begin", "mfa_token", token, "method", "pin").is(401, "revoked_token")

	a.clock.Advance(10*time.Minute + time.Second)
	a.send("DELETE", "/mfa/pin", "", bearer(tk.Access)).is(401, "reauthentication_required")
	tk = a.post("/login/mfa", "mfa_token", a.mfaToken(), "method", "pin", "code", pinNumber).is(200).tokens()
	a.send("DELETE", "/mfa/pin", "", bearer(tk.Access)).is(204)
	a.mail(kit.MailFactorRemoved)
	a.post("/login", "email", pinEmail, "password", goodPassword).is(200)
}

// Recovery codes come with the first factor, stand for it once each, and go with the last one.
func TestRecoveryCodes(t *testing.T) {
	if !featured() {
		return
	}
	a := newApp(t)
	first := a.tokenOf(pinEmail)
	bearer := func(token string) string { return "Authorization: Bearer " + token }
	const json = "Content-Type: application/json"
	a.send("POST", "/mfa/recovery-codes", "", bearer(first)).is(404, "not_found") // no factor
	state := a.send("POST", "/mfa/pin", object("pin", pinNumber), json, bearer(first)).is(201).state()
	r := a.send("POST", "/mfa/pin/confirm", object("state", state, "code", pinNumber), json, bearer(first)).is(200)
	a.mail(kit.MailFactorEnrolled)
	codes := r.recoveryCodes()
	step := func(code string, remember any) answer {
		return a.post("/login/mfa", "mfa_token", a.mfaToken(), "method", "recovery_code", "code", code, "remember_device", remember)
	}
	tk := step(codes[0], true).is(200).tokens()
	a.mail(kit.MailRecoveryCodeUsed)
	step(codes[0], false).is(401, "invalid_code")
	step(codes[1], "yes").invalid("remember_device invalid_type")
	if got := a.send("GET", "/mfa", "", bearer(tk.Access)).is(200).body; !strings.HasSuffix(got, `"recovery_codes_left":9}`) {
		t.Errorf("got %s", got)
	}
	fresh := a.send("POST", "/mfa/recovery-codes", "", bearer(tk.Access)).is(200).recoveryCodes()
	a.mail(kit.MailRecoveryCodesMade)
	step(codes[1], false).is(401, "invalid_code")
	step(fresh[0], false).is(200)
	a.mail(kit.MailRecoveryCodeUsed)

	// The device of the login that asked for it remembers the factor, for what is not recent.
	known := a.post("/login", "email", pinEmail, "password", goodPassword, "device_token", tk.Device).is(200).tokens()
	known = a.refresh(known.Refresh).is(200).tokens()
	a.me(known.Access).is(200)
	a.send("POST", "/mfa/recovery-codes", "", bearer(known.Access)).is(401, "reauthentication_required")

	a.send("DELETE", "/mfa/pin", "", bearer(tk.Access)).is(204)
	a.mail(kit.MailFactorRemoved)
	if got := a.send("GET", "/mfa", "", bearer(tk.Access)).is(200).body; got != `{"factors":[],"recovery_codes_left":0}` {
		t.Errorf("after the last factor: %s", got)
	}
}

// Each way in which the routes of factors refuse that no general test produces.
func TestFactorRefused(t *testing.T) {
	if !featured() {
		return
	}
	a := newApp(t)
	const json = "Content-Type: application/json"
	bearer := func(token string) string { return "Authorization: Bearer " + token }
	a.register() // and not verified
	a.mail(kit.MailVerification)
	unverified := a.login().Access
	fresh := a.tokenOf("fresh@example.com")
	enrolled := a.enroll(a.tokenOf(pinEmail))
	token := a.mfaToken()

	enroll := func(path string, headers ...string) answer {
		return a.send("POST", path, object("pin", "1", "state", "x", "code", "1"), append(headers, json)...)
	}
	for _, path := range []string{"/mfa/pin", "/mfa/pin/confirm"} {
		enroll(path, bearer(unverified)).is(403, "email_not_verified")
	}
	enroll("/mfa/none", bearer(fresh)).is(404, "not_found")
	enroll("/mfa/none/confirm", bearer(fresh)).is(404, "not_found")
	a.send("DELETE", "/mfa/none", "", bearer(enrolled)).is(404, "not_found")
	a.send("POST", "/notes/2", object("text", "x"), json, bearer(fresh)).is(404, "not_found")
	for _, path := range []string{"/login/mfa/begin", "/login/mfa"} {
		a.post(path, "mfa_token", token, "method", "none", "code", "x").is(404, "not_found")
		a.post(path, "mfa_token", "x", "method", "pin", "code", "x").is(401, "invalid_token")
	}

	state := a.send("POST", "/mfa/pin", object("pin", "1"), json, bearer(fresh)).is(201).state()
	confirm := func(state, code string) answer {
		return a.send("POST", "/mfa/pin/confirm", object("state", state, "code", code), json, bearer(fresh))
	}
	if got := confirm("x", "1").is(401, "invalid_token").header.Get("Www-Authenticate"); got != `Bearer realm="MyAuth"` {
		t.Errorf("the state is refused, and the Bearer token with it: %s", got)
	}
	confirm(state, "2").is(401, "invalid_code")

	a.pinClosed(true)
	a.post("/login", "email", "fresh@example.com", "password", goodPassword).is(403, "closed")
	a.post("/login/mfa", "mfa_token", token, "method", "pin", "code", pinNumber).is(403, "closed")
	a.pinClosed(false)

	a.clock.Advance(10 * time.Minute)
	for _, path := range []string{"/login/mfa/begin", "/login/mfa"} {
		a.post(path, "mfa_token", token, "method", "pin", "code", pinNumber).is(401, "expired_token")
	}
	a.send("POST", "/mfa/pin", "", bearer(fresh)).is(422, "validation_failed") // 10 minutes are recent
}

// The second step of a re-authentication is for the session that began it, and no login.
func TestReauthenticateWithFactor(t *testing.T) {
	if !featured() {
		return
	}
	a := newApp(t)
	first := a.enroll(a.tokenOf(pinEmail))
	login := func() tokens {
		return a.post("/login/mfa", "mfa_token", a.mfaToken(), "method", "pin", "code", pinNumber).is(200).tokens()
	}
	mine, other := login().Access, login().Access
	a.clock.Advance(11 * time.Minute)
	a.as(mine, "POST /email-change", "{}").is(401, "reauthentication_required")
	a.reauthenticate(mine, "wrong").is(401, "invalid_credentials")
	token := a.reauthenticate(mine, goodPassword).mfaToken()
	step := func(access, token, method, code string) answer {
		return a.as(access, "POST /reauthenticate", object("mfa_token", token, "method", method, "code", code))
	}
	begin := func(access, token, method string) answer {
		return a.as(access, "POST /reauthenticate/begin", object("mfa_token", token, "method", method))
	}
	step(mine, token, "none", pinNumber).is(404, "not_found")
	begin(mine, token, "none").is(404, "not_found")
	state := begin(mine, token, "pin").is(200).state()
	step(mine, token, "pin", "0000").is(401, "invalid_code")
	for _, access := range []string{first, other} {
		step(access, token, "pin", pinNumber).is(401, "invalid_token")
		begin(access, token, "pin").is(401, "invalid_token")
	}
	half := a.mfaToken() // of a login
	step(mine, half, "pin", pinNumber).is(401, "invalid_token")
	begin(mine, half, "pin").is(401, "invalid_token")
	a.post("/login/mfa", "mfa_token", token, "method", "pin", "code", pinNumber).is(401, "invalid_token")
	a.post("/login/mfa/begin", "mfa_token", token, "method", "pin").is(401, "invalid_token")
	a.pinClosed(true)
	step(mine, token, "pin", pinNumber).is(403, "closed")
	a.pinClosed(false)
	access := a.as(mine, "POST /reauthenticate", object("mfa_token", token, "method", "pin", "state", state, "code", pinNumber)).accessToken()
	a.as(access, "POST /email-change", "{}").invalid("new_email required")
	a.as(other, "POST /email-change", "{}").is(401, "reauthentication_required")
	step(mine, token, "pin", pinNumber).is(401, "revoked_token")
	begin(mine, token, "pin").is(401, "revoked_token")

	token = a.reauthenticate(access, goodPassword).mfaToken()
	a.clock.Advance(10 * time.Minute)
	step(access, token, "pin", pinNumber).is(401, "expired_token")
	begin(access, token, "pin").is(401, "expired_token")
}

// A login between its factors ends with the account.
func TestFactorOfADisabledAccount(t *testing.T) {
	if !featured() {
		return
	}
	a := newApp(t)
	a.enroll(a.tokenOf(pinEmail))
	token := a.mfaToken()
	u, err := a.UserByEmail(context.Background(), pinEmail)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Deactivate(context.Background(), u.ID); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/login/mfa/begin", "/login/mfa"} {
		a.post(path, "mfa_token", token, "method", "pin", "code", pinNumber).is(403, "account_disabled")
	}
}

// The state of an enrolment ends, and a wrong type of a field is named.
func TestFactorFields(t *testing.T) {
	if !featured() {
		return
	}
	a := newApp(t)
	bodies := a.pinBodies()
	for path, names := range map[string][]string{
		"/mfa/pin": {"pin"}, "/mfa/pin/confirm": {"state"}, "/login/mfa/begin": {"mfa_token", "method"}, "/login/mfa": {"mfa_token", "method"}, "/notes/1": {"text"},
		"/reauthenticate/begin": {"mfa_token", "method"},
	} {
		var missing, wrong []string
		var numbers []any
		for _, name := range names {
			missing, wrong, numbers = append(missing, name+" required"), append(wrong, name+" invalid_type"), append(numbers, name, 1)
		}
		a.post(path).invalid(missing...)
		a.post(path, numbers...).invalid(wrong...)
	}
	confirm := bodies["/mfa/pin/confirm"]
	a.post("/mfa/pin/confirm", confirm[0], confirm[1]).invalid("code required")
	a.post("/mfa/pin/confirm", confirm[0], confirm[1], "code", 1).invalid("code invalid_type")
	a.post("/mfa/pin/confirm", confirm...).is(200)
}

// The tools of OAuth hear of a second factor in their own terms.
func TestGrantOfAnAccountWithAFactor(t *testing.T) {
	withBodies(t)
	if !featured() {
		return
	}
	a := newApp(t)
	a.enroll(a.tokenOf(pinEmail))
	a.grant("grant_type", "password", "username", pinEmail, "password", goodPassword).refused(400, "invalid_grant", "second factor")
	a.grant("username", pinEmail, "password", goodPassword).is(403, "mfa_required")
}

// A feature's mail comes from the account's own request.
func TestNote(t *testing.T) {
	if !featured() {
		return
	}
	a := newApp(t)
	bearer := "Authorization: Bearer " + a.tokenOf(pinEmail)
	a.send("POST", "/notes/1", object("text", "Hello"), "Content-Type: application/json", bearer).is(202)
	if mail := a.mail(mailNote); mail.To != pinEmail || mail.Data["text"] != "Hello" {
		t.Errorf("got %+v", mail)
	}
}
