package shared_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/throttle"
	"myauth.internal/kit/throttle/shared"
)

// distant is a store that each call takes a few milliseconds to reach.
type distant struct {
	kit.TokenStore
	calls atomic.Int64
}

func (d *distant) ByID(ctx context.Context, id string) (kit.Token, error) {
	d.travel()
	return d.TokenStore.ByID(ctx, id)
}

func (d *distant) Update(ctx context.Context, t kit.Token) error {
	d.travel()
	return d.TokenStore.Update(ctx, t)
}

func (d *distant) travel() {
	d.calls.Add(1)
	time.Sleep(5 * time.Millisecond)
}

// A flood at one address, of different guesses and of one that comes again and again, is no
// outage: the instances go on counting together, and call the store a few times.
func TestAFloodIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &distant{TokenStore: memstore.New().Tokens()}
		var log bytes.Buffer
		var all []throttle.Limiter
		for range 2 {
			l := throttle.New(&throttle.Options{Shared: shared.New(store), Logger: slog.New(slog.NewTextHandler(&log, nil))})
			all = append(all, l)
		}
		var compared atomic.Int64
		var attempts sync.WaitGroup
		for i := range 2000 {
			attempts.Go(func() {
				a := throttle.Attempt{Action: throttle.ActionLogin, Time: time.Now(), EmailKey: "ada@example.com", Guess: 1, Recoverable: true}
				if i >= 1000 {
					a.Guess = uint64(i)
				}
				if c, err := all[i%2].Begin(context.Background(), a); err == nil {
					compared.Add(1)
					c.Done(context.Background(), throttle.Failed)
				}
			})
		}
		attempts.Wait()
		if log.Len() > 0 {
			t.Errorf("the log says: %s", log.String())
		}
		if got := compared.Load(); got > 5*64 { // five, each with its repeats
			t.Errorf("%d of 2000 are compared", got)
		}
		if got := store.calls.Load(); got > 100 {
			t.Errorf("the store is called %d times", got)
		}
	})
}
