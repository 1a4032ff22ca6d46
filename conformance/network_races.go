package conformance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

// networkRaceRules are about callers that meet on one record while answers are lost. A
// store that looks what became of a lost write finds the work of the others, and one that
// makes it again undoes theirs.
func networkRaceRules(k kind) []rule {
	return []rule{
		{
			id:    k.name + "/network/followed",
			quote: lostAnswers,
			needs: []Ability{Networking},
			prove: func(p *probe) {
				f := &followed{probe: p, kind: k, wait: p.cfg.Soon}
				for _, answer := range []bool{false, true} {
					for _, write := range []opKind{opCreate, opUpdate, opDelete} {
						for _, then := range followers[write] {
							for nth := 1; f.try(write, then, answer, nth); nth++ {
								if nth == exchanges {
									p.fatalf(tooManyExchanges, write, nth)
								}
							}
						}
					}
				}
			},
		},
		{
			id:    k.name + "/network/linearizable",
			quote: lostAnswers,
			needs: []Ability{Networking},
			racy:  true,
			prove: func(p *probe) {
				for round := range 2 * rounds {
					r := k.register(p, "r"+string('a'+rune(round)))
					s := p.updating()
					if round%4 == 0 {
						s = p.deleting()
					}
					p.must(r.create(p.a, 1), "Create")
					history := history{{what: opCreate, value: 1, begin: -1}}
					history = append(history, recordHistory(p, r, uint64(round), s)...)
					p.network.LoseAnswer(1)() // none of those to come
					p.settle(k, "after answers were lost")
					history = append(history, p.lastReads(r, history)...)
					p.wantLinearizable(history, "while answers are lost: ")
				}
			},
		},
	}
}

// followers are what another caller does behind each write, when it finds the record.
// Where it finds none it begins with a create.
var followers = map[opKind][][]opKind{
	opCreate: {{opUpdate}, {opDelete}},
	opUpdate: {{opUpdate}, {opDelete}, {opDelete, opCreate}},
	opDelete: {{opDelete}, {opUpdate}},
}

// followed lets caller 1 write to a record while a write of caller 0 is on its way.
type followed struct {
	*probe
	kind  kind
	made  int           // records
	wait  time.Duration // for caller 1
	clock int64
	done  history
}

func (f *followed) tick() int64 { f.clock++; return f.clock }

// call makes a call of caller 1.
func (f *followed) call(r *register, op operation) operation {
	op.caller, op.begin = 1, f.tick()
	r.perform(f.b, &op)
	f.note(op)
	return op
}

// note adds a call that has ended to the history.
func (f *followed) note(op operation) {
	if op.ended(f.tick()) {
		f.done = append(f.done, op)
	}
}

// try lets caller 0 write, and holds the nth request or answer of that up until caller 1
// has read the record and written it too. Then what was held up is lost. It reports
// whether there was an nth exchange.
func (f *followed) try(write opKind, then []opKind, answer bool, nth int) (held bool) {
	f.made++
	r := f.kind.register(f.probe, fmt.Sprint("f", f.made))
	f.clock, f.done = 0, nil
	f.settle(f.kind, "before the next call")
	if write != opCreate {
		f.must(f.call(r, operation{what: opCreate, value: 1}).answer, "Create over a network that works")
	}

	reached, lose := f.network.lose(nth, answer, true)
	defer lose() // also when the proof ends in between
	first := operation{what: write, value: 2, begin: f.tick(), answer: errNoReturn}
	written := f.start(func() { r.perform(f.a, &first) })
	story := "over a network that works"
	select {
	case <-written:
	case <-reached:
		half := map[bool]string{false: "request", true: "answer"}[answer]
		story = fmt.Sprintf("the %s of whose exchange %d with the server was held up until caller 1 had written, and then lost", half, nth)
		followed := f.start(func() {
			seen := f.call(r, operation{what: opRead})
			for i, what := range then {
				if i == 0 && seen.answer != nil {
					what = opCreate
				}
				f.call(r, operation{what: what, value: int64(3 + i), version: seen.version})
			}
		})
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
	}
	held = lose()
	<-written
	f.settle(f.kind, "after one connection was lost")
	f.note(first)
	f.done = append(f.done, f.lastReads(r, f.done)...)
	f.check(fmt.Sprintf("beside caller 0's %s, %s", write, story))
	return held
}

// start makes calls on a goroutine of their own.
func (f *followed) start(calls func()) (ended <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer f.recoverPanic()
		calls()
	}()
	return done
}

// check wants an order of the calls that explains their answers.
func (f *followed) check(when string) {
	slices.SortFunc(f.done, func(a, b operation) int { return int(a.begin - b.begin) })
	allowed := append([]error{nil}, sentinels...)
	for _, op := range f.done {
		if !slices.ContainsFunc(allowed, func(want error) bool { return errors.Is(op.answer, want) }) {
			f.fatalf("caller %d's %s, %s: got error %v", op.caller, op.what, when, op.answer)
		}
	}
	f.wantLinearizable(f.done, when+": ")
}

// wantLinearizable ends the proof at a history with an impossible answer.
func (p *probe) wantLinearizable(h history, when string) {
	if problem := h.impossible(); problem != "" {
		p.fatalf("%s%s", when, problem)
	}
}

// updating lets callers update what they last read, while answers are lost.
func (p *probe) updating() script {
	return script{callers: 6, calls: 9, before: p.loseSome(), choose: func(random *rand.Rand, last *operation) opKind {
		if last == nil || last.answer == nil {
			return opUpdate
		}
		return []opKind{opRead, opReadAlso}[random.IntN(2)] // it does not know what is there
	}}
}

// deleting lets callers delete one record, while answers are lost.
func (p *probe) deleting() script {
	return script{callers: racers, calls: 2, before: p.loseSome(), choose: func(*rand.Rand, *operation) opKind { return opDelete }}
}

// losses is how many answers a history loses at most: some clients are slow to connect
// again.
const losses = 3

// loseSome loses the next answer, of whichever call, when some of the writes begin.
func (p *probe) loseSome() func(random *rand.Rand, next opKind) {
	var lost atomic.Int64
	return func(random *rand.Rand, next opKind) {
		if next >= opUpdate && random.IntN(3) == 0 && lost.Add(1) <= losses {
			p.network.LoseAnswer(1)
		}
	}
}

// lastReads reads r in every way, after everything else.
func (p *probe) lastReads(r *register, h history) history {
	after := int64(0)
	for _, op := range h {
		after = max(after, op.begin+1)
		if !op.unknown() {
			after = max(after, op.end+1)
		}
	}
	var reads history
	for i, read := range r.reads() {
		for _, handle := range p.both() {
			op := operation{caller: racers, what: []opKind{opRead, opReadAlso}[i], begin: after, end: after + 1}
			p.eventually("a read after answers were lost", func() error {
				if op.value, op.version, op.answer = read(handle); op.unknown() {
					return op.answer
				}
				return nil
			})
			reads, after = append(reads, op), after+2
		}
	}
	return reads
}
