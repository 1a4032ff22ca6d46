package conformance

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"

	"myauth.internal/kit"
)

// operation is one call on a register, as it was seen from outside: when it
// began, when it ended, what it said. Begin and end are ticks of a counter. A write
// whose outcome is unknown has not ended: it may happen at any later time, or never.
type operation struct {
	caller     int
	what       opKind
	value      int64 // written, or read
	version    int64 // presented, or read
	answer     error
	begin, end int64
}

// unknown reports whether the operation may have happened or not.
func (op operation) unknown() bool { return errors.Is(op.answer, kit.ErrUnavailable) }

type opKind int

const (
	opRead opKind = iota
	opReadAlso
	opCreate
	opUpdate
	opDelete
)

func (k opKind) String() string {
	return [...]string{"read", "read the other way", "create", "update", "delete"}[k]
}

// history is what several callers did to one register.
type history []operation

// String says what was asked and what came.
func (op operation) String() string {
	asked := fmt.Sprintf("%s by caller %d", op.what, op.caller)
	switch {
	case op.what == opCreate:
		asked += fmt.Sprintf(" of value %d", op.value)
	case op.what == opUpdate:
		asked += fmt.Sprintf(" to value %d at Version %d", op.value, op.version)
	case op.what <= opReadAlso && op.answer == nil:
		return fmt.Sprintf("%s: got value %d, Version %d", asked, op.value, op.version)
	}
	return fmt.Sprintf("%s: got error %v", asked, op.answer)
}

func (h history) String() string {
	var b strings.Builder
	for _, op := range h {
		end := fmt.Sprintf("to %4d", op.end)
		if op.unknown() {
			end = "or later"
		}
		fmt.Fprintf(&b, "\t\t%4d %s: %s\n", op.begin, end, op)
	}
	return b.String()
}

// errNoAnswer stands for the answer of a write that has not ended.
var errNoAnswer = fmt.Errorf("no answer so far: %w", kit.ErrUnavailable)

// until returns what was known at a moment: the answers that had come, and the writes
// that had begun.
func (h history) until(moment int64) history {
	var known history
	for _, op := range h {
		switch {
		case op.end <= moment || op.unknown() && op.begin <= moment:
			known = append(known, op)
		case op.begin <= moment && op.what > opReadAlso:
			op.answer, op.end = errNoAnswer, math.MaxInt64
			known = append(known, op)
		}
	}
	return known
}

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

// script is how the callers of a history go about it.
type script struct {
	callers, calls int
	// choose picks the next operation of a caller, who knows the answer to the last
	// one, if there was any.
	choose func(random *rand.Rand, last *operation) opKind
	// before is called before each operation, and may break its connection: then
	// outcomes can be unknown. Nil where nothing breaks.
	before func(random *rand.Rand, next opKind)
}

// atRandom lets callers do anything at any time.
var atRandom = script{callers: 6, calls: 7, choose: func(random *rand.Rand, last *operation) opKind {
	if last == nil {
		return opCreate
	}
	return []opKind{opRead, opReadAlso, opCreate, opUpdate, opUpdate, opDelete}[random.IntN(6)]
}}

// inPairs lets two callers do anything in quick succession.
var inPairs = script{callers: 2, calls: 24, choose: func(random *rand.Rand, last *operation) opKind {
	if last != nil && last.what == opCreate && last.answer != nil {
		return []opKind{opRead, opReadAlso, opUpdate, opDelete}[random.IntN(4)]
	}
	return []opKind{opCreate, opCreate, opRead, opReadAlso, opUpdate, opDelete, opDelete}[random.IntN(7)]
}}

// recordHistory lets several callers read and write r, through both handles in turn,
// and returns what happened.
func recordHistory(p *probe, r *register, seed uint64, s script) history {
	var clock atomic.Int64
	handles := make([]*handle, 2)
	for i, h := range p.both() {
		var ended func()
		handles[i], ended = p.unwatched(h)
		defer ended()
	}
	done := make([]history, s.callers)
	p.race(s.callers, func(caller int, _ *handle) error {
		random := rand.New(rand.NewPCG(seed, uint64(caller)))
		var seen int64 // the version that this caller believes in
		var last *operation
		for i := range s.calls {
			h := handles[(caller+i)%2]
			op := operation{caller: caller, what: s.choose(random, last), value: int64(1 + caller*s.calls + i), version: seen}
			last = &op
			if s.before != nil {
				s.before(random, op.what)
			}
			op.begin = clock.Add(1)
			r.perform(h, &op)
			switch {
			case op.what <= opReadAlso:
				seen = op.version
			case op.what == opCreate:
				seen = 0
			case op.what == opUpdate && op.answer == nil:
				seen++
			}
			op.end = clock.Add(1)
			switch {
			case op.unknown():
				p.watch.saw(op.answer)
				op.end = math.MaxInt64
				if op.what <= opReadAlso {
					continue // it has changed nothing and said nothing
				}
			case op.answer != nil && !errors.Is(op.answer, kit.ErrNotFound) && !errors.Is(op.answer, kit.ErrConflict) && !errors.Is(op.answer, kit.ErrUserExists):
				p.failf("%s among concurrent calls: got error %v", op.what, op.answer)
			}
			done[caller] = append(done[caller], op)
		}
		return nil
	})
	h := slices.Concat(done...)
	slices.SortFunc(h, func(a, b operation) int { return int(a.begin - b.begin) })
	return h
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
	switch op.what {
	case opRead, opReadAlso:
		if !s.exists {
			return s, errors.Is(op.answer, kit.ErrNotFound)
		}
		return s, op.answer == nil && op.value == s.value && op.version == s.version
	case opCreate:
		if s.exists {
			return s, errors.Is(op.answer, kit.ErrConflict) || errors.Is(op.answer, kit.ErrUserExists)
		}
		return state{exists: true, value: op.value}, op.answer == nil
	case opUpdate:
		switch {
		case !s.exists:
			return s, errors.Is(op.answer, kit.ErrNotFound)
		case s.version != op.version:
			return s, errors.Is(op.answer, kit.ErrConflict)
		}
		return state{exists: true, value: op.value, version: op.version + 1}, op.answer == nil
	default: // opDelete
		if !s.exists {
			return s, errors.Is(op.answer, kit.ErrNotFound)
		}
		return state{}, op.answer == nil
	}
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
	var search func(done uint64, s state) bool
	search = func(done uint64, s state) bool {
		if done&known == known {
			return true
		}
		at := point{done, s}
		if tried[at] {
			return false
		}
		tried[at] = true
		firstEnd := int64(math.MaxInt64) // of the operations that are left
		for i, op := range h {
			if done&(1<<i) == 0 {
				firstEnd = min(firstEnd, op.end)
			}
		}
		for i, op := range h {
			if done&(1<<i) != 0 || op.begin > firstEnd {
				continue
			}
			if next, ok := s.step(op); ok && search(done|1<<i, next) {
				return true
			}
		}
		return false
	}
	return search(0, state{})
}
