package metrics

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	// maxNames bounds the names of operations of one kind, and the kinds of events; maxOutcomes
	// the outcomes of one operation. A Service with all of MyAuth's features is well below both.
	maxNames, maxOutcomes = 256, 32
	// maxLabel bounds the bytes of a name.
	maxLabel = 128
	// other is the name of all that are more, longer or odd, as the kinds and codes of an
	// application's own features may be.
	other = "other"
)

// set has a T for each name, up to a limit. A name that is there is found without a lock. The zero
// limit is maxOutcomes.
type set[T any] struct {
	limit int
	known atomic.Pointer[map[string]*T] // replaced, never changed
	mu    sync.Mutex                    // of who replaces it
}

func (s *set[T]) get(name string) *T {
	if v := s.snapshot()[name]; v != nil {
		return v
	}
	return s.add(name)
}

// add adds a name, or returns what stands for it.
func (s *set[T]) add(name string) *T {
	if !isLabel(name) {
		name = other
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.snapshot()
	limit := s.limit
	if limit == 0 {
		limit = maxOutcomes
	}
	if known[name] == nil && len(known) >= limit-1 {
		name = other
	}
	if v := known[name]; v != nil {
		return v
	}
	more := maps.Clone(known)
	if more == nil {
		more = map[string]*T{}
	}
	v := new(T)
	more[strings.Clone(name)] = v
	s.known.Store(&more)
	return v
}

// snapshot returns what is known, not to be changed.
func (s *set[T]) snapshot() map[string]*T {
	if known := s.known.Load(); known != nil {
		return *known
	}
	return nil
}

// sorted yields what is known, in the order of the names.
func (s *set[T]) sorted() iter.Seq2[string, *T] {
	return func(yield func(string, *T) bool) {
		known := s.snapshot()
		for _, name := range slices.Sorted(maps.Keys(known)) {
			if !yield(name, known[name]) {
				return
			}
		}
	}
}

// isLabel reports whether a name is of printable ASCII that needs no escape in a label.
func isLabel(name string) bool {
	odd := func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }
	return name != "" && len(name) <= maxLabel && !strings.ContainsFunc(name, odd)
}
