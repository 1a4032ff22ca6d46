package conformance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"myauth.internal/kit"
)

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

// inPairs lets two callers do anything in quick succession.
var inPairs = script{callers: 2, calls: 24, choose: func(random *rand.Rand, last *operation) opKind {
	if last != nil && last.what == opCreate && last.answer != nil {
		return []opKind{opRead, opReadAlso, opUpdate, opDelete}[random.IntN(4)]
	}
	return []opKind{opCreate, opCreate, opRead, opReadAlso, opUpdate, opDelete, opDelete}[random.IntN(7)]
}}

// loopRules are about two callers who do nothing else.
func loopRules(k kind) []rule {
	return []rule{{
		id:    k.name + "/concurrent/two-callers",
		quote: concurrentQuote,
		racy:  true,
		alone: true,
		prove: func(p *probe) {
			p.loop(func(round int) {
				p.wantLinearizable(recordHistory(p, k.register(p, fmt.Sprint("r", round)), uint64(round), inPairs), "")
			})
		},
	}}
}

var userLoopRules = []rule{
	{
		id:    "users/concurrent/one-owner",
		quote: "of any number of concurrent calls for one address exactly one succeeds",
		racy:  true,
		alone: true,
		prove: func(p *probe) {
			p.inTurns(func(caller, n int) kit.User {
				u := newUser(fmt.Sprint("owner", caller, "-", n))
				u.Email = "wanted@example.com"
				return u
			})
		},
	},
	{
		id:    "users/concurrent/one-holder",
		quote: "or with the same ID",
		racy:  true,
		alone: true,
		prove: func(p *probe) {
			p.inTurns(func(caller, n int) kit.User {
				u := newUser(fmt.Sprint("holder", caller, "-", n))
				u.ID = "wanted"
				return u
			})
		},
	},
}

// inTurns lets two callers create users of whom only one can be there at a time. Who
// succeeds finds that user by each key until deleting it, whatever the other one tries.
func (p *probe) inTurns(contender func(caller, n int) kit.User) {
	end := time.Now().Add(loopFor)
	p.wantOnly(p.race(2, func(caller int, h *handle) error {
		h, ended := p.unwatched(h)
		defer ended()
		for n := 0; n < rounds || time.Now().Before(end); n++ {
			u := contender(caller, n)
			switch err := h.Users.Create(p.ctx(), u); {
			case errors.Is(err, kit.ErrUserExists):
				continue
			case errors.Is(err, kit.ErrUnavailable):
				return nil // u may be there, in the way of both
			case err != nil:
				return fmt.Errorf("Create: %w", err)
			}
			const when = "after Create succeeded, while another caller tries to create the same"
			if got, err := h.Users.ByEmail(p.ctx(), u.Email); !errors.Is(err, kit.ErrUnavailable) {
				p.wantUser(got, err, u, "ByEmail of %s %s", brief(u.Email), when)
			}
			if got, err := h.Users.ByID(p.ctx(), u.ID); !errors.Is(err, kit.ErrUnavailable) {
				p.wantUser(got, err, u, "ByID of %s %s", brief(u.ID), when)
			}
			switch err := h.Users.Delete(p.ctx(), u.ID); {
			case errors.Is(err, kit.ErrUnavailable):
				return nil
			case err != nil:
				p.failf("Delete of %s %s: got error %v, want none", brief(u.ID), when, err)
			}
		}
		return nil
	}), "caller %d of two")
}

// unwatched returns h for a loop of calls, of which the watchdog sees the whole.
func (p *probe) unwatched(h *handle) (*handle, func()) {
	return &handle{Stores: h.bare, bare: h.bare, name: h.name}, p.watch.begin("a loop of calls through handle " + h.name)
}
