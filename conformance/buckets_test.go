package conformance

import (
	"bytes"
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"myauth.internal/kit/memstore"
	"myauth.internal/kit/throttle"
)

// mapBuckets are one handle to buckets in memory, which a flaw can spoil.
type mapBuckets struct {
	*bucketSet
	flaw string
}

// bucketSet is what the handles share.
type bucketSet struct {
	mu     sync.Mutex
	values map[int][]byte
	opened int
}

func (b *mapBuckets) Change(ctx context.Context, n int, change func([]byte) []byte) error {
	if ctx.Err() != nil && b.flaw != "ignores contexts" {
		if b.flaw == "calls change when it cannot read" {
			change(nil)
		}
		return ctx.Err()
	}
	if b.flaw == "takes numbers modulo 256" {
		n %= 256
	}
	for {
		b.mu.Lock()
		old := bytes.Clone(b.values[n])
		b.mu.Unlock()
		if b.flaw == "begins with something" && old == nil {
			old = []byte("{}")
		}
		want := change(bytes.Clone(old))
		if b.flaw == "writes without a look" {
			runtime.Gosched()
		}
		if want == nil && b.flaw != "stores nil" {
			return nil
		}
		if b.flaw != "keeps the caller's slice" {
			want = bytes.Clone(want)
		}
		switch b.flaw {
		case "cuts at 512 bytes":
			want = want[:min(len(want), 512)]
		case "keeps text":
			want = []byte(strings.ToValidUTF8(string(want), "?"))
		case "ends at a zero":
			want, _, _ = bytes.Cut(want, []byte{0})
		}
		b.mu.Lock()
		now := b.values[n]
		if same := bytes.Equal(now, old) || now == nil && b.flaw == "begins with something"; !same && b.flaw != "loses updates" && b.flaw != "writes without a look" {
			b.mu.Unlock()
			if b.flaw == "gives up" {
				return errors.New("another call changed it")
			}
			continue
		}
		if b.flaw != "never stores" {
			b.values[n] = want
		}
		b.mu.Unlock()
		return nil
	}
}

func bucketConfig(flaw string) Config {
	return Config{Without: []Ability{Networking}, New: func(testing.TB) Open {
		set := &bucketSet{values: map[int][]byte{}}
		return func(testing.TB) Stores {
			if set.opened++; set.opened > 2 && flaw == "forgets all when it is opened again" {
				clear(set.values)
			}
			b := &mapBuckets{bucketSet: set, flaw: flaw}
			return Stores{Buckets: b, Close: func() error { return nil }}
		}
	}}
}

func TestRunBuckets(t *testing.T) { RunBuckets(t, bucketConfig("")) }

// TestBucketsOverTokens proves package shared over memory.
func TestBucketsOverTokens(t *testing.T) {
	RunBuckets(t, Config{New: func(testing.TB) Open {
		s := memstore.New()
		return func(testing.TB) Stores { return Stores{Stores: s.Stores()} }
	}, Without: []Ability{Networking, Closing, Durability}})
}

// Each flaw is caught by the case that names the broken rule, and each case catches one.
func TestFlawedBucketsAreCaught(t *testing.T) {
	rules := map[string]rule{}
	for _, r := range bucketRules() {
		rules[r.id] = r
	}
	for flaw, by := range map[string]string{
		"begins with something":               "buckets/empty",
		"stores nil":                          "buckets/nil",
		"keeps the caller's slice":            "buckets/memory",
		"cuts at 512 bytes":                   "buckets/values",
		"keeps text":                          "buckets/values",
		"ends at a zero":                      "buckets/values",
		"takes numbers modulo 256":            "buckets/others",
		"loses updates":                       "buckets/anew",
		"gives up":                            "buckets/anew",
		"never stores":                        "buckets/a-hundred",
		"writes without a look":               "buckets/at-once",
		"ignores contexts":                    "buckets/context-done",
		"calls change when it cannot read":    "buckets/context-done",
		"forgets all when it is opened again": "buckets/durable",
	} {
		caught := false
		for range 10 { // callers may miss each other
			caught = caught || len(noted(t, bucketConfig(flaw), rules[by]).failures) > 0
		}
		if !caught {
			t.Errorf("buckets that have the flaw %q pass %s", flaw, by)
		}
	}
}

// The sentences are those of the contract.
func TestBucketRulesQuoteTheContract(t *testing.T) {
	text, err := os.ReadFile("../kit/throttle/shared.go")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Join(slices.DeleteFunc(strings.Fields(string(text)), func(w string) bool { return w == "//" }), " ")
	for _, r := range bucketRules() {
		if !strings.Contains(words, r.quote) {
			t.Errorf("%s quotes %q, which kit/throttle/shared.go does not say", r.id, r.quote)
		}
	}
}

var _ throttle.Buckets = (*mapBuckets)(nil)
