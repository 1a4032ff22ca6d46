package redis

import (
	"testing"
	"time"
)

// The text of times compares as times do, and comes back as the same instant. Times that have too few
// or too many digits are the first and the last of those.
func TestStamps(t *testing.T) {
	moment := time.Date(2026, 11, 5, 12, 30, 0, 123456000, time.UTC)
	times := []time.Time{time.Date(-1000, 1, 1, 0, 0, 0, 0, time.UTC), {}, time.UnixMicro(-1 << 53), time.UnixMicro(-1), time.UnixMicro(0), time.UnixMicro(1), moment, moment.Add(time.Microsecond),
		time.UnixMicro(1<<53 + 1), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC), time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)}
	for i, a := range times {
		for j, b := range times {
			if (stamp(a) < stamp(b)) != (i < j) {
				t.Errorf("%v is %q and %v is %q", a, stamp(a), b, stamp(b))
			}
		}
		r := &reader{rest: stamp(a) + "\x00"}
		if back := r.stamp(); r.end() != nil || !back.Equal(a) || back.IsZero() != a.IsZero() {
			t.Errorf("%v came back as %v, %v", a, back, r.err)
		}
	}
	first, last := stamp(time.UnixMicro(-1e17)), stamp(time.UnixMicro(8e17-1))
	for year, want := range map[int]string{-5000: first, -1500: first, 28000: last, 200000: last} {
		if got := stamp(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)); got != want || len(got) != stampDigits {
			t.Errorf("the year %d is %q, want %q", year, got, want)
		}
	}
}

// What begins with a prefix is before its end, and nothing else is between the two.
func TestBehind(t *testing.T) {
	for prefix, want := range map[string]string{"": "+", "a": "(b", "a\xff": "(b", "\xff\xff": "+", "\ufffd": "(\xef\xbf\xbe", "a@": "(aA"} {
		if got := behind(prefix); got != want {
			t.Errorf("behind(%q) is %q, want %q", prefix, got, want)
		}
	}
}

func TestPartitions(t *testing.T) {
	p := newPartitions("p:tokens")
	counts := map[slot]int{}
	for i := range 16000 {
		counts[p.of(time.UnixMicro(int64(i)).String())]++
	}
	if len(counts) != len(p) {
		t.Errorf("%d partitions have tokens", len(counts))
	}
	for part, n := range counts {
		if n < 800 {
			t.Errorf("%s has %d of 16000 tokens", part, n)
		}
	}
	if got := p.of("AAAAAAAAAAAAAAAAAAAAAA"); got != "{p:tokens:55}" {
		t.Errorf("the partition of a token is %s now: nobody finds the stored ones", got)
	}
}
