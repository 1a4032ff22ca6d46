package password

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"
)

// ErrBusy says that too many calls wait to hash, or that this one has waited too
// long. The same call may succeed a little later.
var ErrBusy = errors.New("password: too many passwords to hash at once: try again later")

// Stats counts the work of a [Hasher].
type Stats struct {
	// Running is how many hashes are being computed, Waiting how many calls wait
	// for their turn.
	Running, Waiting int
	// Refused is how many calls got [ErrBusy] so far.
	Refused uint64
}

// gate admits calls in the order of their arrival, a bounded number at a time, out
// of a bounded queue. A caller that gives up leaves the queue at once. It needs no
// goroutine of its own.
type gate struct {
	concurrent int
	maxQueue   int
	maxWait    time.Duration

	mu      sync.Mutex
	running int
	waiting list.List // of chan struct{}, closed when the turn has come; empty while a place is free
	refused uint64
}

func newGate(concurrent, maxQueue int, maxWait time.Duration) *gate {
	return &gate{concurrent: concurrent, maxQueue: maxQueue, maxWait: maxWait}
}

// enter waits for a turn. Whoever gets nil must leave.
func (g *gate) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g.mu.Lock()
	if g.running < g.concurrent {
		g.running++
		g.mu.Unlock()
		return nil
	}
	if g.waiting.Len() >= g.maxQueue {
		g.refused++
		g.mu.Unlock()
		return ErrBusy
	}
	turn := make(chan struct{})
	place := g.waiting.PushBack(turn)
	g.mu.Unlock()

	timeout := time.NewTimer(g.maxWait)
	defer timeout.Stop()
	select {
	case <-turn:
		return nil
	case <-timeout.C:
	case <-ctx.Done():
	}
	return g.giveUp(ctx, turn, place)
}

// giveUp leaves the queue. A turn that came at the same moment is taken all the
// same, or by a caller that has gone handed to the next, and never lost: whether it
// came is settled under the lock that it is granted under.
func (g *gate) giveUp(ctx context.Context, turn <-chan struct{}, place *list.Element) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	err := ctx.Err()
	select {
	case <-turn:
		if err != nil {
			g.pass()
		}
		return err
	default:
	}
	g.waiting.Remove(place)
	if err == nil {
		g.refused++
		err = ErrBusy
	}
	return err
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pass()
}

// pass hands a turn to the first in the queue, or back. It runs under the lock.
func (g *gate) pass() {
	if first := g.waiting.Front(); first != nil {
		close(g.waiting.Remove(first).(chan struct{}))
		return
	}
	g.running--
}

func (g *gate) stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Stats{Running: g.running, Waiting: g.waiting.Len(), Refused: g.refused}
}
