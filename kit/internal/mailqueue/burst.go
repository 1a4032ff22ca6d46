package mailqueue

import (
	"sync"
	"time"
)

// burstEvery is how far apart the reports of one burst are.
const burstEvery = time.Minute

// burst sums up what may happen thousands of times a second, such as the mails dropped in a
// flood, in a few reports: one soon after the first, and then one a minute while there are
// more. Its timer runs only during a burst.
type burst[T any] struct {
	report func(n int, first T)
	delay  time.Duration // of a burst's first report

	mu    sync.Mutex
	n     int // not reported yet
	first T   // of these
	timer *time.Timer
}

func (b *burst[T]) add(value T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.n++; b.n == 1 {
		b.first = value
	}
	if b.timer == nil {
		b.timer = time.AfterFunc(b.delay, func() { b.flush(true) })
	}
}

// flush reports what has not been reported. It ends the burst, unless goOn is set and there
// was something to report.
func (b *burst[T]) flush(goOn bool) {
	b.mu.Lock()
	n, first := b.n, b.first
	b.n, b.first = 0, *new(T)
	switch {
	case b.timer == nil: // the other flush was first
	case goOn && n > 0:
		b.timer.Reset(burstEvery)
	default:
		b.timer.Stop()
		b.timer = nil
	}
	b.mu.Unlock()
	if n > 0 {
		b.report(n, first)
	}
}
