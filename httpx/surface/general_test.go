package surface

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/throttle"
)

// bodies makes for each route with a body, those of features too, the fields of a request that
// succeeds and that looks into the store. A path is that of a POST, unless it has a method.
func (a *app) bodies() map[string][]any {
	a.t.Helper()
	all := a.coreBodies()
	if featured() {
		maps.Copy(all, a.pinBodies())
		maps.Copy(all, a.adminBodies())
		maps.Copy(all, a.invitationBodies())
	}
	return all
}

// readBodies are those of bodies that the server reads: in cookie mode not those with a refresh token.
func readBodies(all map[string][]any) map[string][]any {
	if inCookieMode() {
		delete(all, "/logout")
		delete(all, "/refresh")
	}
	return all
}

func (a *app) coreBodies() map[string][]any {
	a.t.Helper()
	a.register()
	verification := string(a.mail(kit.MailVerification).Token)
	denial := a.stranger("stranger@example.com")
	reset := a.resetToken()
	tk := a.login()
	self, changer, mover := a.tokenOf("self@example.com"), a.tokenOf("changer@example.com"), a.tokenOf("mover@example.com")
	maps.Copy(a.bearers, map[string]string{"/me": self, "/reauthenticate": self, "/email-change": self, "/password-change": changer})
	return map[string][]any{
		"/register":               {"email", "grace@example.com", "username", "Grace", "password", goodPassword},
		"/login":                  {"email", testEmail, "password", goodPassword},
		"/logout":                 {"refresh_token", tk.Refresh},
		"/refresh":                {"refresh_token", tk.Refresh},
		"/password-reset-request": {"email", testEmail},
		"/password-reset":         {"token", reset, "new_password", otherPassword},
		"/verify-email-request":   {"email", testEmail},
		"/verify-email":           {"token", verification},
		"/verify-email/deny":      {"token", denial},
		"PATCH /me":               {"username", "Ada L.", "user_settings", map[string]any{}},
		"/password-change":        {"current_password", goodPassword, "new_password", otherPassword},
		"/email-change":           {"new_email", "other@example.com"},
		"/email-change/confirm":   {"token", a.changeToken(mover, "moved@example.com")},
		"/reauthenticate":         {"password", goodPassword},
	}
}

