package surface

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
)

// bearerRoutes are the routes that need an access token, each with a body that it can read.
func bearerRoutes() map[string]string {
	routes := map[string]string{
		"GET /me": "", "PATCH /me": "{}", "DELETE /me": "",
		"POST /password-change": object("current_password", goodPassword, "new_password", otherPassword),
		"POST /email-change":    object("new_email", "other@example.com"),
		"POST /reauthenticate":  object("password", goodPassword),
		"GET /sessions":         "", "DELETE /sessions/x": "", "POST /sessions/revoke-others": "",
	}
	if featured() {
		routes["GET /mfa"], routes["DELETE /mfa/pin"] = "", ""
		routes["POST /mfa/pin"] = object("pin", "1")
		routes["POST /mfa/recovery-codes"] = ""
		routes["POST /mfa/pin/confirm"] = object("state", "x", "code", "x")
		routes["POST /reauthenticate/begin"] = object("mfa_token", "x", "method", "pin")
		routes["POST /notes/1"] = object("text", "x")
		maps.Copy(routes, adminRoutes)
		maps.Copy(routes, invitationRoutes)
	}
	return routes
}

// documented returns a route as the document has it.
func documented(route string) string {
	return strings.NewReplacer("/sessions/x", "/sessions/{id}", "/mfa/pin", "/mfa/{name}", "/notes/1", "/notes/{id}", "/users/x", "/users/{id}", "/invitations/x", "/invitations/{id}").Replace(route)
}

// bearerRoutes has each route of the document that needs a token, and those marked recent are
// these.
func TestBearerRoutes(t *testing.T) {
	recent := map[string]bool{"DELETE /me": true, "POST /email-change": true, "POST /mfa/recovery-codes": true, "POST /mfa/{name}": true, "POST /mfa/{name}/confirm": true, "DELETE /mfa/{name}": true}
	for _, routes := range []map[string]string{adminRoutes, invitationRoutes} {
		for route := range routes {
			recent[documented(route)] = true
		}
	}
	want := map[string]bool{}
	for route := range bearerRoutes() {
		want[documented(route)] = true
	}
	for _, o := range recorder.doc.Outcomes() {
		route := o.Method + " " + strings.TrimPrefix(o.Path, "/auth")
		if inCookieMode() && route == "POST /refresh" {
			continue // by its own cookie
		}
		if o.Code == "missing_token" && !want[route] {
			t.Errorf("bearerRoutes lacks %s", route)
		}
		if o.Code == "reauthentication_required" {
			if !recent[route] {
				t.Errorf("%s asks for a recent login", route)
			}
			delete(recent, route)
		}
	}
	for route := range recent {
		if want[route] {
			t.Errorf("%s asks for no recent login", route)
		}
	}
}

func (a *app) each(token string, status int, code string) {
	a.t.Helper()
	for route, body := range bearerRoutes() {
		var headers []string
		if token != "" {
			headers = append(headers, "Authorization: Bearer "+token)
		}
		a.route(route, body, headers...).is(status, code)
	}
}

// Every route refuses an access token as GET /me does.
func TestBearerRefused(t *testing.T) {
	a := newApp(t)
	tk := a.tokenOf("ada@example.com")
	disabled := a.tokenOf("disabled@example.com")
	u, err := a.UserByEmail(context.Background(), "disabled@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Deactivate(context.Background(), u.ID); err != nil {
		t.Fatal(err)
	}
	for route, body := range bearerRoutes() {
		a.twoAuthorizations(route, body)
	}
	a.each("", 401, "missing_token")
	a.each("x", 401, "invalid_token")
	a.each(disabled, 403, "account_disabled")
	a.faults.Inject("*", kittest.Down, -1)
	a.each(tk, 503, "service_unavailable")
	a.faults.Clear()
	a.faults.Inject("*", kittest.Panic, -1)
	a.each(tk, 500, "internal_error")
	a.faults.Clear()
	if _, err := a.Activate(context.Background(), u.ID); err != nil {
		t.Fatal(err)
	}
	a.each(disabled, 401, "revoked_token")
	a.clock.Advance(30 * time.Minute)
	a.each(tk, 401, "expired_token")
}

// What is made for something else opens none of the routes.
func TestTokensOfOtherKindsAsBearer(t *testing.T) {
	a := newApp(t)
	verification := a.stranger("ada@example.com")
	access := a.post("/login", "email", "ada@example.com", "password", goodPassword).is(200).tokens()
	change := a.changeToken(access.Access, "other@example.com")
	a.post("/password-reset-request", "email", "ada@example.com").is(202)
	reset := string(a.mail(kit.MailPasswordReset).Token)
	tokens := map[string]string{"verification": verification, "refresh": access.Refresh, "change of address": change, "reset": reset, "device": access.Device}
	if featured() {
		enrolled := a.enroll(a.tokenOf(pinEmail))
		tokens["half a login"] = a.mfaToken()
		tokens["half a re-authentication"] = a.reauthenticate(enrolled, goodPassword).mfaToken()
	}
	for _, token := range tokens {
		a.each(token, 401, "invalid_token")
	}
}

// The routes marked recent refuse an old login, also after a refresh, and a token that does not
// say when its user logged in.
func TestRecentRoutes(t *testing.T) {
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := accesstoken.NewSigner(keys, "myauth", "myauth")
	if err != nil {
		t.Fatal(err)
	}
	a := newApp(t)
	a.stranger("ada@example.com")
	tk := a.post("/login", "email", "ada@example.com", "password", goodPassword).is(200).tokens()
	claims, err := a.Verifier().Verify(tk.Access)
	if err != nil {
		t.Fatal(err)
	}
	claims.AuthTime = time.Time{}
	without, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	a.me(without).is(200)
	refuse := func(token, code string) {
		t.Helper()
		for _, o := range recorder.doc.Outcomes() {
			if o.Code != "reauthentication_required" {
				continue
			}
			route := o.Method + " " + strings.NewReplacer("/auth", "", "{name}", "pin", "{id}", "x").Replace(o.Path)
			r := a.route(route, bearerRoutes()[route], "Authorization: Bearer "+token).is(401, code)
			if code != "reauthentication_required" {
				continue
			}
			if got, want := r.header.Get("Www-Authenticate"), `Bearer realm="MyAuth", error="insufficient_user_authentication", max_age="600"`; got != want {
				t.Errorf("%s: WWW-Authenticate is %q, want %q", route, got, want)
			}
		}
	}
	refuse(without, "reauthentication_required")
	over := a.login()
	a.logout(over.Refresh).is(204)
	a.me(over.Access).is(200)
	refuse(over.Access, "revoked_token")
	a.clock.Advance(10 * time.Minute)
	bearer := "Authorization: Bearer " + tk.Access
	a.route("POST /email-change", "{}", bearer).invalid("new_email required") // 10 minutes are recent
	a.clock.Advance(time.Second)
	refuse(tk.Access, "reauthentication_required")
	tk = a.refresh(tk.Refresh).is(200).tokens()
	refuse(tk.Access, "reauthentication_required")
	a.me(tk.Access).is(200)

	fresh := a.reauthenticate(tk.Access, goodPassword).is(200).tokens().Access
	refuse(tk.Access, "reauthentication_required")
	a.route("DELETE /me", "", "Authorization: Bearer "+fresh).is(204)
}
