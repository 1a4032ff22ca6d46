// Package routertest holds a router to what MyAuth's handler and middleware need of
// it: the whole path, every method, the context of the request, and no answers of
// its own.
package routertest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"myauth.internal/examples/demo"
	"myauth.internal/httpx"
	"myauth.internal/kit"
)

// Check drives a router that has MyAuth's routes at prefix + "/auth" and
// [demo.Hello], behind RequireUser, at GET prefix + "/hello".
func Check(t *testing.T, opts *httpx.Options, router func(*httpx.Handler) http.Handler, prefix string) {
	t.Helper()
	svc, err := demo.Service(&kit.Options{BcryptCost: 4, InsecureFastHash: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { svc.Close(t.Context()) })
	auth, err := httpx.New(svc, opts)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(router(auth))
	t.Cleanup(server.Close)
	c := client{t, server.URL + prefix}

	// The whole life of an account.
	location := c.do(http.MethodPost, "/auth/register", `{"email":"ada@example.com","username":"Ada","password":"Correct-Horse-7"}`, "", 201).Header.Get("Location")
	if want := prefix + "/auth/me"; location != want {
		t.Errorf("Location is %q, want %q", location, want)
	}
	var tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	c.read(c.do(http.MethodPost, "/auth/login", `{"email":"ada@example.com","password":"Correct-Horse-7"}`, "", 200), &tokens)
	c.read(c.do(http.MethodPost, "/auth/refresh", `{"refresh_token":"`+tokens.Refresh+`"}`, "", 200), &tokens)
	c.do(http.MethodGet, "/auth/me", "", tokens.Access, 200)

	// What its owner does with it: every method, and a path with a wildcard.
	var list struct {
		Sessions []struct{ ID string }
	}
	c.do(http.MethodPatch, "/auth/me", `{"user_settings":{"theme":"dark"}}`, tokens.Access, 200)
	c.do(http.MethodPost, "/auth/login", `{"email":"ada@example.com","password":"Correct-Horse-7"}`, "", 200)
	c.read(c.do(http.MethodGet, "/auth/sessions", "", tokens.Access, 200), &list)
	if len(list.Sessions) != 2 {
		t.Fatalf("the sessions are %v", list.Sessions)
	}
	c.do(http.MethodDelete, "/auth/sessions/"+list.Sessions[1].ID, "", tokens.Access, 204)
	c.problem(c.do(http.MethodDelete, "/auth/sessions/"+list.Sessions[1].ID, "", tokens.Access, 404))
	c.problem(c.do(http.MethodDelete, "/auth/me", "", "", 401))
	c.read(c.do(http.MethodPost, "/auth/sessions/revoke-others", "", tokens.Access, 200), &tokens)
	c.read(c.do(http.MethodPost, "/auth/password-change", `{"current_password":"Correct-Horse-7","new_password":"Better-Horse-8"}`, tokens.Access, 200), &tokens)
	c.read(c.do(http.MethodPost, "/auth/reauthenticate", `{"password":"Better-Horse-8"}`, tokens.Access, 200), &tokens)

	// The application's own route.
	hello := c.do(http.MethodGet, "/hello", "", tokens.Access, 200)
	if text, err := io.ReadAll(hello.Body); err != nil || string(text) != "Hello, Ada!\n" {
		t.Errorf("hello says %q, %v", text, err)
	}
	for _, token := range []string{"", "x" + tokens.Access} {
		c.problem(c.do(http.MethodGet, "/hello", "", token, 401))
	}
	if _, err := svc.Deactivate(t.Context(), userID(t, svc)); err != nil {
		t.Fatal(err)
	}
	c.problem(c.do(http.MethodGet, "/hello", "", tokens.Access, 403))

	// What is not there is answered in MyAuth's shape: the router adds no redirect
	// and no page of its own below /auth.
	for _, path := range []string{"/auth/nothing", "/auth/me/", "/auth/login/", "/auth/a/b/c"} {
		c.problem(c.do(http.MethodGet, path, "", "", 404))
	}
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions} {
		refusal := c.do(method, "/auth/login", "", "", 405)
		if refusal.Header.Get("Allow") != "POST" {
			t.Errorf("%s: Allow is %q", method, refusal.Header.Get("Allow"))
		}
		c.problem(refusal)
	}
	c.problem(c.do(http.MethodPost, "/auth/login", `{"email":"`+strings.Repeat("x", 70<<10)+`"}`, "", 413))
	c.do(http.MethodGet, "/auth/openapi.json", "", "", 200)
	c.do(http.MethodGet, "/auth/.well-known/jwks.json", "", "", 200)
	c.do(http.MethodPost, "/auth/logout", `{"refresh_token":"`+tokens.Refresh+`"}`, "", 204)
}

func userID(t *testing.T, svc *kit.Service) string {
	t.Helper()
	user, err := svc.UserByEmail(t.Context(), "ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	return user.ID
}

type client struct {
	t    *testing.T
	base string
}

// do makes a request and expects the status; redirects are not followed.
func (c client) do(method, path, body, token string, status int) *http.Response {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { response.Body.Close() })
	if response.StatusCode != status {
		text, _ := io.ReadAll(response.Body)
		c.t.Errorf("%s %s: %d, want %d: %s", method, path, response.StatusCode, status, text)
	}
	return response
}

func (c client) read(response *http.Response, into any) {
	c.t.Helper()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		c.t.Fatal(err)
	}
}

func (c client) problem(response *http.Response) {
	c.t.Helper()
	if got := response.Header.Get("Content-Type"); got != "application/problem+json" {
		c.t.Errorf("%s %s: %q is no problem of MyAuth", response.Request.Method, response.Request.URL.Path, got)
	}
}
