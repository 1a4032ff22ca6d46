package conformance

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"myauth.internal/kit/throttle"
	"myauth.internal/kit/throttle/shared"
)

// The sentences of [throttle.Buckets], which a test compares with it.
const (
	bucketTogether = "Buckets is where several instances count together"
	bucketEmpty    = "which is empty at first"
	bucketStores   = "calls change with it, and stores what that returns, at most 1 KiB"
	bucketAnew     = "unless another call stored something since the read: then it begins anew"
	bucketNothing  = "nil means that there is nothing to store, and change keeps no reference to old"
	bucketStays    = "A value stays until it is replaced"
	bucketAtOnce   = "Change is safe for concurrent use, also through several handles"
	bucketError    = "It returns an error, soon after ctx is done or when the values cannot be reached, and never calls change with an empty value for such a reason"
)

// bucketRules are the cases of [throttle.Buckets].
func bucketRules() []rule {
	rules := []rule{
		{id: "buckets/empty", quote: bucketEmpty, prove: func(p *probe) {
			for _, n := range []int{0, 1, throttle.NumBuckets - 1} {
				p.wantBucket(p.a, n, nil, "of a new set")
			}
		}},
		{id: "buckets/values", quote: bucketStores, prove: bucketsKeepValues},
		{id: "buckets/others", quote: bucketStays, prove: bucketsLeaveOthers},
		{id: "buckets/nil", quote: bucketNothing, prove: func(p *probe) {
			p.store(p.a, 7, []byte("value"))
			p.wantBucket(p.a, 7, []byte("value"), "after a change that stored nothing") // it read twice
			p.wantBucket(p.b, 7, []byte("value"), "after a change that stored nothing")
		}},
		{id: "buckets/memory", quote: bucketStores, prove: bucketsShareNoMemory},
		{id: "buckets/anew", quote: bucketAnew, prove: bucketsBeginAnew},
		{id: "buckets/at-once", quote: bucketAtOnce, racy: true, prove: bucketsCountExactly},
		{id: "buckets/a-hundred", quote: bucketTogether, prove: bucketsCountGuesses},
		{id: "buckets/context-done", quote: bucketError, prove: func(p *probe) {
			ctx, cancel := context.WithCancel(p.ctx())
			cancel()
			p.refuses(ctx, "whose context is done")
			p.wantBucket(p.b, 7, []byte("value"), "after a call whose context was done")
		}},
		{id: "buckets/durable", quote: bucketStays, needs: []Ability{Durability, Closing}, prove: func(p *probe) {
			p.store(p.a, 7, []byte("value"))
			p.reopen()
			p.wantBucket(p.a, 7, []byte("value"), "after opening again")
		}},
	}
	for _, o := range outages {
		rules = append(rules, rule{id: "buckets/network/" + o.name, quote: bucketError, needs: []Ability{Networking}, prove: func(p *probe) {
			p.store(p.a, 7, []byte("value"))
			end := o.begin(p.network)
			ctx, cancel := context.WithTimeout(p.ctx(), patience)
			defer cancel()
			began := time.Now()
			p.refuses(ctx, o.when)
			if took := time.Since(began); took > p.cfg.Soon {
				p.failf("Change %s with a context of %v: it took %v", o.when, patience, took)
			}
			end()
			p.eventually("Change after the outage", func() error { return p.change(p.a, 7, keep) })
			p.wantBucket(p.b, 7, []byte("value"), "after an outage")
		}})
	}
	return rules
}

// buckets returns those of a handle.
func (h *handle) buckets() throttle.Buckets {
	h.bucketsOnce.Do(func() {
		if h.Buckets == nil {
			h.Buckets = shared.New(h.Tokens)
		}
	})
	return h.Buckets
}

func keep([]byte) []byte { return nil }

func (p *probe) change(h *handle, n int, change func([]byte) []byte) error {
	return h.buckets().Change(p.ctx(), n, change)
}

// store stores a value.
func (p *probe) store(h *handle, n int, value []byte) {
	p.must(p.change(h, n, func([]byte) []byte { return value }), "Change of bucket %d", n)
}

// wantBucket reads a bucket, and stores nothing.
func (p *probe) wantBucket(h *handle, n int, want []byte, when string) {
	var got []byte
	p.must(p.change(h, n, func(old []byte) []byte {
		got = bytes.Clone(old)
		return nil
	}), "Change of bucket %d", n)
	if !bytes.Equal(got, want) {
		p.failf("bucket %d %s, through handle %s: got %s, want %s", n, when, h.name, brief(got), brief(want))
	}
}

// refuses makes a change that cannot succeed.
func (p *probe) refuses(ctx context.Context, when string) {
	if p.network == nil {
		p.store(p.a, 7, []byte("value"))
	}
	err := p.a.buckets().Change(ctx, 7, func(old []byte) []byte {
		if len(old) == 0 {
			p.failf("Change %s: change was called with an empty value, want an error without a call", when)
		}
		return []byte("another")
	})
	if err == nil {
		p.failf("Change %s: got no error, want one", when)
	}
}

