package turns

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestSourceOf(t *testing.T) {
	for _, same := range [][]string{
		{"192.0.2.7", "::ffff:192.0.2.7"},
		{"2001:db8:1:2::", "2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff%eth0"},
		{"192.0.2.8"}, {"2001:db8:1:3::1"}, {"fe80::1"}, {""},
	} {
		for _, text := range same {
			for _, other := range []string{"192.0.2.7", "192.0.2.8", "2001:db8:1:2::", "2001:db8:1:3::1", "fe80::1", ""} {
				if got, want := sourceOf(text) == sourceOf(other), slices.Contains(same, other); got != want {
					t.Errorf("%q and %q are one source: %v, want %v", text, other, got, want)
				}
			}
		}
	}
	if a := source(1); a.Apart() == a || a.Apart() != source(1).Apart() || a.Apart() == source(2).Apart() {
		t.Error("a client has not one more source apart")
	}
}

func sourceOf(text string) Source {
	addr, _ := netip.ParseAddr(text)
	return SourceOf(addr)
}

func source(i int) Source {
	return SourceOf(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
}

// drain pops all, joined by spaces.
func drain(q *Queue[string]) string {
	var all []string
	for v, ok := q.Pop(); ok; v, ok = q.Pop() {
		all = append(all, v)
	}
	return strings.Join(all, " ")
}

func TestSourcesTakeTurns(t *testing.T) {
	q := New[string](100)
	places := map[string]*Place[string]{}
	for _, v := range strings.Fields("a1 a2 a3 a4 b1 c1 b2") {
		places[v], _, _ = q.Push(source(int(v[0])), v)
	}
	if !q.Remove(places["a3"]) || q.Remove(places["a3"]) {
		t.Error("a value was not removed once")
	}
	if v, ok := q.Pop(); v != "a1" || !ok {
		t.Errorf("the first is %q", v)
	}
	if q.Remove(places["a1"]) {
		t.Error("a value that had its turn was removed")
	}
	// Who comes again goes to the end of the round, and who comes first joins it there.
	q.Push(source('d'), "d1")
	q.Push(source('c'), "c2")
	if got, want := drain(q), "b1 c1 a2 d1 b2 c2 a4"; got != want {
		t.Errorf("in the order %s, want %s", got, want)
	}
	if q.Len() != 0 || len(q.lines) != 0 || q.order.Len() != 0 {
		t.Errorf("something is left: %d values, %d sources", q.Len(), len(q.lines))
	}
}

func TestFullQueueRefusesFromTheLargest(t *testing.T) {
	q := New[string](6)
	var refused []string
	for _, v := range strings.Fields("a1 a2 a3 a4 a5 b1 a6 b2 b3 b4 c1 d1 c2 e1 f1 g1") {
		place, out, full := q.Push(source(int(v[0])), v)
		if full {
			refused = append(refused, out)
		}
		if (place == nil) != (full && out == v) {
			t.Errorf("%s: place %v, refused %q, full %v", v, place, out, full)
		}
	}
	if got, want := strings.Join(refused, " "), "a6 a5 a4 b4 a3 b3 c2 a2 b2 g1"; got != want {
		t.Errorf("refused %s, want %s", got, want)
	}
	if got, want := drain(q), "a1 b1 c1 d1 e1 f1"; got != want {
		t.Errorf("left %s, want %s", got, want)
	}
}

// TestFloodsTakeNobodysPlace: whatever comes, the queue is as long as it was made, a
// source that has one value keeps it, and nothing is lost or comes twice.
func TestFloodsTakeNobodysPlace(t *testing.T) {
	const capacity = 50
	random := rand.New(rand.NewPCG(1, 2))
	q := New[string](capacity)
	left := map[string]bool{}
	var places []*Place[string]
	for i := range 20_000 {
		from := random.IntN(3)
		if random.IntN(4) == 0 {
			from = random.IntN(1000)
		}
		switch v := fmt.Sprintf("%d.%d", from, i); random.IntN(10) {
		case 0:
			if v, ok := q.Pop(); ok && !left[v] {
				t.Fatalf("%s came twice, or was refused", v)
			} else if ok {
				delete(left, v)
			}
		case 1:
			if len(places) > 0 {
				if p := places[random.IntN(len(places))]; q.Remove(p) != left[p.value] {
					t.Fatalf("%s: left is %v", p.value, left[p.value])
				} else {
					delete(left, p.value)
				}
			}
		default:
			place, refused, full := q.Push(source(from), v)
			left[v] = true
			if full {
				if !left[refused] {
					t.Fatalf("%s was refused and not there", refused)
				}
				if name, _, _ := strings.Cut(refused, "."); refused != v && q.lines[sourceNamed(t, name)] == nil {
					t.Fatalf("%s was the only one of its source", refused)
				}
				delete(left, refused)
			}
			if place != nil {
				places = append(places, place)
			}
		}
		if q.Len() != len(left) || q.Len() > capacity || len(q.lines) > capacity || len(q.lines) != q.order.Len() {
			t.Fatalf("%d values, want %d; %d sources, of %d", q.Len(), len(left), len(q.lines), q.order.Len())
		}
	}
}

func sourceNamed(t *testing.T, name string) Source {
	var i int
	if _, err := fmt.Sscan(name, &i); err != nil {
		t.Fatal(err)
	}
	return source(i)
}
