package conformance

import (
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

func (h history) String() string {
	var b strings.Builder
	for _, op := range h {
		end := fmt.Sprintf("to %4d", op.end)
		if op.unknown() {
			end = "or later"
		}
		fmt.Fprintf(&b, "\t\t%4d %s: caller %d: %s", op.begin, end, op.caller, op.what)
		switch op.what {
		case opCreate:
			fmt.Fprintf(&b, " value %d", op.value)
		case opUpdate:
			fmt.Fprintf(&b, " to value %d at version %d", op.value, op.version)
		case opRead, opReadAlso:
			if op.answer == nil {
				fmt.Fprintf(&b, " gave value %d, version %d", op.value, op.version)
			}
		}
		fmt.Fprintf(&b, ": %v\n", op.answer)
	}
	return b.String()
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

// recordHistory lets several callers read and write r, through both handles in turn,
// and returns what happened.
func recordHistory(p *probe, r *register, seed uint64, s script) history {
	var clock atomic.Int64
	done := make([]history, s.callers)
	p.race(s.callers, func(caller int, _ *handle) error {
		random := rand.New(rand.NewPCG(seed, uint64(caller)))
		var seen int64 // the version that this caller believes in
		var last *operation
		for i := range s.calls {
			h := p.both()[(caller+i)%2]
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
			case op.unknown() && s.before != nil:
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
