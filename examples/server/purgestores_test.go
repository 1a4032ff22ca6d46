package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"myauth.internal/conformance"
	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/memstore"
)

// batches is a store of tokens that looks at the batches of a purge.
type batches struct {
	kit.TokenStore
	calls, largest atomic.Int64
}

func (s *batches) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	s.calls.Add(1)
	n, err := s.TokenStore.DeleteExpired(ctx, before, limit)
	s.largest.Store(max(s.largest.Load(), int64(n), int64(limit)))
	return n, err
}

// TestPurgeOverEveryStore purges expired tokens among live ones, on each store, with the
// live ones in use. There are 2,300 expired ones; for more, with a longer -timeout:
//
//	MYAUTH_TEST_PURGE_ROWS=1000000 go test -run TestPurgeOverEveryStore -timeout 4h .
func TestPurgeOverEveryStore(t *testing.T) {
	rows := 2300
	if s := os.Getenv("MYAUTH_TEST_PURGE_ROWS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("MYAUTH_TEST_PURGE_ROWS is %q: write a number of rows", s)
		}
		rows = n
	}
	all := map[string]func(t testing.TB, n *conformance.Network) conformance.Open{"memory": inMemory}
	for name, open := range databases {
		all[name] = open
	}
	for name, open := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stores := open(t, conformance.NewNetwork(t))(t)
			t.Cleanup(func() {
				if err := stores.Close(); err != nil {
					t.Error(err)
				}
			})
			purgeAmongLive(t, stores, rows)
		})
	}
}

func inMemory(testing.TB, *conformance.Network) conformance.Open {
	s := memstore.New()
	return func(testing.TB) conformance.Stores {
		return conformance.Stores{Stores: s.Stores(), Close: s.Close}
	}
}

func purgeAmongLive(t *testing.T, stores conformance.Stores, rows int) {
	const live = 40
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) // of mixedService
	watched := &batches{TokenStore: stores.Tokens}
	stores.Tokens = watched
	s := mixedService(t, stores, &kittest.Mailer{}, time.Minute)
	token := func(kind string, i int, expires time.Time) kit.Token {
		return kit.Token{
			ID: fmt.Sprintf("%s%0*d", kind, 22-len(kind), i), Type: kit.RefreshToken, UserID: fmt.Sprint("user-", i%97), SessionID: fmt.Sprint(kind, i),
			SecretHash: make([]byte, 32), CreatedAt: now.Add(-time.Hour), ExpiresAt: expires, Version: 1,
		}
	}
	// The last to expire does so at the very time of the purge, the first to live on a
	// microsecond later.
	dead := func(i int) kit.Token { return token("dead", i, now.Add(-time.Duration(i)*time.Millisecond)) }
	alive := func(i int) kit.Token { return token("live", i, now.Add(time.Duration(i+1)*time.Microsecond)) }
	fill := func(n int, token func(int) kit.Token) {
		var workers sync.WaitGroup
		for worker := range 8 {
			workers.Go(func() {
				for i := worker; i < n; i += 8 {
					if err := stores.Tokens.Create(t.Context(), token(i)); err != nil {
						t.Errorf("creating a token: %v", err)
						return
					}
				}
			})
		}
		workers.Wait()
	}
	fill(rows, dead)
	fill(live, alive)
	if t.Failed() {
		return
	}

	purged := make(chan struct{})
	var user sync.WaitGroup
	user.Go(func() { // a live token is there at every moment, and can be written
		for version := int64(1); ; version++ {
			u := alive(0)
			if u.Version = version; stores.Tokens.Update(t.Context(), u) != nil {
				t.Errorf("a live token cannot be updated at Version %d while others are purged", version)
				return
			}
			select {
			case <-purged:
				return
			case <-time.After(time.Millisecond): // purges are to get on as well
			}
		}
	})
	n, err := s.PurgeExpired(t.Context(), now)
	close(purged)
	user.Wait()
	if n != rows || err != nil {
		t.Errorf("PurgeExpired: got %d, error %v, want %d and none", n, err, rows)
	}
	if calls, largest := watched.calls.Load(), watched.largest.Load(); largest > 1000 || int(calls) != rows/1000+1 {
		t.Errorf("PurgeExpired deleted %d tokens in %d batches of at most %d, want batches of at most 1,000", n, calls, largest)
	}
	for i := range live {
		got, err := stores.Tokens.ByID(t.Context(), alive(i).ID)
		if err != nil || !got.ExpiresAt.Equal(alive(i).ExpiresAt) {
			t.Errorf("live token %d after the purge: got error %v, ExpiresAt %v", i, err, got.ExpiresAt)
		}
	}
	for _, i := range []int{0, rows / 2, rows - 1} {
		if _, err := stores.Tokens.ByID(t.Context(), dead(i).ID); err == nil {
			t.Errorf("expired token %d is still there after the purge", i)
		}
	}
}
