package httpx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"myauth.internal/httpx/cookie"
	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// onPage serves one request of b by a page that does what do does.
func onPage(b *browser, r *http.Request, do func(http.ResponseWriter, *http.Request)) *httptest.ResponseRecorder {
	b.t.Helper()
	w := httptest.NewRecorder()
	do(w, r)
	b.keep(w)
	return w
}

func TestCall(t *testing.T) {
	rg := newRig(t, inCookies)
	b := newBrowser(t, rg)
	call := func(route string, body any) (a kit.Answer, err error) {
		t.Helper()
		w := onPage(b, b.request("POST", "/sign-in?x=y", "email=a&password=b", "Content-Type", "application/x-www-form-urlencoded", "If-None-Match", "*"), func(w http.ResponseWriter, r *http.Request) {
			a, err = rg.Call(w, r, route, body)
		})
		if w.Body.Len() > 0 || w.Header()["Content-Type"] != nil || w.Header()["Allow"] != nil || w.Header()["Www-Authenticate"] != nil {
			t.Errorf("%s wrote the page: %v %s", route, w.Header(), w.Body)
		}
		for _, value := range b.seen {
			if text := fmt.Sprintf("%s %s %s %s", a.Body, string(a.Tokens.AccessToken), string(a.Tokens.RefreshToken), string(a.Tokens.DeviceToken)); strings.Contains(text, value) {
				t.Errorf("%s: the answer has a token: %s", route, text)
			}
		}
		return a, err
	}
	credentials := map[string]string{"email": "ada@example.com", "password": goodPassword}
	if _, err := call("POST /login", map[string]string{"email": "ada@example.com", "password": "wrong"}); !errors.Is(err, kit.ErrInvalidCredentials) {
		t.Errorf("a wrong password: %v", err)
	}
	b.has(false)
	a, err := call("POST /login", credentials)
	if err != nil || a.Status != 200 || a.Tokens.User.Username != "Ada" || !strings.Contains(string(a.Body), `"user":{`) {
		t.Fatalf("the login: %+v, %v", a.Status, err)
	}
	b.has(true)
	if a, err = call("GET /me", nil); err != nil || !strings.Contains(string(a.Body), `"Ada"`) {
		t.Errorf("GET /me: %s, %v", a.Body, err)
	}
	if a, err = call("GET /openapi.json", nil); err != nil || a.Status != 200 {
		t.Errorf("GET /openapi.json: %v", err)
	}
	if a, err = call("PATCH /me", struct {
		Username string `json:"username"`
	}{"Countess"}); err != nil || !strings.Contains(string(a.Body), "Countess") {
		t.Errorf("PATCH /me: %s, %v", a.Body, err)
	}
	_, err = call("POST /password-change", map[string]string{"current_password": goodPassword, "new_password": "x"})
	if p := ProblemOf(err); p.Status != 422 || !strings.Contains(codes(p), "new_password:too_short") {
		t.Errorf("a bad new password: %v %s", err, codes(p))
	}
	for route, want := range map[string]int{
		"GET /nothing": 404, "POST /nothing": 404, "PUT /me": 405, "DELETE /login": 405, "GET /me/": 404, "GET //me": 404, "GET /../me": 404, "GET /sessions/%00": 404,
		"DELETE /sessions/x": 404, "DELETE /sessions/a%2Fb": 404, "POST /verify-email": 415,
	} {
		if _, err := call(route, nil); ProblemOf(err).Status != want {
			t.Errorf("%s: %v", route, err)
		}
	}
	for _, route := range []string{"", "/login", "POST", "POST login", "POST  /login", "P ST/x", "POST /%zz", "G\x00T /me"} {
		if _, err := call(route, nil); err == nil || ProblemOf(err).Status < 404 {
			t.Errorf("%q: %v", route, err)
		}
	}
	if _, err := call("POST /login", func() {}); err == nil || !strings.HasPrefix(err.Error(), "httpx: Call of POST /login") {
		t.Errorf("a body that is no JSON: %v", err)
	}
	_, claims, err := rg.svc.Authenticate(t.Context(), b.cookies[cookie.Access])
	if err != nil {
		t.Fatal(err)
	}
	if a, err = call("DELETE /sessions/"+claims.SessionID, nil); err != nil || a.Status != 204 {
		t.Errorf("the own session: %v", err)
	}
	b.has(false)
	if _, err = call("GET /me", nil); ProblemOf(err).Status != 401 {
		t.Errorf("signed out: %v", err)
	}
	if _, err = call("POST /logout", nil); err != nil {
		t.Errorf("sign out twice: %v", err)
	}
}

