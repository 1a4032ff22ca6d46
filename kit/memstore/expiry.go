package memstore

import (
	"container/heap"
	"time"
)

// expiryIndex finds the tokens that have expired. They wait in buckets of one minute
// each, in no order, and a heap orders the buckets; so the number of tokens shows
// neither in adding nor in removing one.
type expiryIndex struct {
	byMinute map[int64]*bucket
	buckets  bucketHeap
}

// bucket holds the tokens that expire in one minute.
type bucket struct {
	minute  int64
	waiting []waiting
	at      int // its place in the heap
}

// waiting is a token, with the nanoseconds from the beginning of its minute to its
// expiry: a purge in that minute reads them here, side by side.
type waiting struct {
	token *token
	after int64
}

func newExpiryIndex() expiryIndex { return expiryIndex{byMinute: make(map[int64]*bucket)} }

// minuteOf returns the number of the minute that t lies in, counted from the
// Unix epoch, and the nanoseconds since it began; it rounds down before the epoch too.
func minuteOf(t time.Time) (minute, after int64) {
	minute, second := t.Unix()/60, t.Unix()%60
	if second < 0 {
		minute, second = minute-1, second+60
	}
	return minute, second*int64(time.Second) + int64(t.Nanosecond())
}

func (x *expiryIndex) add(t *token) {
	minute, after := minuteOf(t.ExpiresAt)
	b := x.byMinute[minute]
	if b == nil {
		b = &bucket{minute: minute}
		x.byMinute[minute] = b
		heap.Push(&x.buckets, b)
	}
	t.bucket, t.at = b, len(b.waiting)
	b.waiting = append(b.waiting, waiting{t, after})
}

// remove takes a token out, and the last of its bucket comes to its place.
func (x *expiryIndex) remove(t *token) {
	b, last := t.bucket, len(t.bucket.waiting)-1
	b.waiting[t.at] = b.waiting[last]
	b.waiting[t.at].token.at = t.at
	b.waiting[last] = waiting{}
	b.waiting = fitted(b.waiting[:last])
	t.bucket = nil
	if last == 0 {
		heap.Remove(&x.buckets, b.at)
		delete(x.byMinute, b.minute)
	}
}

// take removes and returns tokens whose ExpiresAt is not after limit, at most so
// many: all of a minute that has passed, and of the minute that limit lies in those
// that a look through its tokens finds.
func (x *expiryIndex) take(limit time.Time, most int) []*token {
	minute, after := minuteOf(limit)
	var taken []*token
	for len(taken) < most && len(x.buckets) > 0 && x.buckets[0].minute < minute {
		b := x.buckets[0]
		t := b.waiting[len(b.waiting)-1].token
		x.remove(t)
		taken = append(taken, t)
	}
	if b := x.byMinute[minute]; b != nil {
		for i := len(b.waiting) - 1; i >= 0 && len(taken) < most; i-- {
			if w := b.waiting[i]; w.after <= after { // one from behind it takes its place
				x.remove(w.token)
				taken = append(taken, w.token)
			}
		}
	}
	return taken
}

// bucketHeap has the earliest minute on top.
type bucketHeap []*bucket

func (h bucketHeap) Len() int           { return len(h) }
func (h bucketHeap) Less(i, j int) bool { return h[i].minute < h[j].minute }
func (h bucketHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

func (h *bucketHeap) Push(x any) {
	b := x.(*bucket)
	b.at = len(*h)
	*h = append(*h, b)
}

func (h *bucketHeap) Pop() any {
	last := len(*h) - 1
	b := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return b
}
