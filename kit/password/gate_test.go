package password

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"myauth.internal/kit/internal/turns"
)

func mustEnter(t *testing.T, g *gate) {
	t.Helper()
	if err := g.enter(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestGateAdmitsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 10, time.Minute, nil)
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
		if s := g.stats(); s != (Stats{Running: 1, Waiting: 10, Admitted: 1}) {
			t.Errorf("stats are %+v", s)
		}
		g.leave()
		synctest.Wait()
		if !slices.Equal(order, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
			t.Errorf("admitted in the order %v", order)
		}
		if s := g.stats(); s != (Stats{Admitted: 11}) {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

func TestGateAdmitsSoManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(3, 1, time.Minute, nil)
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
		g := newGate(1, 2, 5*time.Second, nil)
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
		if s := g.stats(); s != (Stats{Running: 1, Admitted: 1, Refused: 2}) {
			t.Errorf("with all gone: %+v", s)
		}
		g.leave()
		if s := g.stats(); s != (Stats{Admitted: 1, Refused: 2}) {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

func TestGateTellsContextsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 1, time.Minute, nil)
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
		if s := g.stats(); s != (Stats{Running: 1, Admitted: 1}) {
			t.Errorf("they count as refused, or wait still: %+v", s)
		}
	})
}

// TestGateGrantMeetsGivingUp lets the turn come between a caller's decision to give
// up and its doing so, which no schedule of goroutines can be made to hit.
func TestGateGrantMeetsGivingUp(t *testing.T) {
	g := newGate(1, 2, time.Minute, nil)
	mustEnter(t, g)
	queue := func() (chan struct{}, func(context.Context) error) {
		w := &waiter{done: make(chan struct{})}
		place, _, _ := g.waiting.Push(turns.Source{}, w)
		return w.done, func(ctx context.Context) error { return g.giveUp(ctx, w, place) }
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
	// The call is refused in favour of another source at the moment when it gives up.
	for ctx, want := range map[context.Context]error{t.Context(): ErrBusy, gone: context.Canceled} {
		_, giveUp = queue()
		if v, ok := g.waiting.Pop(); ok {
			close(v.done)
		}
		if err := giveUp(ctx); err != want {
			t.Errorf("refused: got %v, want %v", err, want)
		}
	}
	g.leave()
	if s := g.stats(); s != (Stats{Admitted: 4}) {
		t.Errorf("a turn was lost: %+v", s)
	}
}

// TestGateOneSourceCannotKeepOthersOut: a hundred calls of one client fill the queue, and
// the calls of others find a place in it and are among the next.
func TestGateOneSourceCannotKeepOthersOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type addrKey struct{}
		g := newGate(1, 64, time.Minute, func(ctx context.Context) netip.Addr {
			addr, _ := ctx.Value(addrKey{}).(netip.Addr)
			return addr
		})
		mustEnter(t, g)
		var order []string
		refused := map[string]int{}
		var mu sync.Mutex
		call := func(addr string) {
			ctx := context.WithValue(t.Context(), addrKey{}, netip.MustParseAddr(addr))
			go func() {
				err := g.enter(ctx)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					order = append(order, addr)
					g.leave()
				} else if err == ErrBusy {
					refused[addr]++
				} else {
					t.Error(err)
				}
			}()
			synctest.Wait()
		}
		for i := range 100 {
			call(fmt.Sprintf("2001:db8::%x", i+1)) // one /64
		}
		for range 3 {
			call("192.0.2.1")
			call("192.0.2.2")
		}
		if s := g.stats(); s != (Stats{Running: 1, Waiting: 64, Admitted: 1, Refused: 36 + 6}) {
			t.Errorf("stats are %+v", s)
		}
		g.leave()
		synctest.Wait()
		if refused["192.0.2.1"]+refused["192.0.2.2"] > 0 || len(order) != 64 {
			t.Errorf("refused: %v; admitted: %v", refused, order)
		}
		want := []string{"2001:db8::1", "192.0.2.1", "192.0.2.2", "2001:db8::2", "192.0.2.1", "192.0.2.2", "2001:db8::3", "192.0.2.1", "192.0.2.2", "2001:db8::4"}
		if !slices.Equal(order[:len(want)], want) {
			t.Errorf("admitted in the order %v", order[:len(want)])
		}
	})
}

// TestGateConcurrentSafe races grants with callers that go, from 64 goroutines.
func TestGateConcurrentSafe(t *testing.T) {
	for range 10 {
		g := newGate(2, 1000, 20*time.Second, nil)
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
		if s := g.stats(); s.Running != 0 || s.Waiting != 0 || s.Refused != 0 {
			t.Fatalf("a turn was lost: %+v", s)
		}
		if n := admitted.Load(); n < 32*40 {
			t.Fatalf("%d were admitted, fewer than stayed", n)
		}
	}
}
