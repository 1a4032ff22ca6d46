package conformance

import (
	"fmt"
	"time"

	"myauth.internal/kit"
)

// concurrencyRules are the rules about callers that meet on one record.
func concurrencyRules(k kind) []rule {
	return []rule{
		{id: k.name + "/update/one-winner", quote: updateOneVersion, racy: true, prove: func(p *probe) {
			r := k.register(p, "one")
			p.must(r.create(p.a, 100), "Create")
			for version := range int64(rounds) {
				answers := p.race(racers, func(i int, h *handle) error { return r.update(h, version*100+int64(i), version) })
				winner := p.wantOneWinner(answers, fmt.Sprintf("Update at Version %d", version), kit.ErrConflict)
				if winner < 0 {
					return
				}
				r.holds(version*100+int64(winner), version+1, "after the race: it is not what the winner wrote")
			}
		}},
		{id: k.name + "/delete/one-winner", quote: deleteOne, racy: true, prove: func(p *probe) {
			for round := range rounds {
				r := k.register(p, fmt.Sprint("r", round))
				p.must(r.create(p.a, 1), "Create")
				answers := p.race(racers, func(_ int, h *handle) error { return r.delete(h, 0) })
				p.wantOneWinner(answers, "Delete", kit.ErrNotFound)
				r.gone("after Delete")
			}
		}},
		{id: k.name + "/concurrent/linearizable", quote: concurrentUse, racy: true, prove: func(p *probe) {
			for round := range 2 * rounds {
				p.wantLinearizable(recordHistory(p, k.register(p, fmt.Sprint("r", round)), uint64(round), atRandom), "")
			}
		}},
		{id: k.name + "/concurrent/two-callers", quote: concurrentUse, racy: true, alone: true, prove: func(p *probe) {
			p.loop(func(round int) {
				p.wantLinearizable(recordHistory(p, k.register(p, fmt.Sprint("r", round)), uint64(round), inPairs), "")
			})
		}},
	}
}

// contender is one of many callers of whom only one can succeed.
type contender struct {
	call func(h *handle) error
	won  record // what is there when it succeeded
	lost record // and otherwise: nil where that is nothing
}

// creator is a contender that creates r.
func (p *probe) creator(r record) contender {
	return contender{call: func(h *handle) error { return r.create(p.ctx(), h) }, won: r}
}

// oneWinner is a case of such callers.
func oneWinner(id, quote string, prepare func(p *probe, round, i int) contender) rule {
	return rule{id: id, quote: quote, racy: true, prove: func(p *probe) {
		for round := range rounds {
			var all []contender
			for i := range racers {
				all = append(all, prepare(p, round, i))
			}
			winner := p.wantOneWinner(p.race(racers, func(i int, h *handle) error { return all[i].call(h) }), "a call for the same", all[0].won.taken())
			for i, c := range all {
				switch {
				case winner < 0:
				case i == winner:
					p.check(c.won, "which won")
				case c.lost != nil:
					p.check(c.lost, "which lost")
				default:
					p.checkLost(c.won, all[winner].won)
				}
			}
		}
	}}
}

// checkLost wants a record whose Create was refused for the winner's not to be there: who
// looks for it finds nothing, or the winner where the two share the key.
func (p *probe) checkLost(r, winner record) {
	for _, h := range p.both() {
		for _, way := range ways(r) {
			if got, err := way.read(p.ctx(), h); err != nil || len(diff(got, winner, timePrecision)) > 0 {
				p.wantErr(err, kit.ErrNotFound, "%s, which lost", way.call)
			}
		}
	}
}

// loopFor is how long a case goes on whose window is a few nanoseconds wide: between
// two locks of a store in memory, two callers in a loop meet there, and a crowd that
// starts together a few times does not.
const loopFor = 300 * time.Millisecond

// loop calls f again and again for loopFor, and as often as there are rounds. It stops at
// the first failure.
func (p *probe) loop(f func(round int)) {
	end := time.Now().Add(loopFor)
	for round := 0; round < rounds || time.Now().Before(end); round++ {
		if f(round); len(p.reported()) > 0 {
			return
		}
	}
}

// unwatched returns h for a loop of calls, of which the watchdog sees the whole.
func (p *probe) unwatched(h *handle) (*handle, func()) {
	return &handle{Stores: h.bare, bare: h.bare, name: h.name}, p.watch.begin("a loop of calls through handle " + h.name)
}
