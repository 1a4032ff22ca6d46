package timeout

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

const second = time.Second

// ended reports whether Done is closed.
func ended(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	default:
		return false
	}
}

func want(t *testing.T, c *Call, what string, err error) {
	t.Helper()
	if got := c.Err(); got != err {
		t.Errorf("%s: Err is %v, want %v", what, got, err)
	}
	if ended(c) != (err != nil) {
		t.Errorf("%s: Done is closed: %t", what, ended(c))
	}
}

// Each call has the whole time, though one timer serves them all, whether its Done was asked for before
// or is after it.
func TestEachCallHasItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := New(10 * second)
		var calls []*Call
		for i := range 6 {
			calls = append(calls, limit.Begin(t.Context()))
			if i%2 == 0 {
				calls[i].Done()
			}
			time.Sleep(second)
		}
		calls[1].End()
		want(t, calls[1], "ended at 6 s", context.Canceled)
		time.Sleep(4*second - time.Nanosecond)
		for i, c := range calls {
			if i != 1 {
				want(t, c, "before any deadline", nil)
			}
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		want(t, calls[0], "at its deadline", context.DeadlineExceeded)
		want(t, calls[2], "before its deadline", nil)
		time.Sleep(4 * second)
		synctest.Wait()
		for i, err := range []error{2: context.DeadlineExceeded, 3: context.DeadlineExceeded, 4: context.DeadlineExceeded, 5: nil} {
			if i >= 2 {
				want(t, calls[i], "at 14 s", err)
			}
		}
		calls[5].End()
		for _, c := range calls {
			c.End() // again
		}
		want(t, calls[0], "ended after its deadline", context.DeadlineExceeded)
		time.Sleep(time.Minute) // the last timer finds nothing
		synctest.Wait()
		if limit.set || limit.oldest != nil || limit.newest != nil {
			t.Error("a timer or a call is left")
		}
		late := limit.Begin(t.Context())
		time.Sleep(10 * second)
		synctest.Wait()
		want(t, late, "one after a rest", context.DeadlineExceeded)
	})
}

// A call ends with its parent, says why, and has its values and its deadline, if that comes first.
func TestACallIsAChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		for _, asked := range []bool{false, true} {
			parent, cancel := context.WithDeadline(context.WithValue(t.Context(), key{}, "value"), time.Now().Add(5*second))
			limit := New(10 * second)
			c := limit.Begin(parent)
			if asked {
				c.Done()
			}
			if at, ok := c.Deadline(); !ok || at != time.Now().Add(5*second) {
				t.Errorf("the deadline is %v, want the parent's", at)
			}
			if c.Value(key{}) != "value" {
				t.Error("the value is not the parent's")
			}
			time.Sleep(5 * second)
			synctest.Wait()
			want(t, c, "the parent's deadline", context.DeadlineExceeded)
			c.End()
			c = limit.Begin(context.Background())
			if at, _ := c.Deadline(); at != time.Now().Add(10*second) {
				t.Errorf("the deadline is %v", at)
			}
			c.End()
			cancel()
			canceled := limit.Begin(parent)
			want(t, canceled, "a parent that has ended", context.DeadlineExceeded)
			canceled.End()
		}
	})
}

// What is derived from a call ends with it, without a goroutine that waits, and knows the cause.
func TestWhatIsDerivedEndsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(second).Begin(t.Context())
		defer c.End()
		child, cancel := context.WithTimeout(c, time.Minute)
		defer cancel()
		ran := make(chan struct{})
		context.AfterFunc(c, func() { close(ran) })
		time.Sleep(second)
		<-ran
		if !ended(child) || !errors.Is(context.Cause(child), context.DeadlineExceeded) {
			t.Errorf("derived: %v, cause %v", child.Err(), context.Cause(child))
		}
	})
}

// BenchmarkCall is a call that asks for no more than the deadline, beside that of package context.
func BenchmarkCall(b *testing.B) {
	parent, cancel := context.WithCancel(b.Context())
	defer cancel()
	b.Run("myauth", func(b *testing.B) {
		limit := New(time.Minute)
		b.ReportAllocs()
		for b.Loop() {
			limit.Begin(parent).End()
		}
	})
	b.Run("context", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, cancel := context.WithTimeout(parent, time.Minute)
			cancel()
		}
	})
}

// A mock of a store may print the context that it is given: no other call changes what that reads.
func TestACallCanBePrinted(t *testing.T) {
	limit := New(time.Minute)
	c := limit.Begin(t.Context())
	defer c.End()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 100 {
			limit.Begin(t.Context()).End()
		}
	}()
	for range 100 {
		if got, want := fmt.Sprint(c), "timeout.Call("+c.deadline.String()+")"; got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
	<-done
}
