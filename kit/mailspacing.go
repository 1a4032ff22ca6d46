package kit

import (
	"hash/maphash"
	"math"
	"sync"
	"time"
)

// How mails of one kind to one mailbox are spaced: one a minute, and after five in an
// hour one every ten minutes.
const (
	mailGap       = time.Minute
	mailLongGap   = 10 * time.Minute
	mailWindow    = time.Hour
	mailsInWindow = 5
)

// The table of a mailSpacing has room for 16,384 mailboxes in 768 KiB.
const (
	spacingBuckets = 1024
	spacingWays    = 16
)

// mailSpacing limits the mails of one kind to one mailbox, in fixed memory. It counts only
// mails that are about to be sent, so requests for unknown addresses leave no trace in it.
//
// The bucket of a mailbox depends on a random key, so an attacker cannot choose addresses
// that share one. When a bucket is full, a new mailbox takes the entry that is free first,
// and keeps its times. So a crowd of mailboxes never frees one that must wait. A new
// mailbox waits for others only if each entry of its bucket has to wait, and then for the
// shortest of these waits.
type mailSpacing struct {
	seed maphash.Seed

	mu      sync.Mutex
	entries []spacingEntry // spacingWays for each bucket
}

type spacingEntry struct {
	key uint64 // of kind and mailbox; 0: none
	// sent are the times of the last mails in microseconds, the newest first; 0: none.
	sent [mailsInWindow]int64
}

func newMailSpacing() *mailSpacing {
	return &mailSpacing{seed: maphash.MakeSeed(), entries: make([]spacingEntry, spacingBuckets*spacingWays)}
}

// allow reports whether a mail that was requested at now may be sent, and counts it if it
// may.
func (m *mailSpacing) allow(kind MailKind, email string, now time.Time) bool {
	type mailbox struct {
		kind  MailKind
		email string
	}
	key := maphash.Comparable(m.seed, mailbox{kind, EmailKey(email)}) | 1
	first := int(key>>1%spacingBuckets) * spacingWays
	micros := now.UnixMicro()

	m.mu.Lock()
	defer m.mu.Unlock()
	bucket := m.entries[first : first+spacingWays]
	entry := &bucket[0]
	for i := range bucket {
		e := &bucket[i]
		e.setBack(micros)
		if e.key == key {
			entry = e
			break
		}
		if e.freeAt(micros) < entry.freeAt(micros) {
			entry = e
		}
	}
	if entry.freeAt(micros) > micros {
		return false
	}
	entry.key = key
	copy(entry.sent[1:], entry.sent[:])
	entry.sent[0] = micros
	return true
}

// freeAt returns when the next mail may be sent.
func (e *spacingEntry) freeAt(now int64) int64 {
	if e.sent[0] == 0 {
		return math.MinInt64
	}
	gap := mailGap
	if oldest := e.sent[mailsInWindow-1]; oldest != 0 && now-oldest < mailWindow.Microseconds() {
		gap = mailLongGap
	}
	return e.sent[0] + gap.Microseconds()
}

// setBack moves times far after now to now: the clock was set back, and the mailbox would
// wait until the clock is there again. Times a little after now are those of requests that
// the workers took in another order.
func (e *spacingEntry) setBack(now int64) {
	if e.sent[0]-now <= mailLongGap.Microseconds() {
		return
	}
	for i, at := range e.sent {
		if at != 0 {
			e.sent[i] = min(at, now)
		}
	}
}
