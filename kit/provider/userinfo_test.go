package provider

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"myauth.internal/kit/provider/internal/hostile"
)

// TestUserInfo: a provider that has the address at its UserInfo endpoint alone is asked there, and
// believed as far as the ID token goes.
func TestUserInfo(t *testing.T) {
	const endpoint = "/userinfo"
	answer, status, header := "", 200, ""
	e := plain(t, func(*Config) {})
	e.Handle(endpoint, func(w http.ResponseWriter, r *http.Request) {
		header = r.Header.Get("Authorization")
		w.WriteHeader(status)
		io.WriteString(w, answer)
	})
	e.Script(func(s *hostile.Script) {
		s.Metadata = hostile.JSON{"userinfo_endpoint": e.Issuer + endpoint}
		s.Tokens = hostile.JSON{"access_token": "at-1"}
		s.Claims = hostile.JSON{"email": nil, "name": "Ada"}
	})
	answer = `{"sub":"subject-1","email":"ada@example.com","email_verified":true,"name":"Eve"}`
	a, err := e.login()
	if want := (Account{Subject: "subject-1", Email: "ada@example.com", EmailVerified: true, Name: "Ada"}); err != nil || a.Account != want {
		t.Errorf("got %+v, %v", a, err)
	}
	if header != "Bearer at-1" {
		t.Errorf("the header was %q", header)
	}
	for name, text := range map[string]string{
		"another user": `{"sub":"subject-2","email":"eve@example.com"}`,
		"nobody":       `{"email":"eve@example.com"}`,
		"two users":    `{"sub":"subject-2","sub":"subject-1"}`,
		"a JWT":        `e30.e30.`,
	} {
		answer = text
		if _, err := e.login(); !errors.As(err, new(errRefused)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	status = 500
	if _, err := e.login(); !errors.Is(err, errUnavailable) {
		t.Errorf("an outage: %v", err)
	}
	before := e.Count(endpoint)
	e.claims(hostile.JSON{"email": "ada@example.com"})
	if _, err := e.login(); err != nil || e.Count(endpoint) != before {
		t.Errorf("with the address in the ID token: %v, and %d requests more", err, e.Count(endpoint)-before)
	}
}