// A page that Calls once more, or asks who is signed in, has the cookies of what it has done.
func TestCallsInARow(t *testing.T) {
	rg := newRig(t, inCookies)
	b := newBrowser(t, rg)
	onPage(b, b.request("POST", "/sign-in", ""), func(w http.ResponseWriter, r *http.Request) {
		if _, err := rg.Call(w, r, "POST /login", json.RawMessage(loginBody)); err != nil {
			t.Error(err)
		}
		if _, err := rg.Call(w, r, "GET /me", nil); err != nil {
			t.Error("after the login:", err)
		}
		if u, _, err := rg.Identify(w, r); err != nil || u.ID != rg.user.ID {
			t.Error("after the login:", u.ID, err)
		}
	})
	b.has(true)
	rg.clock.Advance(31 * time.Minute)
	look := rg.faults.Calls("tokens.ByID")
	onPage(b, b.request("POST", "/account", ""), func(w http.ResponseWriter, r *http.Request) {
		rg.RequireSignIn("/sign-in", nil)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := rg.Call(w, r, "GET /sessions", nil); err != nil {
				t.Error(err)
			}
		})).ServeHTTP(w, r)
	})
	if n := rg.faults.Calls("tokens.ByID") - look; n != 1 {
		t.Errorf("%d renewals in one page", n)
	}
	onPage(b, b.request("POST", "/sign-out", ""), func(w http.ResponseWriter, r *http.Request) {
		if _, err := rg.Call(w, r, "POST /logout", nil); err != nil {
			t.Error(err)
		}
		if _, _, err := rg.Identify(w, r); ProblemOf(err).Code != "missing_token" {
			t.Error("after the logout:", err)
		}
	})
	b.has(false)
}

// A form of another origin is refused, whoever forgets to look: a login as well, which would put
// the attacker's session into the browser.
func TestCallByAnotherOrigin(t *testing.T) {
	var svc *kit.Service
	rg := newRig(t, Options{Cookies: true, TrustedOrigins: []string{"https://shop.example.com"}}, door(&svc))
	svc = rg.svc
	call := func(method, route string, body any, header []string) (err error) {
		b := newBrowser(t, rg)
		onPage(b, b.request(method, "/sign-in", "", header...), func(w http.ResponseWriter, r *http.Request) { _, err = rg.Call(w, r, route, body) })
		if err != nil {
			b.has(false)
		}
		return err
	}
	login := json.RawMessage(loginBody)
	for name, header := range foreign {
		for _, route := range []string{"POST /login", "GET /openapi.json"} {
			if err := call("POST", route, login, header); ProblemOf(err).Code != "cross_origin" {
				t.Errorf("%s for %s: %v", name, route, err)
			}
		}
		if err := call("GET", "GET /openapi.json", nil, header); err != nil { // a link to a page
			t.Errorf("a link, %s: %v", name, err)
		}
		if err := call("POST", "POST /login/elsewhere", nil, header); err != nil {
			t.Errorf("a route that protects itself, %s: %v", name, err)
		}
	}
	for name, header := range own {
		if err := call("POST", "POST /login", login, header); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := call("POST", "POST /login", login, []string{"Sec-Fetch-Site", "same-site", "Origin", "https://shop.example.com"}); err != nil {
		t.Errorf("a trusted origin: %v", err)
	}
}

// The route has the client of the page, and what goes wrong inside is logged once.
func TestCallHasTheClientAndTheLog(t *testing.T) {
	var client kit.Client
	rg := newRig(t, Options{Cookies: true, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, func(o *kit.Options) {
		o.Hooks.BeforeLogin = func(ctx context.Context, _ kit.User) error {
			client = kit.ClientOf(ctx)
			if client.UserAgent == "Crash" {
				panic("a bug in a hook")
			}
			return nil
		}
	})
	b := newBrowser(t, rg)
	call := func(agent string) *httptest.ResponseRecorder {
		return onPage(b, b.request("POST", "/sign-in", "", "User-Agent", agent, "X-Forwarded-For", "203.0.113.7"), func(w http.ResponseWriter, r *http.Request) {
			if _, err := rg.Call(w, r, "POST /login", json.RawMessage(loginBody)); err != nil {
				rg.WriteError(w, r, err)
			}
		})
	}
	call("Tester")
	if client.IP.String() != "203.0.113.7" || client.UserAgent != "Tester" {
		t.Errorf("the client is %v", client)
	}
	wantProblem(t, call("Crash"), 500, "internal_error")
	wantLogged(t, rg.log, "a bug in a hook")
	rg.faults.Inject("*", kittest.Down, -1)
	wantProblem(t, call("Tester"), 503, "service_unavailable")
	b.has(true)
	wantLogged(t, rg.log, "a bug in a hook") // and no more
}

// Without cookie mode the answer has the tokens, and no cookie is set.
func TestCallWithoutCookieMode(t *testing.T) {
	rg := newRig(t, Options{})
	w := httptest.NewRecorder()
	a, err := rg.Call(w, httptest.NewRequest("POST", "/sign-in", nil), "POST /login", json.RawMessage(loginBody))
	if err != nil || a.Tokens.AccessToken == "" || !strings.Contains(string(a.Body), string(a.Tokens.AccessToken)) || w.Header()["Set-Cookie"] != nil {
		t.Errorf("%v, %v", err, w.Header())
	}
}
