package conformance

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"myauth.internal/kit"
)

// followedRules are about a write that another caller follows before it is known to
// be lost. Whoever looks then what became of it finds the other's work, and
// whoever makes it again undoes that.
func followedRules(k kind) []rule {
	return []rule{{
		id:    k.name + "/network/followed",
		quote: wholeQuote,
		needs: []Ability{Networking},
		prove: func(p *probe) {
			f := &followed{probe: p, kind: k, wait: p.cfg.Soon}
			for _, answer := range []bool{false, true} {
				for _, what := range []opKind{opCreate, opUpdate, opDelete} {
					for _, then := range followers[what] {
						for nth := 1; f.try(what, then, answer, nth); nth++ {
							if nth == exchanges {
								p.fatalf(tooManyExchanges, what, nth)
							}
						}
					}
				}
			}
		},
	}}
}

// followers are what another caller does behind each write, when it finds the record.
// Where it finds none it begins with a create.
var followers = map[opKind][][]opKind{
	opCreate: {{opUpdate}, {opDelete}},
	opUpdate: {{opUpdate}, {opDelete}, {opDelete, opCreate}},
	opDelete: {{opDelete}},
}

// followed is the proof of such a rule.
type followed struct {
	*probe
	kind  kind
	made  int           // records
	wait  time.Duration // for the one that follows
	clock int64
	done  history
}

func (f *followed) tick() int64 { f.clock++; return f.clock }

// follow makes a call of caller 1.
func (f *followed) follow(r *register, op operation) operation {
	op.caller, op.begin = 1, f.tick()
	r.perform(f.b, &op)
	f.note(op)
	return op
}

// note adds a call that has ended to the history.
func (f *followed) note(op operation) {
	if op.end = f.tick(); op.unknown() {
		op.end = math.MaxInt64
		if op.what <= opReadAlso {
			return // it has changed nothing and said nothing
		}
	}
	f.done = append(f.done, op)
}

// try lets one caller write, and holds up a half of the nth exchange of that while
// another one reads the record and writes it too. Then that half is lost. It reports
// whether there was an nth exchange.
func (f *followed) try(what opKind, then []opKind, answer bool, nth int) (held bool) {
	f.made++
	r := f.kind.register(f.probe, fmt.Sprint("f", f.made))
	f.clock, f.done = 0, nil
	f.settle(f.kind, "before the next call")
	if what != opCreate {
		f.must(f.follow(r, operation{what: opCreate, value: 1}).answer, "Create over a network that works")
	}

	reached, lose := f.network.hold(nth, answer)
	defer lose() // also when the proof ends in between
	first := operation{what: what, value: 2, begin: f.tick(), answer: errNoReturn}
	written := make(chan struct{})
	go func() {
		defer close(written)
		defer f.recoverPanic()
		r.perform(f.a, &first)
	}()
	story := "over a network that works"
	select {
	case <-reached:
		half := map[bool]string{false: "request", true: "answer"}[answer]
		story = fmt.Sprintf("the %s of whose exchange %d with the server was held up until caller 1 had written, and then lost", half, nth)
		followed := make(chan struct{})
		go func() {
			defer close(followed)
			defer f.recoverPanic()
			seen := f.follow(r, operation{what: opRead})
			for i, what := range then {
				if i == 0 && seen.answer != nil {
					what = opCreate
				}
				f.follow(r, operation{what: what, value: int64(3 + i), version: seen.version})
			}
		}()
		late := time.NewTimer(f.wait)
		defer late.Stop()
		select {
		case <-followed:
		case <-late.C: // both handles have one connection, or one lock
			story = fmt.Sprintf("the %s of whose exchange %d with the server was lost, when caller 1 had waited for it for %v", half, nth, f.wait)
			f.wait = min(f.wait, patience) // it will be so again
			lose()
			<-followed
		}
	case <-written:
	}
	held = lose()
	<-written
	f.settle(f.kind, "after one connection was lost")
	f.note(first)
	f.done = append(f.done, f.lastReads(r, f.done)...)
	f.judge(what, story)
	return held
}

// judge wants an order of the calls that explains their answers.
func (f *followed) judge(first opKind, story string) {
	slices.SortFunc(f.done, func(a, b operation) int { return int(a.begin - b.begin) })
	for _, op := range f.done {
		switch {
		case op.answer == nil, errors.Is(op.answer, kit.ErrUnavailable), errors.Is(op.answer, kit.ErrNotFound), errors.Is(op.answer, kit.ErrConflict), errors.Is(op.answer, kit.ErrUserExists):
		default:
			f.fatalf("caller %d's %s, beside caller 0's %s, %s: got error %v", op.caller, op.what, first, story, op.answer)
		}
	}
	f.wantLinearizable(f.done, fmt.Sprintf("beside caller 0's %s, %s: ", first, story))
}
