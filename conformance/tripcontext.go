package conformance

import (
	"context"
	"sync/atomic"
)

// tripContext is a context that is canceled at the n-th look at it: the n-th
// call of Done or Err. So it ends in the middle of a call, at a point that does
// not depend on time.
type tripContext struct {
	context.Context
	stop context.CancelFunc
	left atomic.Int64 // looks
}

func newTripContext(look int) *tripContext {
	ctx, stop := context.WithCancel(context.Background())
	c := &tripContext{Context: ctx, stop: stop}
	c.left.Store(int64(look))
	return c
}

func (c *tripContext) look() {
	if c.left.Add(-1) == 0 {
		c.stop()
	}
}

// Done counts as a look.
func (c *tripContext) Done() <-chan struct{} {
	c.look()
	return c.Context.Done()
}

// Err counts as a look.
func (c *tripContext) Err() error {
	c.look()
	return c.Context.Err()
}
