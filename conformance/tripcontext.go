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
	stop  context.CancelFunc
	looks atomic.Int64
	trip  int64
}

func newTripContext(look int) *tripContext {
	ctx, stop := context.WithCancel(context.Background())
	return &tripContext{Context: ctx, stop: stop, trip: int64(look)}
}

func (c *tripContext) look() {
	if c.looks.Add(1) == c.trip {
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
