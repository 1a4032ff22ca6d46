// Package spacing limits how often a mailbox gets mails of one kind, in fixed memory.
package spacing

import (
	"hash/maphash"
	"math"
	"sync"
	"time"
)

// Mails of one kind to one mailbox: one a minute, and after five in an hour one every ten
// minutes.
const (
	gap      = time.Minute
	longGap  = 10 * time.Minute
	window   = time.Hour
	inWindow = 5
)

// A table has room for 16,384 mailboxes in 768 KiB.
const (
	buckets = 1024
	ways    = 16
)

// Table has the times of the last mails. It counts only mails that are about to be sent, so
// requests for unknown addresses leave no trace in it.
//
// The bucket of a mailbox depends on a random key, so an attacker cannot choose addresses
// that share one. When a bucket is full, a new mailbox takes the entry that is free first,
// and keeps its times. So a crowd of mailboxes never frees one that must wait. A new mailbox
// waits for others only if every entry of its bucket has to wait, and then for the shortest
// of these waits.
type Table struct {
	seed maphash.Seed

	mu      sync.Mutex
	entries []entry // ways for each bucket
}

type entry struct {
	key uint64 // of kind and mailbox; 0: none
	// sent are the times of the last mails in microseconds, the newest first; 0: none.
	sent [inWindow]int64
}

// New returns an empty table.
func New() *Table {
	return &Table{seed: maphash.MakeSeed(), entries: make([]entry, buckets*ways)}
}

// bucket returns the key of a mailbox, and the entries among which it may have one.
func (t *Table) bucket(kind, mailbox string) (uint64, []entry) {
	key := maphash.Comparable(t.seed, [2]string{kind, mailbox}) | 1
	first := int(key>>1%buckets) * ways
	return key, t.entries[first : first+ways]
}

// Allow reports whether a mail that was requested at now may be sent, and counts it if it
// may. mailbox is the key under which its address is unique.
func (t *Table) Allow(kind, mailbox string, now time.Time) bool {
	micros := now.UnixMicro()
	t.mu.Lock()
	defer t.mu.Unlock()
	key, bucket := t.bucket(kind, mailbox)
	chosen := &bucket[0]
	for i := range bucket {
		e := &bucket[i]
		e.setBack(micros)
		if e.key == key {
			chosen = e
			break
		}
		if e.freeAt(micros) < chosen.freeAt(micros) {
			chosen = e
		}
	}
	if chosen.freeAt(micros) > micros {
		return false
	}
	chosen.key = key
	copy(chosen.sent[1:], chosen.sent[:])
	chosen.sent[0] = micros
	return true
}

// Forget forgets the mails of one kind that a mailbox had.
func (t *Table) Forget(kind, mailbox string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key, bucket := t.bucket(kind, mailbox)
	for i := range bucket {
		if bucket[i].key == key {
			bucket[i] = entry{}
		}
	}
}

// freeAt returns when the next mail may be sent.
func (e *entry) freeAt(now int64) int64 {
	if e.sent[0] == 0 {
		return math.MinInt64
	}
	wait := gap
	if oldest := e.sent[inWindow-1]; oldest != 0 && now-oldest < window.Microseconds() {
		wait = longGap
	}
	return e.sent[0] + wait.Microseconds()
}

// setBack moves times far after now to now: the clock was set back, and the mailbox would
// wait until the clock is there again. Times a little after now are those of requests that
// were taken in another order.
func (e *entry) setBack(now int64) {
	if e.sent[0]-now <= longGap.Microseconds() {
		return
	}
	for i, at := range e.sent {
		if at != 0 {
			e.sent[i] = min(at, now)
		}
	}
}
