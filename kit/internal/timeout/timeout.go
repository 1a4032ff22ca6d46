// Package timeout limits how long calls may take, with one timer for all of them. One for each call,
// which is hardly ever needed, costs more than a look-up in a small database: the runtime wakes a thread
// to wait for it.
package timeout

import (
	"context"
	"sync"
	"time"
)

// Timeout gives calls the same time. It is safe for concurrent use; under testing/synctest all its calls
// must be of one bubble, because of the timer.
type Timeout struct {
	after time.Duration

	mu             sync.Mutex
	oldest, newest *Call // of those under way, in the order of their deadlines
	set            bool  // there is a timer, which fires no later than the deadline of the oldest
}

// New returns a Timeout that gives calls that long.
func New(after time.Duration) *Timeout { return &Timeout{after: after} }

// Call is the context of a call. As that of [context.WithTimeout] it ends with its parent, at its deadline,
// or by [Call.End]. What is derived from it says after the deadline that it was canceled, and the cause is
// [context.DeadlineExceeded].
type Call struct {
	parent       context.Context
	of           *Timeout
	deadline     time.Time
	older, newer *Call // guarded by of.mu

	mu     sync.Mutex
	err    error           // nil while the call is under way; the parent may have ended all the same
	inner  context.Context // made by the first Done: most stores ask for the deadline alone
	cancel context.CancelCauseFunc
}

// Begin begins a call, which the caller must end.
func (t *Timeout) Begin(parent context.Context) *Call {
	c := &Call{parent: parent, of: t}
	t.mu.Lock()
	defer t.mu.Unlock()
	c.deadline = time.Now().Add(t.after) // not before the lock: the deadlines are in order
	c.older = t.newest
	if c.older == nil {
		t.oldest = c
	} else {
		c.older.newer = c
	}
	t.newest = c
	if !t.set {
		t.set = true
		time.AfterFunc(t.after, t.look)
	}
	return c
}

// End ends a call: the context is done from then on.
func (c *Call) End() {
	c.of.mu.Lock()
	c.of.remove(c)
	c.of.mu.Unlock()
	c.end(context.Canceled)
}

// remove takes a call out of the list if it is in it.
func (t *Timeout) remove(c *Call) {
	if c.older == nil && t.oldest != c {
		return
	}
	if c.older == nil {
		t.oldest = c.newer
	} else {
		c.older.newer = c.newer
	}
	if c.newer == nil {
		t.newest = c.older
	} else {
		c.newer.older = c.older
	}
	c.older, c.newer = nil, nil
}

// look ends the calls whose time is over, and sets the timer for the others.
func (t *Timeout) look() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for c := t.oldest; c != nil && !now.Before(c.deadline); c = t.oldest {
		t.remove(c)
		c.end(context.DeadlineExceeded)
	}
	t.set = t.oldest != nil
	if t.set {
		time.AfterFunc(t.oldest.deadline.Sub(now), t.look)
	}
}

// end says why a call is over, unless that is known.
func (c *Call) end(reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = reason
	if err := c.parent.Err(); err != nil {
		c.err = err // it came first
	}
	if c.inner != nil {
		c.cancel(c.err)
	}
}

// Done implements [context.Context].
func (c *Call) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner == nil {
		c.inner, c.cancel = context.WithCancelCause(c.parent)
		if c.err != nil {
			c.cancel(c.err)
		}
	}
	return c.inner.Done()
}

// Err implements [context.Context].
func (c *Call) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	return c.parent.Err()
}

// Deadline implements [context.Context].
func (c *Call) Deadline() (time.Time, bool) {
	if parents, ok := c.parent.Deadline(); ok && parents.Before(c.deadline) {
		return parents, true
	}
	return c.deadline, true
}

// Value implements [context.Context]. Package context looks in it for what Done waits for.
func (c *Call) Value(key any) any {
	c.mu.Lock()
	from := c.parent
	if c.inner != nil {
		from = c.inner
	}
	c.mu.Unlock()
	return from.Value(key)
}

// String keeps fmt from the fields, which other calls change.
func (c *Call) String() string { return "timeout.Call(" + c.deadline.String() + ")" }