func TestMalformedRequest(t *testing.T) {
	a := newApp(t)
	for path, fields := range readBodies(a.bodies()) {
		good := object(fields...)
		for name, body := range map[string]string{
			"nothing":                      "",
			"space":                        " \n",
			"null":                         "null",
			"a list":                       "[" + good + "]",
			"a string":                     `"x"`,
			"a number":                     "1",
			"cut off":                      good[:len(good)-1],
			"data after it":                good + "x",
			"two objects":                  good + good,
			"a key twice":                  `{"` + fields[0].(string) + `":"x",` + good[1:],
			"a key twice, escaped once":    `{"\u00` + hex(fields[0].(string)[0]) + fields[0].(string)[1:] + `":"x",` + good[1:],
			"an unknown key twice":         `{"x":1,"x":2,` + good[1:],
			"a key twice inside":           `{"user_settings":{"a":1,"a":2},` + good[1:],
			"bytes that are not UTF-8":     "{\"x\":\"\xff\"," + good[1:],
			"overlong UTF-8":               "{\"x\":\"\xc0\x80\"," + good[1:],
			"two byte order marks":         "\uFEFF\uFEFF" + good,
			"a byte order mark alone":      "\uFEFF",
			"a byte order mark behind":     good + "\uFEFF",
			"UTF-16":                       "\xff\xfe{\x00",
			"half a surrogate pair":        `{"x":"\ud800",` + good[1:],
			"a trailing comma":             good[:len(good)-1] + ",}",
			"a comment":                    "/**/" + good,
			"a control character":          "{\"x\":\"\n\"," + good[1:],
			"very deep nesting":            `{"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + "," + good[1:],
			"a number with a leading zero": `{"x":01,` + good[1:],
		} {
			if body == "" && path == "/mfa/pin" {
				continue // takes a request without a body
			}
			r := a.send("POST", path, body, "Content-Type: application/json")
			if r.status != 400 || r.code() != "malformed_request" {
				t.Errorf("%s, %s: %d %s", path, name, r.status, r.code())
			}
		}
	}
}

func hex(c byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[c>>4], digits[c&15]})
}

// Unknown keys are ignored; keys match exactly, case included.
func TestKeys(t *testing.T) {
	a := newApp(t)
	a.register()
	a.post("/login", "email", testEmail, "password", goodPassword, "remember", true, "deep", map[string]any{"a": []int{1}}).is(200)
	a.post("/login", "EMAIL", testEmail, "password", goodPassword).invalid("email required")
	a.post("/login", "Email", "x", "email", testEmail, "password", goodPassword, "Password", "x").is(200)
}

func TestContentType(t *testing.T) {
	a := newApp(t)
	for path, fields := range readBodies(a.bodies()) {
		body := object(fields...)
		for _, kind := range []string{
			"text/plain", "application/xml", "application/problem+json", "application/jsonx", "multipart/form-data; boundary=x",
			"application/json; charset=latin1", "application/json; charset=utf-16", "application/", "json", ";",
		} {
			if r := a.send("POST", path, body, "Content-Type: "+kind); r.status != 415 || r.code() != "unsupported_media_type" {
				t.Errorf("%s, %s: %d %s", path, kind, r.status, r.code())
			}
		}
		a.send("POST", path, body).is(415, "unsupported_media_type")
		if path != "/login" || inCookieMode() {
			a.send("POST", path, "email=x", "Content-Type: application/x-www-form-urlencoded").is(415, "unsupported_media_type")
		}
	}
	for _, kind := range []string{
		"application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8", `Application/JSON; Charset="utf-8"`, "application/json; charset=utf8",
	} {
		a.send("POST", "/login", object("email", testEmail, "password", "wrong"), "Content-Type: "+kind).is(401, "invalid_credentials")
		a.send("POST", "/login", "\uFEFF"+object("email", testEmail, "password", "wrong"), "Content-Type: "+kind).is(401, "invalid_credentials")
	}
}

// Exactly 64 KiB are read, and not one byte more; with and without a
// Content-Length.
func TestRequestTooLarge(t *testing.T) {
	a := newApp(t)
	const limit = 64 << 10
	for path, fields := range readBodies(a.bodies()) {
		good := object(fields...)
		padded := func(size int) string {
			const frame = `{"padding":"",`
			return `{"padding":"` + strings.Repeat("x", size-len(good)-len(frame)+1) + `",` + good[1:]
		}
		body := padded(limit + 1)
		if len(body) != limit+1 {
			t.Fatalf("padded to %d bytes", len(body))
		}
		a.send("POST", path, body, "Content-Type: application/json").is(413, "request_too_large")
		// Hiding the length makes the client send it in chunks.
		a.sendBody("POST", path, io.MultiReader(strings.NewReader(body)), "Content-Type: application/json").is(413, "request_too_large")
		// What the routes before it have ended is a 401.
		if r := a.send("POST", path, padded(limit), "Content-Type: application/json"); r.status/100 != 2 && r.status != 401 {
			t.Errorf("%s: 64 KiB are answered with %d %s", path, r.status, r.code())
		}
	}
	if !inCookieMode() {
		form := "username=" + testEmail + "&password=" + strings.Repeat("x", limit)
		a.send("POST", "/login", form, "Content-Type: application/x-www-form-urlencoded").is(413, "request_too_large")
	}
}

func TestMethodNotAllowed(t *testing.T) {
	a := newApp(t)
	routes := map[string]string{"/openapi.json": "GET, HEAD", "/.well-known/jwks.json": "GET, HEAD"}
	for path := range a.bodies() {
		if !strings.HasPrefix(path, "PATCH ") {
			routes[path] = "POST"
		}
	}
	routes["/me"], routes["/sessions"] = "DELETE, GET, HEAD, PATCH", "GET, HEAD"
	routes["/sessions/x"], routes["/sessions/revoke-others"] = "DELETE", "DELETE, POST"
	if featured() {
		routes["/mfa"], routes["/mfa/pin"], routes["/mfa/recovery-codes"] = "GET, HEAD", "DELETE, POST", "DELETE, POST"
		routes["/admin/users"], routes["/admin/users/x"], routes["/admin/users/x/sessions"] = "GET, HEAD", "DELETE, GET, HEAD, PATCH", "DELETE, GET, HEAD"
		routes["/admin/users/x/password-reset"], routes["/admin/users/x/reset-factors"] = "POST", "POST"
		routes["/admin/invitations"], routes["/admin/invitations/x"] = "GET, HEAD, POST", "DELETE"
	}
	for path, allow := range routes {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
			if strings.Contains(allow, method) {
				continue
			}
			r := a.send(method, path+"?token=x", "")
			if r.status != 405 || method != "HEAD" && r.code() != "method_not_allowed" || r.header.Get("Allow") != allow {
				t.Errorf("%s %s: %d %s, Allow %q", method, path, r.status, r.code(), r.header.Get("Allow"))
			}
		}
	}
}

func TestNotFound(t *testing.T) {
	a := newApp(t)
	for _, path := range []string{
		"/", "/x", "/Register", "/register/", "/register/x", "/me/", "/.well-known/", "/.well-known", "/openapi", "/%6de/x",
		"//me", "/./me", "/x/../me", "/me%2f", "/me%00",
	} {
		for _, method := range []string{"GET", "POST", "OPTIONS"} {
			r := a.send(method, path, "")
			if r.status != 404 || r.code() != "not_found" {
				t.Errorf("%s %s: %d %s %s", method, path, r.status, r.code(), r.header.Get("Location"))
			}
		}
	}
}

// HEAD is GET without a body, errors included.
func TestHead(t *testing.T) {
	a := newApp(t)
	a.register()
	bearer := "Authorization: Bearer " + a.login().Access
	for _, path := range []string{"/me", "/sessions", "/openapi.json", "/.well-known/jwks.json"} {
		get := a.send("GET", path, "", bearer).is(200)
		head := a.send("HEAD", path, "", bearer).is(200)
		get.header.Del("Date")
		head.header.Del("Date")
		for name := range get.header {
			if name != "Content-Length" && get.header.Get(name) != head.header.Get(name) {
				t.Errorf("%s: %s is %q for GET and %q for HEAD", path, name, get.header.Get(name), head.header.Get(name))
			}
		}
	}
	a.send("HEAD", "/me", "").is(401)
}

type limiter func(throttle.Attempt) error

func (l limiter) Begin(_ context.Context, a throttle.Attempt) (throttle.Charge, error) {
	if a.Action == throttle.ActionMail { // of an earlier request, at any time
		return nil, nil
	}
	return nil, l(a)
}

// A limiter that refuses is obeyed on every route that guesses could be made with,
// and its time is rounded up.
func TestTooManyRequests(t *testing.T) {
	refuse := false
	asked := map[throttle.Action]string{}
	a := newApp(t, func(c *setup) {
		c.Limiter = limiter(func(at throttle.Attempt) error {
			if !refuse {
				return nil
			}
			asked[at.Action] = at.EmailKey
			if at.IP.String() != "127.0.0.1" {
				t.Errorf("the client is %v", at.IP)
			}
			return &throttle.LimitError{RetryAfter: 1500 * time.Millisecond}
		})
	})
	bodies := a.bodies()
	refuse = true
	for path, fields := range bodies {
		r := a.send("POST", path, object(fields...), "Content-Type: application/json", "X-Forwarded-For: 192.0.2.1")
		if path == "/logout" || strings.HasPrefix(path, "PATCH ") || path == "/admin/invitations" {
			continue // it compares no secret; of the mails of invitations see TestInvitationRefused
		}
		r.is(429, "too_many_requests")
		if got := r.header.Get("Retry-After"); got != "2" {
			t.Errorf("%s: Retry-After is %q, want 2", path, got)
		}
	}
	for action, email := range map[throttle.Action]string{
		throttle.ActionRegister: "grace@example.com", throttle.ActionLogin: "ada@example.com", throttle.ActionRefresh: "",
		throttle.ActionPasswordResetRequest: "ada@example.com", throttle.ActionPasswordReset: "",
		throttle.ActionVerifyEmailRequest: "ada@example.com", throttle.ActionVerifyEmail: "ada@example.com",
		throttle.ActionChangePassword: "changer@example.com", throttle.ActionReauthenticate: "self@example.com",
		throttle.ActionEmailChangeRequest: "self@example.com", throttle.ActionEmailChange: "",
	} {
		if got, ok := asked[action]; !ok || got != email {
			t.Errorf("%s: asked %t with %q, want %q", action, ok, got, email)
		}
	}
}

// A panic, and an error that no contract knows, are a 500 that says nothing; the
// process lives.
func TestInternalError(t *testing.T) {
	for name, fault := range map[string]kittest.Fault{"panic": kittest.Panic, "broken": kittest.Broken} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t)
			bodies := a.bodies()
			access := a.login().Access
			a.faults.Inject("*", fault, -1)
			check := func(r answer) {
				t.Helper()
				r.is(500, "internal_error")
				for _, leak := range []string{"kittest", "SQL", "SELECT", "goroutine", ".go:", "users.", "tokens."} {
					if strings.Contains(r.body, leak) {
						t.Errorf("%s says %s: %s", r.what, leak, r.body)
					}
				}
			}
			for path, fields := range bodies {
				check(a.post(path, fields...))
			}
			check(a.me(access))
			a.faults.Clear()
			a.me(access).is(200)
			if fault == kittest.Panic && strings.Count(a.log.String(), "kittest: users.ByEmail") == 0 {
				t.Errorf("the log does not name the panic:\n%s", a.log)
			}
		})
	}
}

// A store that is down, or hangs, is a 503 on every route, and never a 401; the
// tokens that were presented work afterwards.
func TestServiceUnavailable(t *testing.T) {
	for name, fault := range map[string]kittest.Fault{"down": kittest.Down, "hanging": kittest.Hang} {
		if fault == kittest.Hang && overStore() {
			continue // no call reaches the store, and each request waits for the timeout
		}
		t.Run(name, func(t *testing.T) {
			a := newApp(t, func(c *setup) { c.StoreTimeout = 250 * time.Millisecond })
			bodies := a.bodies()
			access := a.login().Access
			a.faults.Inject("*", fault, -1)
			for path, fields := range bodies {
				a.post(path, fields...).is(503, "service_unavailable")
			}
			a.me(access).is(503, "service_unavailable")
			unknown := a.post("/login", "email", "nobody@example.com", "password", goodPassword)
			a.tryLogin(goodPassword).same(unknown)
			a.tryLogin("wrong").same(unknown)

			a.faults.Clear()
			a.me(access).is(200)
			for _, path := range []string{"/register", "/login", "/refresh", "/verify-email", "/password-reset", "PATCH /me", "/password-change", "/email-change/confirm", "/reauthenticate"} {
				if r := a.post(path, bodies[path]...); r.status/100 != 2 {
					t.Errorf("after the fault %s answers %d %s", path, r.status, r.code())
				}
			}
		})
	}
}

// What programs integrate with is there while the store is not.
func TestMetadataNeedsNoStore(t *testing.T) {
	a := newApp(t)
	a.faults.Inject("*", kittest.Down, -1)
	a.send("GET", "/openapi.json", "").is(200)
	a.send("GET", "/.well-known/jwks.json", "").is(200)
}

// A body that is cut off is no request, whatever the part that came would say.
func TestBodyCutOff(t *testing.T) {
	a := newApp(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(a.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := object("email", "nobody@example.com", "password", "x")
	fmt.Fprintf(conn, "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body)+1, body)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 400 || code(text) != "malformed_request" {
		t.Errorf("%d %s, %v", response.StatusCode, text, err)
	}
}

// Each field that is absent, or of another type, is named.
func TestFields(t *testing.T) {
	a := newApp(t)
	for path, fields := range readBodies(a.coreBodies()) { // for the fields of factors see TestFactorFields
		if path == "PATCH /me" {
			continue // each may be absent: see TestProfile
		}
		var all []string
		for i := 0; i < len(fields); i += 2 {
			name := fields[i].(string)
			all = append(all, name+" required")
			others := bytes.NewBufferString("{")
			for j := 0; j < len(fields); j += 2 {
				if j != i {
					others.WriteString(strings.Trim(object(fields[j], fields[j+1]), "{}") + ",")
				}
			}
			json := "Content-Type: application/json"
			a.send("POST", path, strings.TrimSuffix(others.String(), ",")+"}", json).invalid(name + " required")
			for _, value := range []string{"1", "true", "[]", "{}", `["x"]`, "null"} {
				a.send("POST", path, others.String()+`"`+name+`":`+value+"}", json).invalid(name + " invalid_type")
			}
		}
		a.post(path).invalid(all...)
	}
}
