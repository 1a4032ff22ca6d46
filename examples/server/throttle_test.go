package main

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"myauth.internal/conformance/servers"
)

// guess tries a wrong password and returns the status.
func (p *process) guess(email string) int {
	p.t.Helper()
	body := fmt.Sprintf(`{"email":%q,"password":%q}`, email, rand.Text())
	res, err := http.Post(p.url+"/auth/login", "application/json", strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode == http.StatusTooManyRequests && res.Header.Get("Retry-After") == "" {
		p.t.Error("429 without Retry-After")
	}
	return res.StatusCode
}

// untilThrottled guesses until the server lets no more through, and returns how often it did.
func (p *process) untilThrottled(email string) (n int) {
	p.t.Helper()
	for n = range 50 {
		switch status := p.guess(email); status {
		case http.StatusTooManyRequests:
			return n
		case http.StatusUnauthorized:
		default:
			p.t.Fatalf("status %d", status)
		}
	}
	p.t.Fatal("50 guesses were let through")
	return 0
}

// TestInstancesShareTheThrottle: what one instance has counted, the other knows, wherever the
// tokens are.
func TestInstancesShareTheThrottle(t *testing.T) {
	for name, urls := range map[string]func(t *testing.T) []string{
		"postgres":         func(t *testing.T) []string { return []string{servers.Postgres(t)} },
		"mongo":            func(t *testing.T) []string { return []string{database(t)} },
		"redis":            func(t *testing.T) []string { return []string{servers.Redis(t)} },
		"memory and redis": func(t *testing.T) []string { return []string{"memory:", servers.Redis(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := []string{"MYAUTH_JWT_SECRET=" + testSecret}
			for i, url := range urls(t) {
				env = append(env, []string{"MYAUTH_STORE=", "MYAUTH_TOKEN_STORE="}[i]+url)
			}
			email := strings.ToLower(rand.Text()) + "@example.com"
			one, two := startServer(t, t.TempDir(), env...), startServer(t, t.TempDir(), env...)
			// The wait is a second at first, and the machine may be slow. If two counted for itself
			// it would let five through.
			n := 0
			for range 4 {
				n += one.untilThrottled(email)
				if two.guess(email) == http.StatusTooManyRequests {
					one.stop()
					two.stop()
					if n < 5 {
						t.Errorf("throttled after %d guesses", n)
					}
					return
				}
			}
			t.Error("the second instance counts for itself")
		})
	}
}

// TestThrottleOff lets everything through; on is the default, also in memory.
func TestThrottleOff(t *testing.T) {
	on := startServer(t, t.TempDir(), "MYAUTH_STORE=memory:")
	on.untilThrottled("ada@example.com")
	off := startServer(t, t.TempDir(), "MYAUTH_STORE=memory:", "MYAUTH_THROTTLE=off")
	for range 60 {
		if status := off.guess("ada@example.com"); status != http.StatusUnauthorized {
			t.Fatalf("status %d", status)
		}
	}
}
