package conformance

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"myauth.internal/kit"
)

var tokenRaceRules = []rule{
	{id: "tokens/delete-expired/beside-updates", quote: purgeSpares, racy: true, prove: func(p *probe) {
		for round := range rounds {
			p.purgeBesideUpdates(round)
		}
	}},
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
					var err error
					switch i % 5 {
					case 0:
						_, err = h.Tokens.DeleteExpired(p.ctx(), epoch.Add(time.Duration(round*3)*time.Second), 2)
					case 1:
						_, err = h.Tokens.Delete(p.ctx(), tokenID(id(at)))
					case 2:
						_, err = h.Tokens.ByUser(p.ctx(), "ann", "", 100)
					default:
						var t kit.Token
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

// purgeBesideUpdates purges tokens that other callers are moving past the purge's time.
// Every token that was moved must be there afterwards, every one that was not found must
// be gone, and the purge must have removed those and no others.
func (p *probe) purgeBesideUpdates(round int) {
	const each = 2 // tokens of one caller
	owner := fmt.Sprint("ann", round)
	var before, after []*token
	for i := range each * (racers - 1) {
		t := newToken(fmt.Sprintf("r%d-%d", round, i), owner)
		t.ExpiresAt = epoch.Add(-time.Duration(i) * time.Second)
		p.add(p.both()[i%2], t)
		moved := t.copy()
		moved.ExpiresAt, moved.SecretHash = epoch.Add(time.Hour), hashOf("moved "+t.ID)
		before, after = append(before, t), append(after, moved)
	}
	var purged int
	var purgeError error
	moves := make([]error, len(before))
	ended := make(chan struct{}, len(moves)) // one for each Update
	p.race(racers, func(caller int, h *handle) error {
		if caller == 0 {
			// Later in each round, so that it begins before, among and after the others,
			// and through the one handle or the other.
			for range round * len(moves) / (2 * rounds) {
				<-ended
			}
			purged, purgeError = p.both()[round%2].Tokens.DeleteExpired(p.ctx(), epoch, 1000)
			return nil
		}
		for i := caller - 1; i < len(moves); i += racers - 1 {
			func() {
				defer func() { ended <- struct{}{} }() // though it panics
				moves[i] = h.Tokens.Update(p.ctx(), after[i].Clone())
			}()
			runtime.Gosched() // where nothing else takes turns, as under js
		}
		return nil
	})
	// A database may see a deadlock and end a call: then it is not known what it has done.
	p.wantNoneBut(purgeError, "DeleteExpired beside Updates", kit.ErrUnavailable)
	gone := 0
	for i, err := range moves {
		bump(after[i])
		_, absent := before[i].byID(p.ctx(), p.both()[i%2])
		if errors.Is(absent, kit.ErrNotFound) {
			gone++
		}
		switch what := fmt.Sprintf("after an Update that moved ExpiresAt past the time of a purge beside it and said %v", err); {
		case err == nil:
			p.check(after[i], what)
		case errors.Is(err, kit.ErrNotFound):
			p.checkGone(before[i], what)
		case errors.Is(err, kit.ErrUnavailable) && absent == nil:
			p.happened(before[i], after[i])
		case errors.Is(err, kit.ErrUnavailable):
			p.checkGone(before[i], what)
		default:
			p.failf("token %d %s: no other caller updates it, want none or kit.ErrNotFound", i, what)
		}
	}
	if gone != purged && purgeError == nil {
		p.failf("DeleteExpired beside Updates said that it removed %d tokens, but %d of %d are gone", purged, gone, len(before))
	}
}