func bucketsKeepValues(p *probe) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, value := range [][]byte{
		every, bytes.Repeat(every, 4), []byte("short"), {0}, bytes.Repeat([]byte{0}, 1024), bytes.Repeat([]byte{0xff}, 1024),
		[]byte("two\r\nlines '\"\\$1%s"), []byte("12345678901234567890"), []byte("1.0"),
	} {
		p.store(p.a, throttle.NumBuckets-1, value)
		p.wantBucket(p.b, throttle.NumBuckets-1, value, "after it was stored")
	}
}

func bucketsLeaveOthers(p *probe) {
	numbers := []int{0, 1, 9, 10, 11, 255, 256, 257, 1000, 4096, throttle.NumBuckets - 1}
	value := func(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
	for _, n := range numbers {
		p.store(p.both()[n%2], n, value(n))
	}
	for _, n := range numbers {
		p.wantBucket(p.both()[1-n%2], n, value(n), "beside others")
	}
}

func bucketsShareNoMemory(p *probe) {
	value := []byte("value")
	p.store(p.a, 7, value)
	value[0] = '?'
	p.wantBucket(p.a, 7, []byte("value"), "after the caller reused its slice")
}

// bucketsBeginAnew has another handle store something between the read and the write. Buckets
// that hold a lock meanwhile refuse that until its context is done.
func bucketsBeginAnew(p *probe) {
	p.store(p.a, 7, []byte("first"))
	for _, n := range []int{7, 8} {
		var seen []string
		var between error
		p.must(p.change(p.a, n, func(old []byte) []byte {
			if seen = append(seen, string(old)); len(seen) == 1 {
				ctx, cancel := context.WithTimeout(p.ctx(), patience)
				defer cancel()
				between = p.b.buckets().Change(ctx, n, func([]byte) []byte { return []byte("between") })
			}
			return []byte("last")
		}), "Change")
		if between == nil && (len(seen) != 2 || seen[1] != "between") {
			p.failf("another handle stored \"between\" after the read: change was called with %q, want it called again with \"between\"", seen)
		}
		p.wantBucket(p.b, n, []byte("last"), "after it was changed again")
	}
}

// bucketsCountExactly has sixteen callers count in one bucket.
func bucketsCountExactly(p *probe) {
	for round := range rounds {
		var mu sync.Mutex
		var outs []string // what each call stored
		for _, err := range p.race(racers, func(i int, h *handle) error {
			var stored []byte
			err := p.change(h, round, func(old []byte) []byte {
				stored = append(bytes.Clone(old), byte('a'+i))
				return stored
			})
			mu.Lock()
			defer mu.Unlock()
			outs = append(outs, string(stored))
			return err
		}) {
			p.wantErr(err, nil, "Change by %d callers at once", racers)
		}
		slices.SortFunc(outs, func(a, b string) int { return len(a) - len(b) })
		for i, out := range outs {
			if len(out) != i+1 || i > 0 && !strings.HasPrefix(out, outs[i-1]) {
				p.failf("%d callers at once each append a letter: they stored %q, want each to go on from another", racers, outs)
				break
			}
		}
		p.wantBucket(p.a, round, []byte(outs[len(outs)-1]), "after all of them")
	}
}

// bucketsCountGuesses has four throttles, whose clocks differ, over the two handles. They let a
// hundred guesses through, unless the buckets do not answer for a while.
func bucketsCountGuesses(p *probe) {
	for range tries {
		var away awayWatch
		var all []*throttle.Throttle
		for i := range 4 {
			all = append(all, throttle.New(&throttle.Options{Shared: p.both()[i%2].buckets(), Logger: slog.New(&away)}))
		}
		var through atomic.Int64
		for round := range 120 {
			atOnce(len(all), func(i int) error {
				c, err := all[i].Begin(p.ctx(), throttle.Attempt{
					Action: throttle.ActionLogin, EmailKey: annEmail, Guess: uint64(4*round + i + 1), Recoverable: true,
					Time: epoch.Add(time.Duration(round)*20*time.Minute + time.Duration(i)*30*time.Second),
				})
				if err == nil {
					through.Add(1)
					c.Done(p.ctx(), throttle.Failed)
				}
				return nil
			})
		}
		if away.warned.Load() {
			all[0].Clear(p.ctx(), throttle.Attempt{Action: throttle.ActionLogin, EmailKey: annEmail, Time: epoch})
			continue
		}
		if got := through.Load(); got != 100 {
			p.failf("four throttles let %d guesses in a row through, want 100", got)
		}
		return
	}
	p.failf("Change by four throttles at once: it does not answer within half a second, in each of %d tries", tries)
}

// awayWatch hears when a throttle counts for itself.
type awayWatch struct {
	slog.Handler
	warned atomic.Bool
}

func (w *awayWatch) Enabled(context.Context, slog.Level) bool { return true }

func (w *awayWatch) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		w.warned.Store(true)
	}
	return nil
}
