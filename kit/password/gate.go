package password

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"myauth.internal/kit/internal/turns"
)

// ErrBusy says that too many calls wait to hash, or that this one has waited too
// long. The same call may succeed a little later.
var ErrBusy = errors.New("password: too many passwords to hash at once: try again later")

// Stats counts the work of a [Hasher].
type Stats struct {
	// Running is how many hashes are being computed, Waiting how many calls wait
	// for their turn.
	Running, Waiting int
	// Admitted is how many calls have had their turn so far, Refused how many got
	// [ErrBusy].
	Admitted, Refused uint64
}

// gate admits a bounded number of calls at a time, from a bounded queue in which their
// sources take turns; the calls of one source are admitted in the order of their
// arrival. A caller that gives up leaves the queue at once. The gate runs no goroutine.
type gate struct {
	concurrent int
	maxWait    time.Duration
	source     func(context.Context) netip.Addr // nil: all are one source

	mu      sync.Mutex
	running int
	waiting *turns.Queue[*waiter] // empty while a place is free

	admitted, refused uint64
}

// waiter is a call that waits. Its fields are settled under the gate's lock before done
// is closed.
type waiter struct {
	admitted bool // or refused
	done     chan struct{}
}

func newGate(concurrent, maxQueue int, maxWait time.Duration, source func(context.Context) netip.Addr) *gate {
	return &gate{concurrent: concurrent, maxWait: maxWait, source: source, waiting: turns.New[*waiter](maxQueue)}
}

// enter waits for a turn. A caller that gets nil must leave.
func (g *gate) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var source turns.Source
	if g.source != nil {
		source = turns.SourceOf(g.source(ctx))
	}
	g.mu.Lock()
	if g.running < g.concurrent {
		g.running++
		g.admitted++
		g.mu.Unlock()
		return nil
	}
	w := &waiter{done: make(chan struct{})}
	place, refused, full := g.waiting.Push(source, w)
	if full {
		g.refused++
		close(refused.done)
	}
	g.mu.Unlock()
	if place == nil {
		return ErrBusy
	}

	timeout := time.NewTimer(g.maxWait)
	defer timeout.Stop()
	select {
	case <-w.done:
		if !w.admitted {
			return ErrBusy
		}
		return nil
	case <-timeout.C:
	case <-ctx.Done():
	}
	return g.giveUp(ctx, w, place)
}

// giveUp leaves the queue. A turn may have come at the same moment: then the call takes
// it, or passes it on if its context has ended. No turn is lost, since it is granted under
// the same lock.
func (g *gate) giveUp(ctx context.Context, w *waiter, place *turns.Place[*waiter]) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	err := ctx.Err()
	switch waited := g.waiting.Remove(place); {
	case waited && err == nil:
		g.refused++
		return ErrBusy
	case w.admitted && err != nil:
		g.pass()
	case !waited && !w.admitted && err == nil:
		return ErrBusy // refused, and counted, for another source
	}
	return err
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pass()
}

// pass hands a turn to the next in the queue, or back. It runs under the lock.
func (g *gate) pass() {
	if next, ok := g.waiting.Pop(); ok {
		next.admitted = true
		g.admitted++
		close(next.done)
		return
	}
	g.running--
}

func (g *gate) stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Stats{Running: g.running, Waiting: g.waiting.Len(), Admitted: g.admitted, Refused: g.refused}
}
