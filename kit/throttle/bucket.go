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
// floor is the one that had to wait the longest. A key without a place may be that one, so all
// of them wait as long as it, but none takes its count: otherwise a flood of new keys would
// raise that without end.
type bucket struct {
	floor   entry
	entries [ways]entry
}

// entry counts for one key.
type entry struct {
	key  uint64 // 0: none
	last int64  // the time of the count, in microseconds since 1970
	// guess is what was counted last, and repeats how often it came again since.
	guess   uint64
	repeats uint32
	// level is the count at the time last, in units of 1/unit.
	level uint32
}

const unit = 256

// maxLevel is far above what any rule counts to.
const maxLevel = 1 << 30

// inFlight is longer than a comparison takes. A guess that was counted so long ago may still be
// under way.
const inFlight = 10 * time.Second

// maxRepeats is how often one guess may come again for one count.
const maxRepeats = 63

// receipt is what a bucket said to an attempt.
type receipt struct {
	wait time.Duration // refused; zero: let through
	// repeats says that the attempt was counted before, as an equal guess.
	repeats bool
	// before and after are the key's entry without and with this attempt, if it was counted.
	before, after entry
}

// counted reports whether the attempt was counted.
func (r *receipt) counted() bool { return r.after.key != 0 }

// take counts an attempt, unless the key has to wait. guess is zero if no two attempts are
// equal.
func (b *bucket) take(n *name, key, guess uint64, now int64) receipt {
	e := b.find(key)
	wait := b.wait(n, e, now)
	if e != nil && guess != 0 && e.guess == guess && e.repeats < maxRepeats &&
		(now-e.last <= inFlight.Microseconds() || wait == 0 && !n.codes) {
		e.repeats++
		return receipt{repeats: true}
	}
	if wait > 0 {
		return receipt{wait: wait}
	}
	return b.count(n.rule, key, guess, now)
}

// free reports whether one more attempt makes no one wait.
func (b *bucket) free(n *name, key uint64, now int64) bool {
	e := b.find(key)
	return e == nil || n.rule.wait(rounded(e.left(n.rule, now)+unit)) == 0
}

// count counts an attempt, also of a key that has to wait.
func (b *bucket) count(r *rule, key, guess uint64, now int64) receipt {
	e := b.find(key)
	if e == nil {
		e = b.place(r, now)
		*e = entry{key: key}
	}
	got := receipt{before: *e}
	*e = entry{key: key, level: min(e.left(r, now)+unit, maxLevel), last: now, guess: guess}
	got.after = *e
	return got
}

// giveBack undoes what take counted, and reports whether it did: not if another attempt was
// counted since, the key was cleared, or an equal guess relies on it.
func (b *bucket) giveBack(got receipt) bool {
	e := b.find(got.after.key)
	if e == nil || *e != got.after {
		return false
	}
	*e = got.before
	return true
}

// clear forgets the count of a key, and reports whether that changed something. The key has a
// place then, if it would wait for the floor without one.
func (b *bucket) clear(n *name, key uint64, now int64) bool {
	e := b.find(key)
	if e == nil {
		if b.wait(n, nil, now) == 0 {
			return false
		}
		e = b.place(n.rule, now)
	} else if e.level == 0 {
		return false
	}
	*e = entry{key: key}
	return true
}

// wait returns how long a key has to wait from now. e is nil if it has no place.
func (b *bucket) wait(n *name, e *entry, now int64) time.Duration {
	switch {
	case e == nil && n.rule.proved:
		return 0
	case e == nil:
		return b.floor.wait(n.rule, now)
	case n.stop > 0 && e.level >= n.stop*unit:
		return maxWait
	default:
		return e.wait(n.rule, now)
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
	if passed > maxWait.Microseconds() {
		return 0
	}
	return max(0, min(r.wait(rounded(e.level))-time.Duration(passed)*time.Microsecond, maxWait))
}

// rounded returns the count of a level: a part of one is one.
func rounded(level uint32) uint32 { return (level + unit - 1) / unit }

// The form of a bucket in a store: a version, the floor, and the entries that have a key.
const (
	bucketForm = 1
	headerSize = 1 + 4 + 8
	entrySize  = 8 + 4 + 8 + 8 + 4
)

var errForm = errors.New("throttle: a bucket in the store has a form that this version does not read")

func (b *bucket) encode() []byte {
	buf := make([]byte, 1, headerSize+ways*entrySize)
	buf[0] = bucketForm
	buf = binary.BigEndian.AppendUint32(buf, b.floor.level)
	buf = binary.BigEndian.AppendUint64(buf, uint64(b.floor.last))
	for i := range b.entries {
		if e := &b.entries[i]; e.key != 0 {
			buf = binary.BigEndian.AppendUint64(buf, e.key)
			buf = binary.BigEndian.AppendUint32(buf, e.level)
			buf = binary.BigEndian.AppendUint64(buf, uint64(e.last))
			buf = binary.BigEndian.AppendUint64(buf, e.guess)
			buf = binary.BigEndian.AppendUint32(buf, e.repeats)
		}
	}
	return buf
}

// decode reads what encode wrote, and nothing else. An empty value is an empty bucket.
func (b *bucket) decode(buf []byte) error {
	*b = bucket{}
	if len(buf) == 0 {
		return nil
	}
	n := (len(buf) - headerSize) / entrySize
	if buf[0] != bucketForm || len(buf) < headerSize || len(buf) != headerSize+n*entrySize || n > ways {
		return errForm
	}
	b.floor = entry{level: binary.BigEndian.Uint32(buf[1:]), last: int64(binary.BigEndian.Uint64(buf[5:]))}
	for i := range n {
		part := buf[headerSize+i*entrySize:]
		b.entries[i] = entry{
			key:     binary.BigEndian.Uint64(part),
			level:   binary.BigEndian.Uint32(part[8:]),
			last:    int64(binary.BigEndian.Uint64(part[12:])),
			guess:   binary.BigEndian.Uint64(part[20:]),
			repeats: binary.BigEndian.Uint32(part[28:]),
		}
		if e := b.entries[i]; e.key == 0 || e.level > maxLevel || e.repeats > maxRepeats {
			*b = bucket{}
			return errForm
		}
	}
	if b.floor.level > maxLevel {
		*b = bucket{}
		return errForm
	}
	return nil
}
