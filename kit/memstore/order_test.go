package memstore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// An order that grows to many blocks and becomes empty again has at each time what a sorted slice
// has, and begins at any key, there or not.
func TestOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var o order
	var want []string
	check := func() {
		t.Helper()
		for range 20 {
			first := fmt.Sprint(random.IntN(100_000))
			at, _ := slices.BinarySearch(want, first)
			var got []string
			for key := range o.from(first) {
				if got = append(got, key); len(got) == 700 { // more than a block
					break
				}
			}
			if !slices.Equal(got, want[at:min(at+700, len(want))]) {
				t.Fatalf("from %s: got %d keys, %.3q…", first, len(got), got)
			}
		}
		for i, keys := range o.blocks {
			if len(keys) == 0 || len(keys) > maxBlock {
				t.Fatalf("block %d has %d keys", i, len(keys))
			}
		}
	}
	check()
	for _, n := range random.Perm(20_000) {
		key := fmt.Sprint(n)
		o.add(key)
		at, _ := slices.BinarySearch(want, key)
		if want = slices.Insert(want, at, key); n%400 == 0 {
			check()
		}
	}
	if len(o.blocks) < 20_000/maxBlock {
		t.Errorf("%d blocks", len(o.blocks))
	}
	for _, n := range random.Perm(21_000) { // some are not there
		key := fmt.Sprint(n)
		o.remove(key)
		if at, found := slices.BinarySearch(want, key); found {
			want = slices.Delete(want, at, at+1)
		}
		if n%400 == 0 {
			check()
		}
	}
	if check(); len(o.blocks) != 0 {
		t.Errorf("an empty order has %d blocks", len(o.blocks))
	}
}
