package conformance

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"myauth.internal/kit"
)

var tokenRaceRules = []rule{
	{id: "tokens/delete-expired/beside-updates", quote: purgeSpares, racy: true, prove: func(p *probe) { p.racePurges(2) }},
	{id: "tokens/delete-expired/counts-under-race", quote: purgeHowMany, racy: true, prove: func(p *probe) { p.racePurges(racers) }},
	{id: "tokens/delete/against-update", quote: deleteOne, racy: true, prove: (*probe).raceDeletes},
	{id: "tokens/concurrent/no-deadlock", quote: concurrentUse, racy: true, prove: func(p *probe) {
		// Purges, updates, deletes and lists go over the same rows in
		// different orders.
		const n = 12
		id := func(i int) string { return fmt.Sprint("t", i%n) }
		for i := range n {
			p.addExpiring(id(i), epoch.Add(time.Duration(i)*time.Second))
		}
		for round := range 3 {
			p.race(racers, func(i int, h *handle) error {
				for j := range 3 {
					at := i + j
					if i%2 == 0 {
						at = i + n - j
					}
					var t kit.Token
					var err error
					switch i % 5 {
					case 0:
						_, err = h.Tokens.DeleteExpired(p.ctx(), epoch.Add(time.Duration(round*3)*time.Second), 2)
					case 1:
						if t, err = h.Tokens.ByID(p.ctx(), tokenID(id(at))); err == nil {
							err = h.Tokens.Delete(p.ctx(), t.ID, t.Version)
						}
					case 2:
						_, err = h.Tokens.ByUser(p.ctx(), "ann", "", 100)
					default:
						if t, err = h.Tokens.ByID(p.ctx(), tokenID(id(at))); err == nil {
							t.ExpiresAt = t.ExpiresAt.Add(time.Minute)
							err = h.Tokens.Update(p.ctx(), t)
						}
					}
					p.wantNoneBut(err, fmt.Sprintf("caller %d, call %d of round %d", i, j, round), kit.ErrConflict, kit.ErrNotFound, kit.ErrUnavailable)
				}
				return nil
			})
		}
	}},
}

// raceDeletes lets half of the callers delete a token at the Version at which the others
// update it. One of all wins, and what a Delete has removed no Update brings back.
func (p *probe) raceDeletes() {
	for round := range 4 * rounds {
		r := tokenKind.register(p, fmt.Sprint("r", round))
		p.must(r.create(p.a, 1), "Create")
		deletes := func(i int) bool { return (i/2+round)%2 == 0 }
		answers := p.race(racers, func(i int, h *handle) error {
			if deletes(i) {
				return r.delete(h, 0)
			}
			return r.update(h, int64(100+i), 0)
		})
		winner := slices.IndexFunc(answers, func(err error) bool { return err == nil })
		if winner >= 0 && deletes(winner) {
			p.wantOneWinner(answers, "Delete and Update at one Version, of which a Delete won", kit.ErrNotFound)
			r.gone("after Delete won over Update")
		} else if p.wantOneWinner(answers, "Delete and Update at one Version", kit.ErrConflict) >= 0 {
			r.holds(int64(100+winner), 1, "after Update won over Delete")
		}
	}
}

// racePurges lets so many callers purge tokens in batches, while the others move tokens
// past the time of the purges. Every token that was moved must be there afterwards, every
// one that was not found must be gone, as those that were not moved, and the purges must
// have removed those and no others.
func (p *probe) racePurges(purgers int) {
	const tokens, batch = 32, 3
	for round := range 3 {
		var before, after []*token
		for i := range tokens {
			t := newToken(fmt.Sprintf("r%d-%d", round, i), fmt.Sprint("ann", round))
			t.ExpiresAt = epoch.Add(-time.Duration(i) * time.Second)
			p.add(p.both()[i%2], t)
			moved := t.copy()
			moved.ExpiresAt, moved.SecretHash = epoch.Add(time.Hour), hashOf("moved "+t.ID)
			before, after = append(before, t), append(after, moved)
		}
		// A database may see a deadlock and end a call: then it is not known what it has done.
		var removed, unknown atomic.Int64
		moves := make([]error, tokens)
		p.wantOnly(p.race(racers, func(caller int, h *handle) error {
			for i := caller; caller >= purgers && i < tokens; i += racers {
				moves[i] = h.Tokens.Update(p.ctx(), after[i].Clone())
				runtime.Gosched() // where nothing else takes turns, as under js
			}
			for calls := 0; caller < purgers && calls < tokens; calls++ {
				n, err := h.Tokens.DeleteExpired(p.ctx(), epoch, batch)
				switch {
				case errors.Is(err, kit.ErrUnavailable):
					unknown.Add(1)
					continue
				case err != nil:
					return err
				case n < 0 || n > batch:
					return fmt.Errorf("DeleteExpired with limit %d returned %d", batch, n)
				case n == 0:
					return nil
				}
				removed.Add(int64(n))
			}
			return nil
		}), "caller %d, which purges until nothing is left")
		if unknown.Load() > 0 {
			_, err := p.a.Tokens.DeleteExpired(p.ctx(), epoch, 1000)
			p.must(err, "DeleteExpired after the race")
		}
		gone := 0
		for i, err := range moves {
			bump(after[i])
			_, absent := before[i].byID(p.ctx(), p.both()[i%2])
			if absent != nil {
				gone++
			}
			what := fmt.Sprintf("after an Update that moved ExpiresAt past the time of purges beside it and said %v", err)
			switch {
			case i%racers < purgers:
				p.checkGone(before[i], "after it was purged")
			case err == nil:
				p.check(after[i], what)
			case errors.Is(err, kit.ErrNotFound), errors.Is(err, kit.ErrUnavailable) && absent != nil:
				p.checkGone(before[i], what)
			case errors.Is(err, kit.ErrUnavailable):
				p.happened(before[i], after[i])
			default:
				p.failf("token %d %s: no other caller updates it, want none or kit.ErrNotFound", i, what)
			}
		}
		if told := int(removed.Load()); told > gone || told < gone && unknown.Load() == 0 {
			p.failf("DeleteExpired by %d callers at once said that they removed %d tokens, but %d of %d are gone", purgers, told, gone, tokens)
		}
		_, err := p.a.Tokens.DeleteExpired(p.ctx(), epoch.Add(time.Hour), 1000)
		p.must(err, "DeleteExpired of those that were moved")
	}
}
