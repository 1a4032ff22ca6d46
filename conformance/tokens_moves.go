package conformance

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"myauth.internal/kit"
)

// tokenMoveRules are about a purge that meets updates of what it purges.
var tokenMoveRules = []rule{
	{
		id:    "tokens/delete-expired/beside-updates",
		quote: "It never touches a token whose ExpiresAt is after before",
		racy:  true,
		prove: func(p *probe) {
			for round := range rounds {
				newPurgeRace(p, round).run()
			}
		},
	},
}

// purgeRace is one purge of tokens that others are moving past its time.
type purgeRace struct {
	*probe
	round  int
	user   string
	tokens []kit.Token
	moves  []error // what each token's Update said

	purged      int
	purgeFailed bool
}

func newPurgeRace(p *probe, round int) *purgeRace {
	const each = 2 // tokens of one caller
	r := &purgeRace{probe: p, round: round, user: fmt.Sprint("ann", round), moves: make([]error, each*(racers-1))}
	for i := range r.moves {
		t := newToken(fmt.Sprintf("r%d-%d", round, i), r.user)
		t.ExpiresAt = epoch.Add(-time.Duration(i) * time.Second)
		r.tokens = append(r.tokens, p.addToken(p.both()[i%2], t))
	}
	return r
}

// moved returns a token as its Update leaves it.
func (r *purgeRace) moved(i int) kit.Token {
	t := r.tokens[i].Clone()
	t.ExpiresAt = epoch.Add(time.Hour)
	t.SecretHash = hashOf("moved " + t.ID)
	return t
}

func (r *purgeRace) run() {
	ended := make(chan struct{}, len(r.moves)) // one for each Update
	r.race(racers, func(caller int, h *handle) error {
		if caller == 0 {
			// Later in each round, so that it begins before, among and after the others,
			// and through the one handle or the other.
			for range r.round * len(r.moves) / (2 * rounds) {
				<-ended
			}
			r.purge(r.both()[r.round%2])
			return nil
		}
		for i := caller - 1; i < len(r.moves); i += racers - 1 {
			func() {
				defer func() { ended <- struct{}{} }() // though it panics
				r.moves[i] = h.Tokens.Update(r.ctx(), r.moved(i))
			}()
			runtime.Gosched() // where nothing else takes turns, as under js
		}
		return nil
	})
	r.judge()
}

// purge removes what has expired. A database that saw a deadlock may have ended the
// call, and then nobody knows how many were removed.
func (r *purgeRace) purge(h *handle) {
	n, err := h.Tokens.DeleteExpired(r.ctx(), epoch, 1000)
	if err != nil {
		r.wantErr(err, kit.ErrUnavailable, "DeleteExpired beside Updates")
		r.purgeFailed = true
	}
	r.purged += n
}

// judge wants every token that was moved to be there, every one that was not found
// to be gone, and the purge to have removed those and no others.
func (r *purgeRace) judge() {
	left := map[string]kit.Token{}
	list, err := r.b.Tokens.ByUser(r.ctx(), r.user, "", 1000)
	r.must(err, "ByUser after the race")
	for _, t := range list {
		left[t.ID] = t
	}
	gone := 0
	for i, err := range r.moves {
		before, after := r.tokens[i], r.moved(i)
		after.Version++
		byID, read := r.both()[i%2].Tokens.ByID(r.ctx(), before.ID)
		listed, inList := left[before.ID]
		if inList != (read == nil) {
			r.failf("after the race: ByUser lists token %d: %t, but ByID says %v", i, inList, read)
		}
		if errors.Is(read, kit.ErrNotFound) {
			gone++
		}
		switch what := fmt.Sprintf("token %d, whose Update moved ExpiresAt past the time of a purge beside it and said %v", i, err); {
		case err == nil:
			r.wantToken(byID, read, after, "ByID of %s", what)
			if inList {
				r.wantToken(listed, nil, after, "ByUser with %s", what)
			}
		case errors.Is(err, kit.ErrNotFound):
			r.wantErr(read, kit.ErrNotFound, "ByID of %s", what)
		case errors.Is(err, kit.ErrUnavailable):
			// A database may see a deadlock and end it: then the token is gone, or whole.
			if read == nil && len(tokenDiff(byID, before, r.cfg.TimePrecision)) > 0 {
				r.wantToken(byID, read, after, "ByID of %s", what)
			}
		default:
			r.failf("%s: nobody else updates it, want none or kit.ErrNotFound", what)
		}
	}
	if gone != r.purged && !r.purgeFailed {
		r.failf("DeleteExpired beside Updates said that it removed %d tokens, but %d of %d are gone", r.purged, gone, len(r.tokens))
	}
}
