package throttle

import (
	"encoding/binary"
	"errors"
	"time"
)

// ways is how many keys a bucket has room for.
const ways = 16

// bucket counts for the keys whose hash leads to it. All have the same rule.
//
// A new key takes the place of the one with the least count. Of those that left the bucket so,
// floor is the one that had to wait the longest. Any key may be that one, so all wait as long as
// it, but none takes its count: otherwise a flood of new keys would raise that without end.
type bucket struct {
	floor   entry
	entries [ways]entry
}

// entry counts for one key.
type entry struct {
	key uint64 // 0: none
	// level is the count in units of 1/unit at the time last, in microseconds since 1970.
	level uint32
	last  int64
	// guess is what was counted last, and repeats how often it came again since.
	guess   uint64
	repeats uint32
}

const unit = 256

// inFlight is longer than a comparison takes. A guess that was counted so long ago may still be
// under way.
const inFlight = 10 * time.Second

// maxRepeats is how often one guess may come again for one count.
const maxRepeats = 63

// receipt is what a bucket said to an attempt.
type receipt struct {
	wait time.Duration // refused; zero: let through
	// count is that of the key with this attempt, or zero if the attempt was counted before, as
	// an equal guess.
	count uint32
	// before is the time of the attempt before this one.
	before int64
}

// take counts an attempt, unless the key has to wait. guess is zero if no two attempts are
// equal. stop is the count that refuses for good, or zero.
func (b *bucket) take(r *rule, key, guess uint64, stop uint32, now int64) receipt {
	e := b.find(key)
	wait := b.wait(r, e, stop, now)
	if e != nil && guess != 0 && e.guess == guess && e.repeats < maxRepeats && (wait == 0 || now-e.last <= inFlight.Microseconds()) {
		e.repeats++
		return receipt{}
	}
	if wait > 0 {
		return receipt{wait: wait}
	}
	if e == nil {
		e = b.place(r, now)
		*e = entry{key: key}
	}
	got := receipt{before: e.last}
	*e = entry{key: key, level: e.left(r, now) + unit, last: now, guess: guess}
	got.count = e.count()
	return got
}

// giveBack undoes what take counted for a guess, unless an equal one relies on it.
func (b *bucket) giveBack(key, guess uint64, got receipt) {
	if e := b.find(key); e != nil && e.guess == guess && e.repeats == 0 && e.level >= unit {
		e.level -= unit
		e.last, e.guess = got.before, 0
	}
}

// clear forgets the count of a key. Its place is kept, so that it does not start with the floor.
func (b *bucket) clear(key uint64) {
	if e := b.find(key); e != nil {
		*e = entry{key: key}
	}
}

// wait returns how long a key has to wait from now. e is nil if it has no place.
func (b *bucket) wait(r *rule, e *entry, stop uint32, now int64) time.Duration {
	floor := b.floor.wait(r, now)
	switch {
	case e == nil:
		return floor
	case stop > 0 && e.level >= stop*unit:
		return maxWait
	default:
		return max(floor, e.wait(r, now))
	}
}

func (b *bucket) find(key uint64) *entry {
	for i := range b.entries {
		if b.entries[i].key == key {
			return &b.entries[i]
		}
	}
	return nil
}

// place returns the entry that a new key takes, and raises the floor to what was in it.
func (b *bucket) place(r *rule, now int64) *entry {
	least := &b.entries[0]
	for i := range b.entries {
		e := &b.entries[i]
		if e.key == 0 {
			return e
		}
		if l, m := e.left(r, now), least.left(r, now); l < m || l == m && e.last < least.last {
			least = e
		}
	}
	if least.wait(r, now) > b.floor.wait(r, now) {
		b.floor = entry{level: least.level, last: least.last}
	}
	return least
}

// left returns the level at a later time, when some of it has been forgotten.
func (e *entry) left(r *rule, now int64) uint32 {
	passed := now - e.last
	if r.forget == 0 || passed <= 0 {
		return e.level
	}
	gone := float64(passed) * unit / float64(r.forget.Microseconds())
	return e.level - uint32(min(gone, float64(e.level)))
}

// wait returns how long e has to wait from now. What is forgotten meanwhile does not shorten it.
func (e *entry) wait(r *rule, now int64) time.Duration {
	passed := now - e.last
	if e.level == 0 || passed < -maxWait.Microseconds() {
		return 0 // far ahead: the clock was set back, and nobody waits until it is there again
	}
	return max(0, min(r.wait(e.count())-time.Duration(passed)*time.Microsecond, maxWait))
}

// count rounds up: a part of one is one.
func (e *entry) count() uint32 { return (e.level + unit - 1) / unit }

// The form of a bucket in a store: a version, the floor and the entries that have a key.
const (
	bucketForm = 1
	entrySize  = 8 + 4 + 8 + 8 + 4
)

var errForm = errors.New("throttle: a bucket in the store has a form that this version does not read")

func (b *bucket) encode() []byte {
	buf := make([]byte, 1, 1+(1+ways)*entrySize)
	buf[0] = bucketForm
	buf = b.floor.append(buf)
	for i := range b.entries {
		if b.entries[i].key != 0 {
			buf = b.entries[i].append(buf)
		}
	}
	return buf
}

func (e *entry) append(buf []byte) []byte {
	buf = binary.BigEndian.AppendUint64(buf, e.key)
	buf = binary.BigEndian.AppendUint32(buf, e.level)
	buf = binary.BigEndian.AppendUint64(buf, uint64(e.last))
	buf = binary.BigEndian.AppendUint64(buf, e.guess)
	return binary.BigEndian.AppendUint32(buf, e.repeats)
}

// decode reads what encode wrote. An empty value is an empty bucket.
func (b *bucket) decode(buf []byte) error {
	*b = bucket{}
	if len(buf) == 0 {
		return nil
	}
	n := (len(buf) - 1) / entrySize
	if buf[0] != bucketForm || len(buf) != 1+n*entrySize || n < 1 || n > 1+ways {
		return errForm
	}
	for i := range n {
		part := buf[1+i*entrySize:]
		e := entry{
			key:     binary.BigEndian.Uint64(part),
			level:   binary.BigEndian.Uint32(part[8:]),
			last:    int64(binary.BigEndian.Uint64(part[12:])),
			guess:   binary.BigEndian.Uint64(part[20:]),
			repeats: binary.BigEndian.Uint32(part[28:]),
		}
		if i == 0 {
			b.floor = e
		} else {
			b.entries[i-1] = e
		}
	}
	return nil
}
