package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"myauth.internal/kit/provider/internal/fetch"
	"myauth.internal/kit/provider/internal/hostile"
	"myauth.internal/kit/provider/internal/oidc"
)

// counts compares the requests for metadata and keys.
func counts(t *testing.T, p *hostile.Provider, metadata, keys int) {
	t.Helper()
	if m, k := p.Count(hostile.Metadata), p.Count(hostile.Keys); m != metadata || k != keys {
		t.Errorf("%d requests for metadata and %d for keys, want %d and %d", m, k, metadata, keys)
	}
}

func token(p *hostile.Provider) string { return p.IDToken(hostile.JSON{"nonce": "n-1"}) }

// Once warm nothing is fetched for a day, and then each document once.
func TestWarm(t *testing.T) {
	p, issuer, clock := start(t)
	for range 100 {
		clock.now = clock.now.Add(14 * time.Minute)
		if _, err := issuer.Verify(t.Context(), token(p), want); err != nil {
			t.Fatal(err)
		}
	}
	counts(t, p, 1, 1)
	clock.now = noon.Add(24*time.Hour + 14*time.Minute)
	for range 3 {
		if _, err := issuer.Verify(t.Context(), token(p), want); err != nil {
			t.Fatal(err)
		}
	}
	counts(t, p, 2, 2)
}

// Sixteen at once, cold: one fetch, and all are served. The ones that leave fail nobody else.
func TestCold(t *testing.T) {
	for _, leavers := range []int{0, 1, 15} {
		synctest.Test(t, func(t *testing.T) {
			p, issuer, _ := start(t)
			open := make(chan struct{})
			p.Script(func(s *hostile.Script) { s.Before = func(hostile.Endpoint) { <-open } })
			idToken := token(p)
			var wg sync.WaitGroup
			errs := make([]error, 16)
			leaving, leave := context.WithCancel(t.Context())
			for i := range errs {
				ctx := t.Context()
				if i < leavers {
					ctx = leaving
				}
				wg.Go(func() { _, errs[i] = issuer.Verify(ctx, idToken, want) })
				synctest.Wait() // so the first one is the one that fetches
			}
			leave()
			synctest.Wait()
			close(open)
			wg.Wait()
			for i, err := range errs {
				if i >= leavers && err != nil {
					t.Errorf("%d leavers, caller %d: %v", leavers, i, err)
				}
				if 0 < i && i < leavers && (!errors.Is(err, context.Canceled) || !errors.Is(err, oidc.ErrUnavailable)) {
					t.Errorf("%d leavers, caller %d, who left: %v", leavers, i, err)
				}
			}
			counts(t, p, 1, 1)
		})
	}
}

// Sixteen at once at a provider that does not answer: one request, and all of them give up with it.
func TestColdAndSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := hostile.New(t)
		p.Script(func(s *hostile.Script) {
			s.Instead = map[hostile.Endpoint]http.Handler{hostile.Metadata: hostile.Slow()}
		})
		issuer := oidc.New(oidc.Options{Issuer: p.Issuer, Client: fetch.Client(fetch.Options{Transport: p.Transport()})})
		begin := time.Now()
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if _, err := issuer.Metadata(t.Context()); !errors.Is(err, oidc.ErrUnavailable) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(begin); took != fetch.Timeout {
			t.Errorf("after %v", took)
		}
		counts(t, p, 1, 0)
	})
}

// A storm of unknown kids: one request a minute for keys, and none for metadata. Who comes with a
// known key is served meanwhile.
func TestUnknownKeys(t *testing.T) {
	p, issuer, clock := start(t)
	good := token(p)
	if _, err := issuer.Verify(t.Context(), good, want); err != nil {
		t.Fatal(err)
	}
	clock.now = noon.Add(time.Hour)
	storm := func() {
		var wg sync.WaitGroup
		for i := range 16 {
			p.Script(func(s *hostile.Script) { s.Header = hostile.JSON{"kid": fmt.Sprint("unknown", i)} })
			idToken := token(p)
			wg.Go(func() {
				for range 4 {
					var refused oidc.RefusedError
					if _, err := issuer.Verify(t.Context(), idToken, want); !errors.As(err, &refused) {
						t.Errorf("%v", err)
					}
				}
			})
		}
		wg.Wait()
		p.Script(func(s *hostile.Script) { s.Header = nil })
	}
	for minute := range 3 {
		clock.now = noon.Add(time.Hour + time.Duration(minute)*time.Minute)
		storm()
		clock.now = clock.now.Add(59 * time.Second)
		storm()
		counts(t, p, 1, 2+minute)
	}
	if _, err := issuer.Verify(t.Context(), token(p), want); err != nil {
		t.Errorf("a known key: %v", err)
	}
}

