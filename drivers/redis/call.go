package redis

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// soon is how long a call may wait for the server after its context was cancelled.
const soon = 2 * time.Second

// call runs f, which talks to the server, and returns when it is done or soon after
// ctx is. While go-redis waits for an answer it looks at a context's deadline, if it
// was told to, and at its own time-outs, and never at a cancellation. Where the
// two are enough, f runs right here. Otherwise it runs beside its caller, who may
// leave it; it then goes on until the client's time-outs end it. That costs some ten
// microseconds, as much as half an answer of a server on the same machine.
func call[T any](ctx context.Context, s *Store, op string, f func(context.Context) (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, fmt.Errorf("redis: %s: %w", op, err)
	}
	if err := s.begin(); err != nil {
		return none, err
	}
	if s.prompt || ctx.Done() == nil {
		defer s.calls.Done()
		value, err := f(ctx)
		return value, explain(ctx, op, err)
	}
	done := make(chan answer[T], 1)
	s.crew.run(func() {
		defer s.calls.Done()
		var got answer[T]
		defer func() { done <- got }()
		defer recoverInto(&got.panicked)
		got.value, got.err = f(ctx)
	})
	var got answer[T]
	select {
	case got = <-done:
	case <-ctx.Done():
		select {
		case got = <-done: // an answer is worth more
		default:
			return none, fmt.Errorf("redis: %s: %w", op, ctx.Err())
		}
	}
	if got.panicked != nil {
		panic(got.panicked)
	}
	return got.value, explain(ctx, op, got.err)
}

// answer is what came of a call.
type answer[T any] struct {
	value    T
	err      error
	panicked any
}

// recoverInto takes a panic, as hooks of the caller's client may raise, over to the
// goroutine of the caller, who may expect it.
func recoverInto(panicked *any) {
	if r := recover(); r != nil {
		*panicked = fmt.Sprintf("%v\n\n%s", r, debug.Stack())
	}
}

// crew runs functions on goroutines that are used again, because the stack of a new one
// has to grow first, which takes longer than all the rest of a call.
type crew struct {
	jobs    chan func()
	idle    *atomic.Int32
	members *sync.WaitGroup
}

// maxIdle is how many goroutines of a crew wait for work.
const maxIdle = 64

func newCrew() crew {
	return crew{jobs: make(chan func()), idle: new(atomic.Int32), members: new(sync.WaitGroup)}
}

// run starts f, which does not wait for another one.
func (c *crew) run(f func()) {
	select {
	case c.jobs <- f:
	default:
		c.members.Go(func() {
			f()
			for c.idle.Add(1) <= maxIdle {
				next, more := <-c.jobs
				c.idle.Add(-1)
				if !more {
					return
				}
				next()
			}
			c.idle.Add(-1)
		})
	}
}

// dismiss ends the goroutines. Nothing runs or is started any more.
func (c *crew) dismiss() {
	close(c.jobs)
	c.members.Wait()
}
