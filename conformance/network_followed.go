package conformance

import (
	"fmt"
	"math"
	"slices"
	"time"
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
			for _, answer := range []bool{false, true} {
				for _, what := range []opKind{opCreate, opUpdate, opDelete} {
					for nth := 1; p.followed(k, what, answer, nth); nth++ {
						if nth == exchanges {
							p.fatalf(tooManyExchanges, what, nth)
						}
					}
				}
			}
		},
	}}
}

// followed lets one caller write, and holds up a half of the nth exchange of that
// while another one reads the record and writes it too. Then that half is lost. It
// reports whether there was an nth exchange.
func (p *probe) followed(k kind, what opKind, answer bool, nth int) (held bool) {
	r := k.register(p, fmt.Sprintf("f%d%t%d", what, answer, nth))
	p.settle(k, "before the next call")
	ticks := int64(0)
	tick := func() int64 { ticks++; return ticks }
	var h history
	perform := func(by *handle, op operation) operation {
		op.begin = tick()
		r.perform(by, &op)
		op.end = tick()
		h = append(h, op)
		return op
	}
	if what != opCreate {
		perform(p.b, operation{caller: 1, what: opCreate, value: 1})
	}

	reached, lose := p.network.hold(nth, answer)
	defer lose() // also when the proof ends in between
	first := operation{what: what, value: 2, begin: tick()}
	written := make(chan struct{})
	go func() {
		defer close(written)
		defer p.recoverPanic()
		first.answer = errNoReturn
		r.perform(p.a, &first)
	}()
	select {
	case <-reached:
		followed := make(chan struct{})
		go func() {
			defer close(followed)
			defer p.recoverPanic()
			perform(p.b, follower(what, perform(p.b, operation{caller: 1, what: opRead})))
		}()
		late := time.NewTimer(p.cfg.Soon)
		defer late.Stop()
		select {
		case <-followed:
		case <-late.C: // both handles have one connection, or one lock
			lose()
			<-followed
		}
	case <-written:
	}
	held = lose()
	<-written
	p.settle(k, "after one connection was lost")
	if first.end = tick(); first.unknown() {
		first.end = math.MaxInt64
	}
	h = append(h, first)
	slices.SortFunc(h, func(a, b operation) int { return int(a.begin - b.begin) })
	h = append(h, p.lastReads(r, h)...)
	if !linearizable(h) {
		half := map[bool]string{false: "request", true: "answer"}[answer]
		p.fatalf("caller 0's %s had the %s of its exchange %d with the server held up until caller 1 had written, and then lost; no order of these calls explains their answers, whether it happened or not:\n%s", what, half, nth, h)
	}
	return held
}

// follower is what another caller does behind a write, knowing what there is.
func follower(first opKind, seen operation) operation {
	switch there := seen.answer == nil; {
	case first == opUpdate:
		return operation{caller: 1, what: opUpdate, value: 3, version: seen.version}
	case there:
		return operation{caller: 1, what: opDelete}
	default:
		return operation{caller: 1, what: opCreate, value: 3}
	}
}
