package main

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// takeTurns makes about b.N operations of that many callers on each of two sides, MyAuth and a bare
// one, which take turns, so that a machine that is slow for a while is slow for both. It reports
// ns/op, bare-ns/op and their ratio, of the middle half of the turns. An operation is told which
// caller makes it, from 0: no other makes one as that caller meanwhile.
func takeTurns(b *testing.B, callers int, ours, bare func(caller int) error) {
	b.Helper()
	const most = 100
	turns := max(1, min(most, b.N/(8*callers)))
	each := max(1, b.N/turns/callers)
	var took [2][]float64
	b.ResetTimer()
	for turn := range turns {
		for k := range took {
			side := (turn + k) % 2
			began := time.Now()
			allCall(b, callers, each, []func(int) error{ours, bare}[side])
			took[side] = append(took[side], float64(time.Since(began).Nanoseconds())/float64(each*callers))
		}
	}
	b.StopTimer()
	for side := range took {
		slices.Sort(took[side])
	}
	our, their := middle(took[0]), middle(took[1])
	b.ReportMetric(our, "ns/op")
	b.ReportMetric(their, "bare-ns/op")
	b.ReportMetric(their/our, "ratio")
}

// middle is the mean of the middle half.
func middle(sorted []float64) (mean float64) {
	half := sorted[len(sorted)/4 : len(sorted)-len(sorted)/4]
	for _, v := range half {
		mean += v / float64(len(half))
	}
	return mean
}

func allCall(b *testing.B, callers, each int, call func(caller int) error) {
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for range each {
				if err := call(caller); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}
