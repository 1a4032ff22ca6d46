package conformance

import (
	"context"
	"fmt"
	"testing"
	"time"

	"myauth.internal/kit"
)

// TestFollowersThatWait: where whoever follows a write has to wait for it, the store may
// give up the call that follows, and is right.
func TestFollowersThatWait(t *testing.T) {
	shared := func(share func(f *fake, w *wire, row chan struct{})) Config {
		cfg := fakeConfig(nil)
		cfg.Soon = 300 * time.Millisecond
		cfg.Network = func(tb testing.TB, n *Network) Open {
			d, server := newDataset(), newWireServer(tb)
			w, row := newWire(server, n.DialContext), make(chan struct{}, 1)
			return func(testing.TB) Stores {
				f := newFake(d)
				share(f, w, row)
				f.guarded()
				return f.stores()
			}
		}
		return cfg
	}
	for name, share := range map[string]func(f *fake, w *wire, row chan struct{}){
		"for the one connection": func(f *fake, w *wire, _ chan struct{}) { f.overWire(w) },
		"for a lock, longer than the suite does": func(f *fake, w *wire, row chan struct{}) {
			f.overWire(newWire(w.server, w.dial))
			locked(f, row, time.Hour)
		},
		"for a lock, and give up": func(f *fake, w *wire, row chan struct{}) {
			f.overWire(newWire(w.server, w.dial))
			locked(f, row, 50*time.Millisecond)
		},
	} {
		for _, r := range networkRaceRules(userKind)[:1] {
			if got := noted(t, shared(share), r); len(got.failures) > 0 || got.skipped != "" {
				t.Errorf("callers wait %s: got %+v", name, got)
			}
		}
	}
}

// locked lets one call about a user wait for another, for that long at most.
func locked(f *fake, row chan struct{}, limit time.Duration) {
	inTurn := func(call func() error) error {
		select {
		case row <- struct{}{}:
			defer func() { <-row }()
			return call()
		case <-time.After(limit):
			return fmt.Errorf("the record is locked: %w", kit.ErrUnavailable)
		}
	}
	create, byID, update, remove := f.create, f.byID, f.update, f.remove
	f.create = func(ctx context.Context, u kit.User) error { return inTurn(func() error { return create(ctx, u) }) }
	f.byID = func(ctx context.Context, id string) (u kit.User, err error) {
		err = inTurn(func() error { u, err = byID(ctx, id); return err })
		return u, err
	}
	f.update = func(ctx context.Context, u kit.User) error { return inTurn(func() error { return update(ctx, u) }) }
	f.remove = func(ctx context.Context, id string) error { return inTurn(func() error { return remove(ctx, id) }) }
}
