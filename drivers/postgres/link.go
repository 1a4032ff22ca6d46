package postgres

import (
	"net"
	"sync"
	"time"
)

// link is a connection to a server whose deadline is the driver's alone to set:
// what lib/pq sets by itself may come late, and would undo the end of a context.
type link struct {
	net.Conn
	mu    sync.Mutex
	timer *time.Timer
}

// SetDeadline implements [net.Conn]: it does nothing.
func (*link) SetDeadline(time.Time) error { return nil }

// bound lets what is done on the connection fail from that time on; the zero time
// takes the bound away. A connection that knows no deadlines, as those through SSH
// do not, ends at that time.
func (l *link) bound(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	if err := l.Conn.SetDeadline(at); err != nil && !at.IsZero() {
		l.timer = time.AfterFunc(time.Until(at), func() { _ = l.Close() })
	}
}

// past is a time that ends what is under way.
var past = time.Unix(1, 0)
