// Package outage notices when the calls of a store begin to fail, and when they succeed
// again.
package outage

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// logEvery is how far apart the log lines are that say that a store has become unavailable,
// so that a store which comes and goes does not fill the log.
const logEvery = 10 * time.Second

// Watch watches the calls of one store. It logs the cause when they begin to fail, and how
// long it took when they succeed again.
type Watch struct {
	store  string
	logger *slog.Logger
	now    func() time.Time

	failures atomic.Uint64 // so far
	down     atomic.Bool   // changes under mu; read without it in every call

	mu        sync.Mutex
	since     time.Time // when this outage began
	before    uint64    // failures before it
	logged    bool      // this outage is in the log
	lastEntry time.Time // of an outage's beginning
}

// New returns a Watch that calls the store by this name in the log.
func New(store string, logger *slog.Logger, now func() time.Time) *Watch {
	return &Watch{store: store, logger: logger, now: now}
}

// Failures returns how many calls have failed.
func (w *Watch) Failures() uint64 { return w.failures.Load() }

// Failed counts a call that failed because the store is unavailable.
func (w *Watch) Failed(ctx context.Context, cause error) {
	w.mu.Lock()
	now, failures := w.now(), w.failures.Add(1)
	if !w.down.Load() {
		w.down.Store(true)
		w.since, w.before, w.logged = now, failures-1, false
	}
	begins := !w.logged && (w.lastEntry.IsZero() || now.Sub(w.lastEntry).Abs() >= logEvery)
	if begins {
		w.logged, w.lastEntry = true, now
	}
	w.mu.Unlock()
	if begins {
		w.logger.ErrorContext(ctx, "myauth: a store is unavailable", "store", w.store, "err", cause)
	}
}

// Answered notes that a call got an answer. failures is what [Watch.Failures] returned when
// the call began: a call that was under way when another failed is no sign of recovery.
func (w *Watch) Answered(ctx context.Context, failures uint64) {
	if !w.down.Load() {
		return
	}
	w.mu.Lock()
	ends := w.down.Load() && w.failures.Load() == failures
	lasted, failed := w.now().Sub(w.since), failures-w.before
	if ends {
		w.down.Store(false)
	}
	ends = ends && w.logged
	w.mu.Unlock()
	if ends {
		w.logger.InfoContext(ctx, "myauth: a store is available again", "store", w.store, "after", lasted, "failed_calls", failed)
	}
}
