package stores

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// side is one of those that are measured in turns.
type side struct {
	crowd *crowd
	use   use

	done          int       // operations so far, and where the walk over the users began
	turns         []float64 // nanoseconds an operation, of each turn
	allocs, bytes uint64
}

// mostTurns each side takes, with enough operations for each caller in between that
// starting the callers takes no share of the time.
const (
	mostTurns     = 256
	leastOfCaller = 16
)

// measure lets each side make b.N operations, in turns.
func measure(b *testing.B, callers int, sides []*side) {
	turns := max(1, min(mostTurns, b.N/(callers*leastOfCaller)))
	if sides[0].use.prepare != nil { // an operation is long already
		turns = max(1, min(mostTurns, b.N/callers))
	}
	for i, s := range sides {
		s.done = i * s.crowd.size / len(sides) // no side finds what another has just warmed up
	}
	for turn := range turns {
		n := b.N*(turn+1)/turns - b.N*turn/turns
		for i := range sides {
			s := sides[(turn+i)%len(sides)] // no side is always the one after the same other
			if err := s.turn(b, callers, n); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// turn makes n operations from that many goroutines.
func (s *side) turn(b *testing.B, callers, n int) error {
	ctx := b.Context()
	b.StopTimer()
	if s.use.prepare != nil {
		if err := s.use.prepare(ctx, s.crowd, n); err != nil {
			return err
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.StartTimer()
	began := time.Now()
	err := s.operations(ctx, callers, n)
	took := time.Since(began)
	b.StopTimer()
	runtime.ReadMemStats(&after)
	s.done += n
	s.turns = append(s.turns, float64(took.Nanoseconds())/float64(n))
	s.allocs += after.Mallocs - before.Mallocs
	s.bytes += after.TotalAlloc - before.TotalAlloc
	if err == nil && s.use.clean != nil {
		err = s.use.clean(ctx, s.crowd, n)
	}
	return err
}

// operations divides n operations among the callers. Users c, c+callers, … are those
// of caller c, who walks over them by a stride that meets no two neighbours.
func (s *side) operations(ctx context.Context, callers, n int) error {
	const stride = 7919
	own, limit := s.crowd.size/callers, callLimit
	if s.use.prepare != nil { // many calls
		limit = time.Minute
	}
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := c; i < n && errs[c] == nil; i += callers {
				errs[c] = inTime(ctx, limit, func(ctx context.Context) error {
					return s.use.call(ctx, s.crowd, (s.done+i)/callers*stride%own*callers+c)
				})
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// callLimit is what a Service gives each call of a store, unless told.
const callLimit = 2 * time.Second

// inTime gives an operation a deadline, since stores may take another path without.
func inTime(ctx context.Context, limit time.Duration, operation func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return operation(ctx)
}

// typical is the mean of the turns without the eighth that were fastest and the
// eighth that were slowest. A median would jump where turns are of two kinds, as
// with one caller they are: the processor that waits for an answer has gone to
// sleep, or has not.
func (s *side) typical() float64 {
	sorted := slices.Sorted(slices.Values(s.turns))
	cut := len(sorted) / 8
	sum, middle := 0.0, sorted[cut:len(sorted)-cut]
	for _, t := range middle {
		sum += t
	}
	return sum / float64(len(middle))
}
