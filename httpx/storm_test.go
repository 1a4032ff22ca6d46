//go:build !wasm

package httpx

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"myauth.internal/kit"
)

// TestReadsDuringLogins wants GET /auth/me at p99 under 50 ms on two processors while 64
// clients log in without pause at cost 12. One good run of three is enough: the machine
// may have other work, and without the gate no run is good.
func TestReadsDuringLogins(t *testing.T) {
	const clients, reads, bound = 64, 300, 50 * time.Millisecond
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	rg := newRig(t, Options{}, func(o *kit.Options) { o.BcryptCost = 12 })
	server := httptest.NewServer(rg) // each request wakes goroutines, and those are what waits
	defer server.Close()
	session, err := rg.svc.Login(t.Context(), "ada@example.com", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	p99 := func() time.Duration {
		ctx, stop := context.WithCancel(t.Context())
		came := make(chan struct{})
		var storm sync.WaitGroup
		for range clients {
			storm.Go(func() {
				came <- struct{}{}
				for ctx.Err() == nil {
					login(ctx, rg, "ada@example.com")
				}
			})
		}
		defer storm.Wait()
		defer stop()
		for range clients {
			<-came
		}
		pace := time.NewTicker(3 * time.Millisecond)
		defer pace.Stop()
		var times []time.Duration
		slow := 0
		for len(times) < reads && slow <= reads/100 { // more are not at p99
			<-pace.C
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/auth/me", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+string(session.AccessToken))
			began := time.Now()
			response, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, response.Body)
			took := time.Since(began)
			if times = append(times, took); took >= bound {
				slow++
			}
			if response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
				t.Fatalf("GET /auth/me: %s, %v", response.Status, err)
			}
		}
		slices.Sort(times)
		return times[len(times)-1-reads/100]
	}
	var seen []time.Duration
	for range 3 {
		seen = append(seen, p99())
		if seen[len(seen)-1] < bound {
			t.Logf("p99 %v", seen)
			return
		}
	}
	t.Errorf("GET /auth/me took %v at p99 in three runs, want under %v", seen, bound)
}
