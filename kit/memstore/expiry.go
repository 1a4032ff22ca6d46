package memstore

import "time"

// expiryIndex finds the tokens that expire first. Tokens lie in buckets of one
// minute each; a heap orders the buckets, and each bucket is a heap of its
// tokens. A bucket that has expired as a whole gives its tokens up from the end,
// at a cost that does not depend on how many there are.
type expiryIndex struct {
	byMinute map[int64]*bucket
	buckets  heap[*bucket]
}

// bucket holds the tokens that expire in one minute.
type bucket struct {
	minute int64
	tokens heap[*token]
	at     int
}

func (b *bucket) before(other *bucket) bool { return b.minute < other.minute }
func (b *bucket) place() *int               { return &b.at }

func (t *token) before(other *token) bool { return t.ExpiresAt.Before(other.ExpiresAt) }
func (t *token) place() *int              { return &t.at }

func newExpiryIndex() expiryIndex { return expiryIndex{byMinute: make(map[int64]*bucket)} }

// minuteOf returns the number of the minute that t lies in, counted from the
// Unix epoch; it rounds down before the epoch too.
func minuteOf(t time.Time) int64 {
	seconds := t.Unix()
	minute := seconds / 60
	if seconds%60 < 0 {
		minute--
	}
	return minute
}

func (x *expiryIndex) add(t *token) {
	minute := minuteOf(t.ExpiresAt)
	b := x.byMinute[minute]
	if b == nil {
		b = &bucket{minute: minute}
		x.byMinute[minute] = b
		x.buckets.push(b)
	}
	t.bucket = b
	b.tokens.push(t)
}

func (x *expiryIndex) remove(t *token) {
	b := t.bucket
	t.bucket = nil
	b.tokens.remove(t)
	if len(b.tokens) == 0 {
		x.buckets.remove(b)
		delete(x.byMinute, b.minute)
	}
}

// take removes and returns one token whose ExpiresAt is not after limit, or
// returns nil when there is none.
func (x *expiryIndex) take(limit time.Time) *token {
	if len(x.buckets) == 0 {
		return nil
	}
	first := x.buckets[0]
	t := first.tokens[0]
	if first.minute < minuteOf(limit) {
		t = first.tokens[len(first.tokens)-1]
	} else if t.ExpiresAt.After(limit) {
		return nil
	}
	x.remove(t)
	return t
}
