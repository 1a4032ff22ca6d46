package conformance

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"myauth.internal/kit"
)

// impossible names the first answer that no order of the calls explains, and then the
// calls before it and beside it, the last few of them. It returns "" for a history that
// is linearizable.
func (h history) impossible() string {
	if linearizable(h) {
		return ""
	}
	answers := slices.DeleteFunc(slices.Clone(h), operation.unknown)
	slices.SortFunc(answers, func(a, b operation) int { return cmp.Compare(a.end, b.end) })
	for _, op := range answers {
		known := h.until(op.end)
		if linearizable(known) {
			continue
		}
		const shown = 12
		left := ""
		if n := len(known) - shown; n > 0 {
			left, known = fmt.Sprintf("\t\t(%d calls before these)\n", n), known[n:]
		}
		return fmt.Sprintf("%s, which no order of the calls explains that keeps one before the other where it ended before the other began\n%s%s", op, left, known)
	}
	return "no order of the calls explains their answers\n" + h.String()
}

// errNoAnswer stands for the answer of a write that has not ended.
var errNoAnswer = fmt.Errorf("no answer so far: %w", kit.ErrUnavailable)

// until returns what was known at a moment: the answers that had come, and the writes
// that had begun.
func (h history) until(moment int64) history {
	var known history
	for _, op := range h {
		if op.end > moment && !op.unknown() {
			op.answer = errNoAnswer
		}
		if op.begin <= moment && op.ended(op.end) {
			known = append(known, op)
		}
	}
	return known
}

// state is what the model knows of a register.
type state struct {
	exists         bool
	value, version int64
}

// step returns the state after op, and whether op's answer is right in s. One whose
// outcome is unknown is tried as one that happened.
func (s state) step(op operation) (state, bool) {
	if op.unknown() {
		op.answer = nil
	}
	if op.what == opCreate {
		if s.exists {
			return s, errors.Is(op.answer, kit.ErrConflict) || errors.Is(op.answer, kit.ErrUserExists)
		}
		return state{true, op.value, 0}, op.answer == nil
	}
	if !s.exists {
		return s, errors.Is(op.answer, kit.ErrNotFound)
	}
	if op.what > opReadAlso && s.version != op.version && op.version != anyVersion {
		return s, errors.Is(op.answer, kit.ErrConflict)
	}
	switch op.what {
	case opUpdate:
		return state{true, op.value, op.version + 1}, op.answer == nil
	case opDelete:
		return state{}, op.answer == nil
	}
	return s, op.answer == nil && op.value == s.value && op.version == s.version
}

// linearizable reports whether there is an order of the operations in which each
// one's answer is right and none comes before another that had ended when it
// began (Herlihy and Wing 1990). It tries orders depth first, as Wing and Gong
// (1993) do, and remembers what has been tried. What is unknown may be left out. A
// history has at most 64 operations.
func linearizable(h history) bool {
	type point struct {
		done uint64
		state
	}
	tried := map[point]bool{}
	var known uint64 // the operations that an order must have
	for i, op := range h {
		if !op.unknown() {
			known |= 1 << i
		}
	}
	var search func(at point) bool
	search = func(at point) bool {
		if at.done&known == known {
			return true
		}
		if tried[at] {
			return false
		}
		tried[at] = true
		firstEnd := int64(math.MaxInt64) // of the operations that are left
		for i, op := range h {
			if at.done&(1<<i) == 0 {
				firstEnd = min(firstEnd, op.end)
			}
		}
		for i, op := range h {
			if at.done&(1<<i) != 0 || op.begin > firstEnd {
				continue
			}
			if next, ok := at.step(op); ok && search(point{at.done | 1<<i, next}) {
				return true
			}
		}
		return false
	}
	return search(point{})
}
