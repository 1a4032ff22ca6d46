package postgres_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"net"
	"runtime"
	"sync/atomic"
	"testing"

	"myauth.internal/conformance"
	"myauth.internal/drivers/postgres"
	"myauth.internal/kit"
)

// A connection has one goroutine, which waits for the end of contexts, until it is closed.
func TestGoroutinesOfAConnection(t *testing.T) {
	store := open(t, schema(t), &postgres.Options{MaxConns: 1})
	lookUp(t, store)()
	if n := watching(); n != 1 {
		t.Errorf("%d goroutines wait for the end of contexts, want one", n)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	nobodyWatches(t)
}

func watching() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return bytes.Count(stacks, []byte("watchCancel.func1("))
}

func nobodyWatches(t *testing.T) {
	t.Helper()
	var stop atomic.Bool
	defer stop.Store(true)
	within(t, "the goroutine of a connection that was closed", func() {
		for watching() > 0 && !stop.Load() {
			runtime.Gosched()
		}
	})
}

// A context that lives long keeps nothing of the look-ups that it was for.
func TestLookUpsLeaveNothingInTheirContext(t *testing.T) {
	store := open(t, schema(t), &postgres.Options{MaxConns: 1})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	objects := func(lookUps int) uint64 {
		for range lookUps {
			if _, err := store.Users().ByID(ctx, "nobody"); !errors.Is(err, kit.ErrNotFound) {
				t.Fatal(err)
			}
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapObjects
	}
	const n = 3000
	if before, after := objects(10), objects(n); after > before+n {
		t.Errorf("%d look-ups keep %d objects", n, after-before)
	}
}

// foreign is a context that package context did not make.
type foreign struct {
	context.Context
	done chan struct{}
}

func (f foreign) Done() <-chan struct{} { return f.done }
func (f foreign) Err() error {
	select {
	case <-f.done:
		return context.Canceled
	default:
		return nil
	}
}

func TestContextsOfOthers(t *testing.T) {
	n := conformance.NewNetwork(t)
	store := open(t, schema(t), &postgres.Options{MaxConns: 1, Dial: n.DialContext})
	ctx := foreign{context.Background(), make(chan struct{})}
	for range 10 {
		if _, err := store.Users().ByID(ctx, "nobody"); !errors.Is(err, kit.ErrNotFound) {
			t.Fatal(err)
		}
	}
	defer n.Hang()()
	within(t, "a look-up", func() {
		go func() {
			for postgres.Pool(store).Stats().InUse == 0 {
				runtime.Gosched()
			}
			close(ctx.done)
		}()
		if _, err := store.Users().ByID(ctx, "nobody"); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

// tardy is a connection on which something happens while an answer arrives.
type tardy struct {
	net.Conn
	then *atomic.Pointer[context.CancelFunc]
}

func (c tardy) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if cancel := c.then.Swap(nil); cancel != nil {
		(*cancel)()
	}
	return n, err
}

// A connection whose call ended with its answer does not stay in the pool: the server may be asked
// later to cancel it.
func TestAContextThatEndsWithTheAnswer(t *testing.T) {
	var then atomic.Pointer[context.CancelFunc]
	store := open(t, schema(t), &postgres.Options{MaxConns: 1, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, address)
		return tardy{nc, &then}, err
	}})
	for name, call := range map[string]func(context.Context){
		"a look-up": func(ctx context.Context) { _, _ = store.Users().ByID(ctx, "nobody") },
		"a write":   func(ctx context.Context) { _ = store.Users().Delete(ctx, "nobody") },
	} {
		call(t.Context()) // which prepares the statements
		unwatch(t, postgres.Pool(store))
		before := backend(t, store)
		ctx, cancel := context.WithCancel(t.Context())
		then.Store(&cancel)
		call(ctx)
		if then.Load() != nil {
			t.Errorf("%s: no answer arrived", name)
		}
		if backend(t, store) == before {
			t.Errorf("%s: the connection stays in the pool", name)
		}
		cancel()
	}
}

// Calls end also where a version of lib/pq does not watch the context of rows that are open.
func TestCallsThatLibPQDoesNotWatch(t *testing.T) {
	for name, call := range map[string]func(context.Context, *postgres.Store) error{
		"a look-up": func(ctx context.Context, s *postgres.Store) error {
			_, err := s.Users().ByID(ctx, "nobody")
			return err
		},
		"a write": func(ctx context.Context, s *postgres.Store) error { return s.Users().Delete(ctx, "nobody") },
	} {
		n := conformance.NewNetwork(t)
		store := open(t, schema(t), &postgres.Options{MaxConns: 1, Dial: n.DialContext})
		_ = call(t.Context(), store) // which prepares the statements
		unwatch(t, postgres.Pool(store))
		release := n.Hang()
		ctx, cancel := context.WithCancel(t.Context())
		within(t, name, func() {
			go func() {
				for postgres.Pool(store).Stats().InUse == 0 {
					runtime.Gosched()
				}
				cancel()
			}()
			if err := call(ctx, store); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: got %v", name, err)
			}
		})
		release()
	}
}

// unwatch lets lib/pq not notice the end of contexts on the one connection of a pool.
func unwatch(t *testing.T, db *sql.DB) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Raw(func(c any) error { postgres.Unwatch(c); return nil }); err != nil {
		t.Fatal(err)
	}
}