// New keys are found at the first token that they have signed, also under the old kid.
func TestRotation(t *testing.T) {
	for _, kid := range []string{"2", "1"} {
		p, issuer, clock := start(t)
		old := token(p)
		if _, err := issuer.Verify(t.Context(), old, want); err != nil {
			t.Fatal(err)
		}
		p.RotateKeys(kid)
		clock.now = noon.Add(2 * time.Minute)
		if _, err := issuer.Verify(t.Context(), token(p), want); err != nil {
			t.Errorf("kid %s: the new key: %v", kid, err)
		}
		counts(t, p, 1, 2)
		var refused oidc.RefusedError
		if _, err := issuer.Verify(t.Context(), old, want); !errors.As(err, &refused) {
			t.Errorf("kid %s: the old key: %v", kid, err)
		}
		counts(t, p, 1, 2)
	}
}

// A provider that is down is asked once in five seconds; what is known counts for two days, and is
// asked for once a minute.
func TestOutage(t *testing.T) {
	for _, endpoint := range []hostile.Endpoint{hostile.Metadata, hostile.Keys} {
		p, issuer, clock := start(t)
		down := func(yes bool) {
			p.Script(func(s *hostile.Script) {
				s.Instead = nil
				if yes {
					s.Instead = map[hostile.Endpoint]http.Handler{endpoint: hostile.Down()}
				}
			})
		}
		verify := func() error {
			_, err := issuer.Verify(t.Context(), token(p), want)
			return err
		}
		down(true)
		for second := range 11 {
			clock.now = noon.Add(time.Duration(second) * time.Second)
			if err := verify(); !errors.Is(err, oidc.ErrUnavailable) {
				t.Errorf("%s: %v", endpoint, err)
			}
		}
		if n := p.Count(endpoint); n != 3 {
			t.Errorf("%s: %d requests in 11 seconds, want 3", endpoint, n)
		}
		down(false)
		clock.now = noon.Add(15 * time.Second)
		if err := verify(); err != nil {
			t.Errorf("%s: it is back: %v", endpoint, err)
		}
		known := clock.now
		down(true)
		before := p.Count(endpoint)
		for minute := range 10 {
			for range 3 {
				clock.now = known.Add(24*time.Hour + time.Duration(minute)*time.Minute)
				if err := verify(); err != nil {
					t.Errorf("%s: on the second day: %v", endpoint, err)
				}
			}
		}
		if n := p.Count(endpoint) - before; n != 10 {
			t.Errorf("%s: %d requests in 10 minutes of the second day", endpoint, n)
		}
		clock.now = known.Add(48*time.Hour + time.Minute)
		if err := verify(); !errors.Is(err, oidc.ErrUnavailable) {
			t.Errorf("%s: on the third day: %v", endpoint, err)
		}
	}
}

// A clock that is set back by an hour does not keep a provider from being asked for as long.
func TestClockSetBack(t *testing.T) {
	p, issuer, clock := start(t)
	p.Script(func(s *hostile.Script) {
		s.Instead = map[hostile.Endpoint]http.Handler{hostile.Metadata: hostile.Down()}
	})
	if _, err := issuer.Metadata(t.Context()); !errors.Is(err, oidc.ErrUnavailable) {
		t.Fatal(err)
	}
	p.Script(func(s *hostile.Script) { s.Instead = nil })
	clock.now = noon.Add(-time.Hour)
	if _, err := issuer.Metadata(t.Context()); err != nil {
		t.Error(err)
	}
}

// While one asks a slow provider for what is a day old, nobody else waits.
func TestRefreshKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, issuer, clock := start(t)
		if _, err := issuer.Verify(t.Context(), token(p), want); err != nil {
			t.Fatal(err)
		}
		clock.now = noon.Add(25 * time.Hour)
		idToken := token(p)
		p.Script(func(s *hostile.Script) { s.Instead = map[hostile.Endpoint]http.Handler{hostile.Keys: hostile.Slow()} })
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				begin := time.Now()
				if _, err := issuer.Verify(t.Context(), idToken, want); err != nil {
					t.Error(err)
				}
				if took := time.Since(begin); i > 0 && took > 0 {
					t.Errorf("caller %d waits %v", i, took)
				}
			})
			synctest.Wait() // the first one is at it
		}
		wg.Wait()
	})
}

// An unknown key while the provider is down is an outage, not a lie: it may be a new one.
func TestUnknownKeyInAnOutage(t *testing.T) {
	p, issuer, clock := start(t)
	if _, err := issuer.Verify(t.Context(), token(p), want); err != nil {
		t.Fatal(err)
	}
	p.RotateKeys("2")
	p.Script(func(s *hostile.Script) { s.Instead = map[hostile.Endpoint]http.Handler{hostile.Keys: hostile.Down()} })
	clock.now = noon.Add(time.Minute)
	for range 3 {
		if _, err := issuer.Verify(t.Context(), token(p), want); !errors.Is(err, oidc.ErrUnavailable) {
			t.Errorf("%v", err)
		}
	}
	counts(t, p, 1, 2)
}
