package kit

import (
	"net/netip"
	"sync"
	"time"
)

// burstEvery is how far apart the events of one burst lie.
const burstEvery = time.Minute

// burst sums up what may happen very often, such as the mails dropped in a flood, in a few
// events: one soon after the first, and then one a minute while there are more. Its timer
// runs only during a burst.
type burst struct {
	report func(n int, userID string, clientIP netip.Addr)
	delay  time.Duration // of a burst's first event

	mu       sync.Mutex
	n        int        // not reported yet
	userID   string     // of the first of them
	clientIP netip.Addr // of the first of them
	timer    *time.Timer
}

func (b *burst) add(userID string, clientIP netip.Addr) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.n++; b.n == 1 {
		b.userID, b.clientIP = userID, clientIP
	}
	if b.timer == nil {
		b.timer = time.AfterFunc(b.delay, func() { b.flush(true) })
	}
}

// flush reports what has not been reported. It ends the burst, unless goOn is set and there
// was something to report.
func (b *burst) flush(goOn bool) {
	b.mu.Lock()
	n, userID, clientIP := b.n, b.userID, b.clientIP
	b.n = 0
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
		b.report(n, userID, clientIP)
	}
}
