package conformance

import (
	"math/rand/v2"
	"sync/atomic"
)

// lostHistoryRules are about callers that meet on one record while answers are lost.
func lostHistoryRules(k kind) []rule {
	return []rule{{
		id:    k.name + "/network/linearizable",
		quote: wholeQuote,
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
	}}
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

// loseSome loses the next answer, whosesoever it is, when some of the writes begin.
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
