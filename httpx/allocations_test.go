//go:build !race

package httpx

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestAllocations pins what a request allocates from the handler down, over memory, without the
// connection. TestAllocations of kit says how much of it is the Service's. If one needs fewer, lower its number.
// The race detector adds some: make bench and the last step of make test run this without.
func TestAllocations(t *testing.T) {
	rg := newRig(t, Options{})
	tokens, err := rg.svc.Login(t.Context(), "ada@example.com", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	page := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	const login = `{"email":"ada@example.com","password":"` + goodPassword + `"}`
	for _, c := range []struct {
		name, method, path, body string
		h                        http.Handler
		most                     float64
	}{
		{"RequireToken", "GET", "/orders", "", rg.RequireToken(page), 9},
		{"RequireUser", "GET", "/orders", "", rg.RequireUser(page), 11},
		{"me", "GET", "/auth/me", "", rg, 12},
		// Within the grace, which writes nothing: TestAllocations of kit rotates.
		{"refresh", "POST", "/auth/refresh", `{"refresh_token":"` + string(tokens.RefreshToken) + `"}`, rg, 23},
		// From a new device, each time.
		{"login", "POST", "/auth/login", login, rg, 80},
	} {
		reader := strings.NewReader(c.body)
		r := httptest.NewRequest(c.method, c.path, reader)
		if c.body == "" {
			r.Header.Set("Authorization", "Bearer "+string(tokens.AccessToken))
		} else {
			r.Header.Set("Content-Type", "application/json")
		}
		w := &answered{blank: blank{http.Header{}}}
		n := testing.AllocsPerRun(100, func() {
			clear(w.header)
			reader.Reset(c.body)
			c.h.ServeHTTP(w, r)
		})
		if w.status > 200 || n > c.most {
			t.Errorf("%s: status %d and %v allocations, want at most %v", c.name, w.status, n, c.most)
		}
	}
}
