package acceptance

import (
	"sync"
	"testing"
	"time"

	"myauth.internal/kit/passkey/internal/authenticator"
)

// atOnce calls do n times at once.
func atOnce[T any](n int, do func(i int) T) []T {
	results := make([]T, n)
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			results[i] = do(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return results
}

func count(results []int, want int) (n int) {
	for _, r := range results {
		if r == want {
			n++
		}
	}
	return n
}

// TestAStateWorksOnce is claim 58: once, for 5 minutes, for its ceremony and its user and session.
func TestAStateWorksOnce(t *testing.T) {
	a := newApp(t)
	_, ada := a.LogIn(email)
	_, eve := a.LogIn("eve@example.com")
	_, elsewhere := a.LogIn(email)
	urls := []string{a.url, a.serve(a.Another())}
	p := a.add(ada.AccessToken, -7)
	for range 5 {
		body := a.signed(p)
		status := atOnce(20, func(i int) int {
			res, _ := a.request("POST", urls[i%2]+"/login/passkey", nil, body)
			return res.StatusCode
		})
		if count(status, 200) != 1 || count(status, 401) != 19 {
			t.Errorf("20 logins with one state: %v", status)
		}
		options := a.send("POST", "/passkeys/options", ada.AccessToken, nil, 200)
		before := len(a.send("GET", "/passkeys", ada.AccessToken, nil, 200)["passkeys"].([]any))
		status = atOnce(20, func(i int) int {
			q := authenticator.New(-8, origin) // each another key: only the state is the same
			res, _ := a.request("POST", urls[i%2]+"/passkeys", ada.AccessToken, members{"state": options["state"], "credential": q.Create(raw(options))})
			return res.StatusCode
		})
		if after := len(a.send("GET", "/passkeys", ada.AccessToken, nil, 200)["passkeys"].([]any)); count(status, 201) != 1 || after != before+1 {
			t.Errorf("20 registrations with one state: %v, and %d passkeys more", status, after-before)
		}
	}

	options := a.send("POST", "/passkeys/options", ada.AccessToken, nil, 200)
	q := authenticator.New(-7, origin)
	registration := members{"state": options["state"], "credential": q.Create(raw(options))}
	for _, access := range []any{eve.AccessToken, elsewhere.AccessToken} {
		if refused := a.send("POST", "/passkeys", access, registration, 401); refused["code"] != "invalid_token" {
			t.Errorf("the state of another user or session: %v", refused)
		}
	}
	login := a.signed(p)
	if refused := a.send("POST", "/login/passkey", nil, members{"state": registration["state"], "credential": login["credential"]}, 401); refused["code"] != "invalid_token" {
		t.Errorf("the state of the other ceremony: %v", refused)
	}
	a.Clock.Advance(5 * time.Minute)
	if refused := a.send("POST", "/passkeys", ada.AccessToken, registration, 401); refused["code"] != "expired_token" {
		t.Errorf("after five minutes: %v", refused)
	}
	if refused := a.send("POST", "/login/passkey", nil, login, 401); refused["code"] != "expired_token" {
		t.Errorf("after five minutes: %v", refused)
	}
}
