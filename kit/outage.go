package kit

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// outageLogEvery is how far apart the log lines lie that say that a store has become
// unavailable, so that a store which comes and goes does not fill the log.
const outageLogEvery = 10 * time.Second

// outage watches the calls of one store. It logs the cause when they begin to fail, and
// how long it took when they succeed again.
type outage struct {
	store  string
	logger *slog.Logger
	now    func() time.Time

	failures atomic.Uint64 // so far
	down     atomic.Bool   // changes under mu

	mu        sync.Mutex
	since     time.Time // when this outage began
	before    uint64    // failures before it
	logged    bool      // this outage is in the log
	lastEntry time.Time // of an outage's beginning
}

// failed counts a call that ended with [ErrUnavailable].
func (o *outage) failed(ctx context.Context, cause error) {
	o.mu.Lock()
	now, failures := o.now(), o.failures.Add(1)
	if !o.down.Load() {
		o.down.Store(true)
		o.since, o.before, o.logged = now, failures-1, false
	}
	begins := !o.logged && (o.lastEntry.IsZero() || now.Sub(o.lastEntry).Abs() >= outageLogEvery)
	if begins {
		o.logged, o.lastEntry = true, now
	}
	o.mu.Unlock()
	if begins {
		o.logger.ErrorContext(ctx, "myauth: a store is unavailable", "store", o.store, "err", cause)
	}
}

// answered takes note of a call that got an answer. failures is their number when the
// call began: a call that was under way when another failed is no sign of recovery.
func (o *outage) answered(ctx context.Context, failures uint64) {
	if !o.down.Load() {
		return
	}
	o.mu.Lock()
	ends := o.down.Load() && o.failures.Load() == failures
	lasted, failed := o.now().Sub(o.since), failures-o.before
	if ends {
		o.down.Store(false)
	}
	ends = ends && o.logged
	o.mu.Unlock()
	if ends {
		o.logger.InfoContext(ctx, "myauth: a store is available again", "store", o.store, "after", lasted, "failed_calls", failed)
	}
}
