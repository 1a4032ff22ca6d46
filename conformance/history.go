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
// began, when it ended, what it said. Begin and end are ticks of a counter.
type operation struct {
	caller     int
	what       opKind
	value      int64 // written, or read
	version    int64 // presented, or read; anyVersion of a Delete that takes none
	answer     error
	begin, end int64
}

// anyVersion is no Version that a register has.
const anyVersion = math.MinInt64

// unknown reports whether the operation may have happened or not.
func (op operation) unknown() bool { return errors.Is(op.answer, kit.ErrUnavailable) }

// ended notes when the operation ended. A write whose outcome is unknown has not: it may
// happen at any later time, or never. It reports whether the operation says anything: a read
// without an answer does not.
func (op *operation) ended(tick int64) bool {
	if op.end = tick; op.unknown() {
		op.end = math.MaxInt64
	}
	return !op.unknown() || op.what > opReadAlso
}

// String says what was asked and what came.
func (op operation) String() string {
	asked := fmt.Sprintf("%s by caller %d", op.what, op.caller)
	switch {
	case op.what == opCreate:
		asked += fmt.Sprintf(" of value %d", op.value)
	case op.what == opDelete && op.version != anyVersion:
		asked += fmt.Sprintf(" at Version %d", op.version)
	case op.what == opUpdate:
		asked += fmt.Sprintf(" to value %d at Version %d", op.value, op.version)
	case op.what <= opReadAlso && op.answer == nil:
		return fmt.Sprintf("%s: got value %d, Version %d", asked, op.value, op.version)
	}
	return fmt.Sprintf("%s: got error %v", asked, op.answer)
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
		end := fmt.Sprintf("to %4d", op.end)
		if op.unknown() {
			end = "or later"
		}
		fmt.Fprintf(&b, "\t\t%4d %s: %s\n", op.begin, end, op)
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
			op := operation{caller: caller, what: s.choose(random, last), value: int64(1 + caller*s.calls + i), version: seen}
			last = &op
			if s.before != nil {
				s.before(random, op.what)
			}
			op.begin = clock.Add(1)
			r.perform(handles[(caller+i)%2], &op)
			if op.ended(clock.Add(1)) {
				done[caller] = append(done[caller], op)
			}
			switch {
			case op.what <= opReadAlso:
				seen = op.version
			case op.what == opCreate:
				seen = 0
			case op.what == opUpdate && op.answer == nil:
				seen++
			}
			p.wantNoneBut(op.answer, op.what.String()+" among concurrent calls", sentinels...)
			if op.unknown() {
				p.watch.saw(op.answer)
			}
		}
		return nil
	})
	h := slices.Concat(done...)
	slices.SortFunc(h, func(a, b operation) int { return cmp.Compare(a.begin, b.begin) })
	return h
}
