package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// Each route is asked by an anonymous client, a user, a verified one, another one, and
// an administrator.
func TestWhoGetsWhat(t *testing.T) {
	k := kittest.New(t)
	handler, err := newApp(k.Service)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)

	ask := func(method, path, body, token string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(text)
	}
	if _, err := k.Register(t.Context(), kit.Registration{Email: "bob@example.com", Username: "Bob", Password: kittest.Password}); err != nil {
		t.Fatal(err) // the address is not verified
	}
	token := func(email string, roles ...string) string {
		_, tokens := k.LogIn(email, roles...)
		return string(tokens.AccessToken)
	}
	ada, bob, eve := token("ada@example.com"), token("bob@example.com", "admin"), token("eve@example.com")

	for _, step := range []struct {
		who, method, path, token string
		status                   int
		text                     string
	}{
		{"anonymous", "GET", "/notes", "", 200, "0 notes"},
		{"anonymous", "POST", "/notes/1", "", 401, "missing_token"},
		{"an unverified user", "POST", "/notes/1", bob, 403, "email_not_verified"},
		{"a verified user", "POST", "/notes/1", ada, 204, ""},
		{"another one", "POST", "/notes/1", eve, 409, "note_taken"},
		{"anonymous", "GET", "/notes/1", "", 401, "missing_token"},
		{"another user", "GET", "/notes/1", bob, 404, "note_not_found"},
		{"a user", "GET", "/notes/2", bob, 404, "note_not_found"},
		{"the owner", "GET", "/notes/1", ada, 200, `{"text":"hi"}`},
		{"a user", "DELETE", "/notes", ada, 403, "insufficient_role"},
		{"a forger", "DELETE", "/notes", bob + "x", 401, "invalid_token"},
		{"an administrator", "DELETE", "/notes", bob, 204, ""},
		{"anonymous", "GET", "/notes", "", 200, "0 notes"},
		{"anonymous", "GET", "/whoami", "", 401, "missing_token"},
		{"an administrator", "GET", "/whoami", bob, 200, "[admin]"},
	} {
		body := ""
		if step.method == "POST" {
			body = `{"text":"hi"}`
		}
		if status, text := ask(step.method, step.path, body, step.token); status != step.status || !strings.Contains(text, step.text) {
			t.Errorf("%s, %s %s: %d %s, want %d %s", step.who, step.method, step.path, status, text, step.status, step.text)
		}
	}

	// After a deactivation the look-up refuses at once; the token alone is good
	// until it expires.
	user, _ := k.LogIn("ada@example.com")
	if _, err := k.Deactivate(t.Context(), user.ID); err != nil {
		t.Fatal(err)
	}
	if status, _ := ask("GET", "/notes/1", "", ada); status != 403 {
		t.Errorf("deactivated, by user: %d", status)
	}
	if status, _ := ask("GET", "/whoami", "", ada); status != 200 {
		t.Errorf("deactivated, by token: %d", status)
	}
}
