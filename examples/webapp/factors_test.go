package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit/totp"
)

// code returns what the authenticator app shows.
func (s *site) code(secret string) string {
	s.t.Helper()
	code, err := totp.Code(secret, s.clock.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	return code
}

// enrol turns two-step verification on, and returns the secret and the recovery codes.
func (b *browser) enrol() (secret string, codes []string) {
	b.t.Helper()
	page := b.get("/account/two-factor/app").want(200, "data:image/png;base64,")
	secret = page.value("secret")
	form := []string{"secret", secret, "uri", page.value("uri"), "state", page.value("state"), "code"}
	again := b.post("/account/two-factor/app", append(form, "000000")...).want(401, `id="code-error"`, "data:image/png;base64,")
	if again.value("secret") != secret {
		b.t.Error("after a wrong code there is another secret, which the app does not have")
	}
	page = b.post("/account/two-factor/app", append(form, b.code(secret))...).want(200, "We show them only now")
	for _, found := range regexp.MustCompile(`<li><code>([^<]+)</code>`).FindAllStringSubmatch(page.text, -1) {
		codes = append(codes, found[1])
	}
	if len(codes) != 10 {
		b.t.Fatalf("%d recovery codes, want 10", len(codes))
	}
	b.clock.Advance(time.Minute) // each code works once
	return secret, codes
}

func TestSecondFactor(t *testing.T) {
	s := newSite(t)
	b := s.signUp(ada)
	b.get("/account/two-factor").want(200, "It is off", "Set it up")
	secret, codes := b.enrol()
	b.get("/account/two-factor").want(200, "It is on", "<strong>10</strong>")
	b.get("/account/two-factor/app").want(409, "This is set up already")

	phone := s.browser()
	phone.get("/second-factor").to("/sign-in?done=start-again")
	phone.post("/sign-in?next=/account", "email", ada, "password", newPassword).want(401)
	phone.post("/sign-in?next=/account", "email", ada, "password", adaPassword).to("/second-factor?next=%2Faccount")
	phone.get("/account").to("/sign-in?next=%2Faccount")
	phone.get("/second-factor?next=%2Faccount").want(200, `autocomplete="one-time-code"`, "Use a recovery code", "90 days")
	phone.post("/second-factor?next=%2Faccount", "method", "totp", "code", "").want(422, "Please fill this in")
	phone.post("/second-factor?next=%2Faccount", "method", "totp", "code", "000000").want(401, "This code is wrong")
	phone.post("/second-factor?next=%2Faccount", "method", "totp", "code", s.code(secret), "remember", "1").to("/account")
	phone.get("/account").want(200)
	phone.get("/second-factor").to("/sign-in?done=start-again")
	phone.post("/sign-out").to("/sign-in?done=signed-out")
	phone.signIn(ada, adaPassword) // which the device remembers

	lost := s.browser()
	lost.post("/sign-in", "email", ada, "password", adaPassword).to("/second-factor?next=%2F")
	lost.get("/second-factor?with=recovery_code&next=%2F").want(200, "Recovery code")
	lost.post("/second-factor?with=recovery_code&next=//evil.example", "method", "recovery_code", "code", codes[0]).to("/")
	lost.get("/account/two-factor").want(200, "<strong>9</strong>")
	lost.get("/account/two-factor/codes").want(200, "Those from before stop working")
	made := lost.post("/account/two-factor/codes").want(200, "We show them only now")
	if strings.Contains(made.text, codes[1]) {
		t.Error("the new codes are the old ones")
	}

	tries := s.browser()
	tries.post("/sign-in", "email", ada, "password", adaPassword).to("/second-factor?next=%2F")
	for range 5 {
		tries.post("/second-factor", "method", "totp", "code", "000000").want(401)
	}
	tries.post("/second-factor", "method", "totp", "code", s.code(secret)).to("/sign-in?done=start-again")

	// The re-authentication asks for both factors, too.
	s.clock.Advance(11 * time.Minute)
	b = lost
	b.get("/account/two-factor/remove").to("/confirm-it-is-you?next=%2Faccount%2Ftwo-factor%2Fremove")
	b.post("/confirm-it-is-you?next=%2Faccount%2Ftwo-factor%2Fremove", "password", adaPassword).to("/second-factor?next=%2Faccount%2Ftwo-factor%2Fremove")
	page := b.get("/second-factor?next=%2Faccount%2Ftwo-factor%2Fremove").want(200)
	if strings.Contains(page.text, "90 days") {
		t.Error("a re-authentication offers to remember the device")
	}
	b.post("/second-factor?next=%2Faccount%2Ftwo-factor%2Fremove", "method", "totp", "code", s.code(secret)).to("/account/two-factor/remove")
	b.get("/account/two-factor/remove").want(200, "Turn it off")
	b.post("/account/two-factor/remove").to("/account/two-factor?done=factor-removed")
	b.get("/account/two-factor").want(200, "It is off")
	s.browser().signIn(ada, adaPassword)
}

// TestPasskeyPages: what a browser answers is tested in a browser. Here is the rest.
func TestPasskeyPages(t *testing.T) {
	s := newSite(t)
	b := s.signUp(ada)
	b.get("/account/passkeys").want(200, "You have none yet")
	options := b.get("/account/passkeys/new").want(200).value("data-options")
	for _, part := range []string{`"challenge":"`, `"rp":{"id":"localhost","name":"Notebook"}`, `"state":"myauth_`} {
		if !strings.Contains(options, part) {
			t.Errorf("the options have no %s: %s", part, options)
		}
	}
	again := b.post("/account/passkeys/new", "name", "Phone", "state", "myauth_st_x", "credential", `{"id":"x"}`).want(401, `value="Phone"`)
	if again.value("data-options") == options {
		t.Error("the options are the same after a failure")
	}
	b.post("/account/passkeys/new", "name", "Phone", "state", "x", "credential", "no JSON").want(422)
	b.get("/account/passkeys/eA").want(404)
	b.get("/account/passkeys/eA/remove").want(200)
	b.post("/account/passkeys/eA/remove").want(404)
	b.post("/account/passkeys/eA", "name", "Phone").want(404)

	stranger := s.browser()
	stranger.get("/sign-in").want(200, `data-options-from="/auth/login/passkey/options"`, "data-autofill", "/static/passkeys.js")
	options = stranger.post("/auth/login/passkey/options").want(200, `"challenge":"`).text
	state := regexp.MustCompile(`"state":"([^"]*)"`).FindStringSubmatch(options)[1]
	stranger.post("/sign-in?next=/account", "state", state, "credential", `{"id":"eA"}`).want(401, "This is not right")
	stranger.post("/sign-in", "state", state, "credential", "").want(422)
	b.post("/confirm-it-is-you?next=/account", "state", state, "credential", `{"id":"eA"}`).want(401, "This is not right")
	b.get("/account").want(200)
}
