package redis

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// The bubble ends only when every goroutine of it has, so each of these shows that
// close leaves none behind.

func TestWorkersRunEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w workers
		var ran atomic.Int64
		var calls sync.WaitGroup
		for range 10 {
			var gate sync.WaitGroup
			gate.Add(3 * mostIdle) // all at once, so there are that many
			for range 3 * mostIdle {
				calls.Add(1)
				w.run(func() {
					defer calls.Done()
					gate.Done()
					gate.Wait()
					ran.Add(1)
				})
			}
			calls.Wait()
			synctest.Wait()
			if len(w.idle) != mostIdle {
				t.Errorf("%d workers wait, want %d", len(w.idle), mostIdle)
			}
		}
		if ran.Load() != 30*mostIdle {
			t.Errorf("%d of %d calls ran", ran.Load(), 30*mostIdle)
		}
		w.close()
	})
}

func TestAWorkerIsUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w workers
		defer w.close()
		for range 100 {
			w.run(func() {})
			synctest.Wait()
		}
		if len(w.idle) != 1 {
			t.Errorf("%d workers wait after calls one by one", len(w.idle))
		}
	})
}

// A call that ends its goroutine takes one worker with it, and no more.
func TestACallEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w workers
		defer w.close()
		w.run(func() {})
		synctest.Wait()
		w.run(runtime.Goexit)
		synctest.Wait()
		if len(w.idle) != 0 {
			t.Errorf("%d workers wait", len(w.idle))
		}
		done := false
		w.run(func() { done = true })
		synctest.Wait()
		if !done {
			t.Error("the next call did not run")
		}
	})
}

func TestWorkersThatCloseWhileTheyWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w workers
		release := make(chan struct{})
		for range 2 * mostIdle {
			w.run(func() { <-release })
		}
		synctest.Wait()
		w.close()
		close(release)
		synctest.Wait()
		if len(w.idle) != 0 {
			t.Errorf("%d workers wait after close", len(w.idle))
		}
	})
}
