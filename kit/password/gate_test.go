package password

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func mustEnter(t *testing.T, g *gate) {
	t.Helper()
	if err := g.enter(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestGateAdmitsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 10, time.Minute)
		mustEnter(t, g)
		var order []int
		for i := range 10 {
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
		if s := g.stats(); s != (Stats{Running: 1, Waiting: 10}) {
			t.Errorf("stats are %+v", s)
		}
		g.leave()
		synctest.Wait()
		if !slices.Equal(order, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
			t.Errorf("admitted in the order %v", order)
		}
		if s := g.stats(); s != (Stats{}) {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

func TestGateAdmitsSoManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(3, 1, time.Minute)
		for range 3 {
			mustEnter(t, g)
		}
		var fourth atomic.Bool
		go func() {
			mustEnter(t, g)
			fourth.Store(true)
		}()
		synctest.Wait()
		if fourth.Load() {
			t.Error("a fourth came in")
		}
		g.leave()
		synctest.Wait()
		if s := g.stats(); !fourth.Load() || s.Running != 3 {
			t.Errorf("the fourth got no place: %+v", s)
		}
	})
}

func TestGateRefusesTheExcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 2, 5*time.Second)
		mustEnter(t, g)
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		go func() { errs <- g.enter(ctx) }()
		synctest.Wait()
		go func() { errs <- g.enter(t.Context()) }()
		synctest.Wait()
		if err := g.enter(t.Context()); err != ErrBusy || time.Since(began) != 0 {
			t.Errorf("over the queue: %v after %v", err, time.Since(began))
		}
		cancel()
		if err := <-errs; err != context.Canceled {
			t.Error("a caller that went:", err)
		}
		if s := g.stats(); s.Waiting != 1 {
			t.Errorf("%d wait, want 1: the place is free again", s.Waiting)
		}
		if err := <-errs; err != ErrBusy || time.Since(began) != 5*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if s := g.stats(); s != (Stats{Running: 1, Refused: 2}) {
			t.Errorf("with all gone: %+v", s)
		}
		g.leave()
		if s := g.stats(); s != (Stats{Refused: 2}) {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

func TestGateTellsContextsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 1, time.Minute)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := g.enter(gone); err != context.Canceled {
			t.Error("a caller that was gone before:", err)
		}
		mustEnter(t, g)
		late, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.enter(late); err != context.DeadlineExceeded {
			t.Error("a caller with a deadline:", err)
		}
		if s := g.stats(); s != (Stats{Running: 1}) {
			t.Errorf("they count as refused, or wait still: %+v", s)
		}
	})
}

// TestGateGrantMeetsGivingUp lets the turn come between a caller's decision to give
// up and its doing so, which no schedule of goroutines can be made to hit.
func TestGateGrantMeetsGivingUp(t *testing.T) {
	g := newGate(1, 1, time.Minute)
	mustEnter(t, g)
	queue := func() (chan struct{}, func(context.Context) error) {
		turn := make(chan struct{})
		place := g.waiting.PushBack(turn)
		return turn, func(ctx context.Context) error { return g.giveUp(ctx, turn, place) }
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()

	_, giveUp := queue()
	g.leave() // the turn is granted
	if err := giveUp(t.Context()); err != nil {
		t.Error("the wait was over, and the turn there:", err)
	}
	_, giveUp = queue()
	next, _ := queue()
	g.leave()
	if err := giveUp(gone); err != context.Canceled {
		t.Error("the caller was gone:", err)
	}
	select {
	case <-next:
	default:
		t.Error("the next did not get the turn")
	}
	g.leave()
	if s := g.stats(); s != (Stats{}) {
		t.Errorf("a turn was lost: %+v", s)
	}
}

// TestGateConcurrentSafe races grants with callers that go, from 64 goroutines.
func TestGateConcurrentSafe(t *testing.T) {
	for range 10 {
		g := newGate(2, 1000, 20*time.Second)
		var inside, admitted atomic.Int32
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i := range 64 {
			wg.Go(func() {
				<-start
				for range 40 {
					ctx, cancel := context.WithCancel(context.Background())
					if i%2 == 0 {
						go cancel()
					}
					switch err := g.enter(ctx); {
					case err == nil:
						if n := inside.Add(1); n > 2 {
							t.Errorf("%d are inside", n)
						}
						admitted.Add(1)
						inside.Add(-1)
						g.leave()
					case !errors.Is(err, context.Canceled):
						t.Error(err)
					}
					cancel()
				}
			})
		}
		close(start)
		wg.Wait()
		if s := g.stats(); s != (Stats{}) {
			t.Fatalf("a turn was lost: %+v", s)
		}
		if n := admitted.Load(); n < 32*40 {
			t.Fatalf("%d were admitted, fewer than stayed", n)
		}
	}
}

// BenchmarkGate is what admission adds to a hash that need not wait.
func BenchmarkGate(b *testing.B) {
	g := newGate(1, 1, time.Second)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := g.enter(ctx); err != nil {
			b.Fatal(err)
		}
		g.leave()
	}
}
