package surface

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"myauth.internal/kit"
)

// TestConcealment is somebody who wants to know whether an address has an account. They
// send to every route of the document the same requests with an address that is free,
// which they so register, and with one that is taken by another, in every state that an
// account can be in; no answer may differ.
func TestConcealment(t *testing.T) {
	a := newApp(t, func(c *setup) { c.ConcealAccounts, c.RequireVerifiedEmail = true, true })
	register := func(email, password string) {
		if _, err := a.Register(context.Background(), kit.Registration{Email: email, Username: "Owner", Password: kit.Secret(password)}); err != nil {
			t.Fatal(err)
		}
	}
	const owners = "The0wner!Secret"
	for _, email := range []string{"verified@example.com", "unverified@example.com", "disabled@example.com", "unverified-disabled@example.com"} {
		register(email, owners)
		mail := a.mail(kit.MailVerification)
		if !strings.HasPrefix(email, "unverified") {
			a.verify(string(mail.Token)).is(204)
		}
		if strings.Contains(email, "disabled") {
			if _, err := a.Deactivate(context.Background(), mail.UserID); err != nil {
				t.Fatal(err)
			}
		}
	}

	// The prober has an account too, and asks for the address of another.
	register("prober@example.com", goodPassword)
	a.verify(string(a.mail(kit.MailVerification).Token)).is(204)
	a.bearers = map[string]string{"/email-change": a.post("/login", "email", "prober@example.com", "password", goodPassword).is(200).tokens().Access}

	// The order matters: what was just registered is logged in with.
	type request struct {
		path, body, contentType string
	}
	requests := func(email string) (all []request) {
		const form, js = "application/x-www-form-urlencoded", "application/json"
		login := request{"POST /login", object("email", email, "password", goodPassword), js}
		register := request{"POST /register", object("email", email, "username", "Prober", "password", goodPassword, "user_settings", map[string]any{"a": 1}), js}
		all = []request{
			login,
			{"POST /register", object("email", email, "username", "Prober", "password", "short"), js},
			{"POST /register", object("email", email, "username", "", "password", goodPassword), js},
			register, login,
			{"POST /login", object("email", strings.ToUpper(email), "password", goodPassword), js},
			{"POST /login", "username=" + email + "&password=" + goodPassword, form},
			{"POST /login", "grant_type=password&username=" + email + "&password=" + goodPassword, form},
			{"POST /login", object("email", email, "password", otherPassword), js},
			register,
			{"POST /verify-email-request", object("email", email), js},
			{"POST /password-reset-request", object("email", email), js},
			login,
			{"POST /verify-email", object("token", email), js},
			{"POST /verify-email/deny", object("token", email), js},
			{"POST /password-reset", object("token", email, "new_password", otherPassword), js},
			{"POST /refresh", object("refresh_token", email), js},
			{"POST /logout", object("refresh_token", email), js},
			{"POST /email-change/confirm", object("token", email), js},
			{"GET /openapi.json", "", ""}, {"GET /.well-known/jwks.json", "", ""},
		}
		bearer := bearerRoutes()
		bearer["POST /email-change"] = object("new_email", email)
		for _, route := range slices.Sorted(maps.Keys(bearer)) {
			all = append(all, request{route, bearer[route], js})
		}
		if featured() {
			token := object("mfa_token", email, "method", "pin", "code", email)
			all = append(all, request{"POST /login/mfa/begin", token, js}, request{"POST /login/mfa", token, js})
			all = append(all, request{"POST /invitations/accept", object("token", email, "username", "x", "password", goodPassword), js})
		}
		return all
	}
	probe := func(email string) (answers []answer) {
		for _, r := range requests(email) {
			method, path, _ := strings.Cut(r.path, " ")
			answers = append(answers, a.send(method, path, r.body, "Content-Type: "+r.contentType))
		}
		return answers
	}
	free := probe("free@example.com")
	for _, email := range []string{"verified@example.com", "unverified@example.com", "disabled@example.com", "unverified-disabled@example.com"} {
		t.Run(email, func(t *testing.T) {
			for i, r := range probe(email) {
				r.t, r.what = t, fmt.Sprintf("%d. %s", i+1, r.what)
				r.same(free[i])
			}
		})
	}
	for i, r := range requests("free@example.com") {
		want := map[string]int{"POST /login": 401, "POST /register": 202, "POST /verify-email-request": 202, "POST /password-reset-request": 202, "POST /email-change": 202}[r.path]
		switch {
		case inCookieMode() && strings.Contains(r.contentType, "urlencoded"):
			want = 415
		case strings.HasPrefix(r.body, "grant_type="):
			want = 400
		}
		if want != 0 && free[i].status != want && free[i].status != 422 {
			t.Errorf("%d. %s: %d, want %d", i+1, r.path, free[i].status, want)
		}
	}

	doc, err := Load(readDocument(t))
	if err != nil {
		t.Fatal(err)
	}
	var probed []string
	for _, r := range requests("x@example.com") {
		method, path, _ := strings.Cut(r.path, " ")
		probed = append(probed, method+" "+doc.template("/auth"+path))
	}
	for _, o := range doc.Outcomes() {
		if route := o.Method + " " + o.Path; o.Path != unknownRoute && !slices.Contains(probed, route) {
			t.Errorf("%s is not probed", route)
			probed = append(probed, route)
		}
	}
}

// The owner of the mailbox hears what the prober does not, and then logs in.
func TestConcealedLoginAfterVerification(t *testing.T) {
	a := newApp(t, func(c *setup) { c.ConcealAccounts, c.RequireVerifiedEmail = true, true })
	a.post("/register", "email", testEmail, "username", "Ada", "password", goodPassword).is(202)
	a.mail(kit.MailVerification)
	a.tryLogin(goodPassword).is(401, "invalid_credentials")
	a.verify(string(a.mail(kit.MailVerification).Token)).is(204) // sent again by the login
	a.login()
}
