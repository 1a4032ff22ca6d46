package password

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestGateAdmitsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 10, time.Minute)
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		var order []int
		for i := range 5 {
			go func() {
				if err := g.enter(t.Context()); err != nil {
					t.Error(err)
					return
				}
				order = append(order, i) // one at a time: the gate is the lock
				g.leave()
			}()
			synctest.Wait()
		}
		if s := g.stats(); s.Running != 1 || s.Waiting != 5 {
			t.Errorf("stats are %+v", s)
		}
		g.leave()
		synctest.Wait()
		for i, n := range order {
			if i != n {
				t.Fatalf("admitted in the order %v", order)
			}
		}
		if s := g.stats(); s != (Stats{}) || len(order) != 5 {
			t.Errorf("afterwards: %+v, %v", s, order)
		}
	})
}

func TestGateRefusesTheExcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 2, 5*time.Second)
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		go func() { errs <- g.enter(ctx) }()
		synctest.Wait()
		go func() { errs <- g.enter(t.Context()) }()
		synctest.Wait()
		if err := g.enter(t.Context()); !errors.Is(err, ErrBusy) {
			t.Error("over the queue:", err)
		}
		cancel()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Error("a caller that went:", err)
		}
		synctest.Wait()
		if s := g.stats(); s.Waiting != 1 {
			t.Errorf("%d wait, want 1: the place is free again", s.Waiting)
		}
		if err := <-errs; !errors.Is(err, ErrBusy) || time.Since(began) != 5*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		g.leave()
		if s := g.stats(); s != (Stats{Refused: 2}) {
			t.Errorf("afterwards: %+v", s)
		}
		if err := g.enter(ctx); !errors.Is(err, context.Canceled) {
			t.Error("a caller that was gone before:", err)
		}
	})
}

// TestGateLosesNoTurn grants a turn to a caller that is just giving up.
func TestGateLosesNoTurn(t *testing.T) {
	g := newGate(1, 1000, time.Minute)
	for range 2000 {
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() { gone <- g.enter(ctx) }()
		for g.stats().Waiting == 0 {
			runtime.Gosched()
		}
		cancel() // wakes the caller, which has to take the lock
		g.leave()
		if err := <-gone; err == nil {
			g.leave()
		}
		if s := g.stats(); s.Running != 0 || s.Waiting != 0 {
			t.Fatalf("the turn was lost: %+v", s)
		}
	}
}

func TestGateUnderLoad(t *testing.T) {
	g := newGate(2, 1000, time.Minute)
	var inside, tooMany atomic.Int32
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for range 50 {
				ctx, cancel := context.WithCancel(context.Background())
				if i%2 == 0 {
					go cancel()
				}
				if g.enter(ctx) == nil {
					if inside.Add(1) > 2 {
						tooMany.Add(1)
					}
					inside.Add(-1)
					g.leave()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if n := tooMany.Load(); n > 0 {
		t.Errorf("more than 2 were inside, %d times", n)
	}
	if s := g.stats(); s.Running != 0 || s.Waiting != 0 || g.free != 2 {
		t.Errorf("a turn was lost: %+v, %d free", s, g.free)
	}
}

func BenchmarkGate(b *testing.B) {
	g := newGate(1, 1, time.Second)
	b.ReportAllocs()
	for b.Loop() {
		if err := g.enter(b.Context()); err != nil {
			b.Fatal(err)
		}
		g.leave()
	}
}
