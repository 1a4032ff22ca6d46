package redis_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"

	"myauth.internal/kit"
)

// What was acknowledged by a server that syncs each write survives the end of the
// server at any moment, and what was not is there as a whole or not at all.
// MYAUTH_TEST_CRASH_ROUNDS lengthens it.
func TestServerKilledUnderLoad(t *testing.T) {
	rounds := 5
	if s := os.Getenv("MYAUTH_TEST_CRASH_ROUNDS"); s != "" {
		var err error
		if rounds, err = strconv.Atoi(s); err != nil {
			t.Fatal("MYAUTH_TEST_CRASH_ROUNDS:", err)
		}
	}
	s := startServer(t, "--appendonly", "yes", "--appendfsync", "always")
	store := open(t, s.url(), nil) // one store through all of it
	const workers = 8
	var mu sync.Mutex
	acked := map[string]bool{}   // users and tokens of that name were acknowledged
	deleted := map[string]bool{} // and so was their end
	tried := map[string]bool{}
	for round := range rounds {
		var wg sync.WaitGroup
		enough := make(chan struct{})
		// What was updated leaves acked again, so the number is reached more than once.
		reached := sync.OnceFunc(func() { close(enough) })
		for w := range workers {
			wg.Go(func() {
				for i := 0; ; i++ {
					id := fmt.Sprintf("%d-%d-%d", round, w, i)
					mu.Lock()
					tried[id] = true
					mu.Unlock()
					ctx := context.Background()
					if err := errors.Join(store.Users().Create(ctx, newUser(id)), store.Tokens().Create(ctx, newToken(id, id))); err != nil {
						if !isOutage(err) {
							t.Errorf("create: %v", err)
						}
						return
					}
					mu.Lock()
					acked[id] = true
					if len(acked) == (round+1)*100 {
						reached()
					}
					mu.Unlock()
					if i%3 == 0 {
						token := newToken(id, id)
						if err := store.Tokens().Update(ctx, token); err != nil {
							mu.Lock()
							delete(acked, id) // not of interest any more
							mu.Unlock()
							return
						}
						err := errors.Join(store.Tokens().Delete(ctx, id, 2), store.Users().Delete(ctx, id))
						if err == nil {
							mu.Lock()
							deleted[id] = true
							mu.Unlock()
						}
						mu.Lock()
						delete(acked, id)
						mu.Unlock()
						if err != nil {
							return
						}
					}
				}
			})
		}
		<-enough
		s.kill()
		wg.Wait()
		s.start()
		eventually(t, "the store works again", func() error { return store.Users().Ping(t.Context()) })
	}
	if len(acked) == 0 || len(deleted) == 0 {
		t.Fatal("the test is worth nothing")
	}
	for id := range tried {
		u, byID := store.Users().ByID(t.Context(), id)
		_, byEmail := store.Users().ByEmail(t.Context(), id+"@example.com")
		token, tokenByID := store.Tokens().ByID(t.Context(), id)
		list, byUser := store.Tokens().ByUser(t.Context(), id, "", 10)
		switch {
		case byUser != nil, acked[id] && (byID != nil || tokenByID != nil):
			t.Errorf("%s was acknowledged: %v, %v, %v", id, byID, tokenByID, byUser)
		case deleted[id] && !(errors.Is(byID, kit.ErrNotFound) && errors.Is(tokenByID, kit.ErrNotFound)):
			t.Errorf("%s was deleted and is back: %v, %v", id, byID, tokenByID)
		case (byID == nil) != (byEmail == nil) || byID != nil && !errors.Is(byID, kit.ErrNotFound):
			t.Errorf("half a user %s: %v, %v", id, byID, byEmail)
		case (tokenByID == nil) != (len(list) == 1):
			t.Errorf("half a token %s: %v, %v", id, tokenByID, list)
		case byID == nil && u.Version != 1, tokenByID == nil && acked[id] && token.Version != 1:
			t.Errorf("%s has versions %d and %d", id, u.Version, token.Version)
		}
	}
	t.Logf("%d kept, %d deleted, of %d, in %d rounds", len(acked), len(deleted), len(tried), rounds)
}
