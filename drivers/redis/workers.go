package redis

import "sync"

// workers are the goroutines on which calls run. go-redis needs more stack than a
// new goroutine has, and growing it took an eighth of the time of a short call; so
// those that have grown wait for another call, a few of them, until the store is
// closed.
type workers struct {
	mu     sync.Mutex
	idle   []chan func() // each leads to one of them; the last to come is the first to go
	closed bool
}

// mostIdle bounds the workers that wait.
const mostIdle = 32

// run runs f on a goroutine of its own, which f may end.
func (w *workers) run(f func()) {
	w.mu.Lock()
	if last := len(w.idle) - 1; last >= 0 {
		next := w.idle[last]
		w.idle = w.idle[:last]
		w.mu.Unlock()
		next <- f
		return
	}
	w.mu.Unlock()
	go w.work(f)
}

// work runs f, and what comes after it.
func (w *workers) work(f func()) {
	next := make(chan func(), 1)
	for f != nil {
		f()
		if !w.wait(next) {
			return
		}
		f = <-next // nil once it is closed
	}
}

func (w *workers) wait(next chan func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.idle) == mostIdle {
		return false
	}
	w.idle = append(w.idle, next)
	return true
}

// close ends those that wait, and every other one when its call is done.
func (w *workers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for _, next := range w.idle {
		close(next)
	}
	w.idle = nil
}
