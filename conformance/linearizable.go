package conformance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"

	"myauth.internal/kit"
)

// operation is one call on a register, as it was seen from outside: when it
// began, when it ended, what it said. Begin and end are ticks of a counter.
type operation struct {
	caller     int
	what       opKind
	value      int64 // written, or read
	version    int64 // presented, or read
	answer     error
	begin, end int64
}

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
		fmt.Fprintf(&b, "\t\t%4d to %4d: caller %d: %s", op.begin, op.end, op.caller, op.what)
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

// recordHistory lets several callers read and write r at random, through both
// handles in turn, and returns what happened.
func recordHistory(p *probe, r *register, seed uint64) history {
	const callers, calls = 6, 7
	var clock atomic.Int64
	done := make([]history, callers)
	p.race(callers, func(caller int, _ *handle) error {
		random := rand.New(rand.NewPCG(seed, uint64(caller)))
		var seen int64 // the version that this caller believes in
		for i := range calls {
			h := p.both()[(caller+i)%2]
			op := operation{caller: caller, what: []opKind{opRead, opReadAlso, opCreate, opUpdate, opUpdate, opDelete}[random.IntN(6)]}
			if i == 0 {
				op.what = opCreate
			}
			op.value, op.version = int64(1+caller*calls+i), seen
			op.begin = clock.Add(1)
			switch op.what {
			case opRead, opReadAlso:
				op.value, op.version, op.answer = r.reads()[op.what](h)
				seen = op.version
			case opCreate:
				op.answer = r.create(h, op.value)
				seen = 0
			case opUpdate:
				op.answer = r.update(h, op.value, op.version)
				if op.answer == nil {
					seen++
				}
			case opDelete:
				op.answer = r.delete(h)
			}
			op.end = clock.Add(1)
			done[caller] = append(done[caller], op)
			if op.answer != nil && !errors.Is(op.answer, kit.ErrNotFound) && !errors.Is(op.answer, kit.ErrConflict) && !errors.Is(op.answer, kit.ErrUserExists) {
				p.failf("%s among concurrent calls: got error %v", op.what, op.answer)
			}
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

// step returns the state after op, and whether op's answer is right in s.
func (s state) step(op operation) (state, bool) {
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
// (1993) do, and remembers what has been tried. A history has at most 64
// operations.
func linearizable(h history) bool {
	type point struct {
		done uint64
		state
	}
	tried := map[point]bool{}
	var search func(done uint64, s state) bool
	search = func(done uint64, s state) bool {
		if done == 1<<len(h)-1 {
			return true
		}
		at := point{done, s}
		if tried[at] {
			return false
		}
		tried[at] = true
		firstEnd := int64(1<<63 - 1) // of the operations that are left
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
