package conformance

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"myauth.internal/kit"
)

// userRaceRules are about callers who want one address or one ID.
var userRaceRules = []rule{
	oneWinner("users/create/one-winner-address", createOneAddress, func(p *probe, round, i int) contender {
		u := newUser(fmt.Sprintf("r%d-%d", round, i))
		u.Email = fmt.Sprintf("round.%d@example.com", round)
		if i%3 == 1 {
			u.Email = strings.ToUpper(u.Email)
		}
		return p.creator(u)
	}),
	oneWinner("users/create/one-winner-id", createSameID, func(p *probe, round, i int) contender {
		u := newUser(fmt.Sprintf("r%d-%d", round, i))
		u.ID = fmt.Sprint("round-", round)
		return p.creator(u)
	}),
	oneWinner("users/update/one-winner-address", updateTaken, func(p *probe, round, i int) contender {
		lost := newUser(fmt.Sprintf("r%d-%d", round, i))
		wants := lost.copy()
		wants.Email = fmt.Sprintf("free.%d@example.com", round)
		// Some move to the address, the others register with it: all move
		// in one round of three, and half of them, through either handle, in the others.
		if round%3 != 0 && i/2%2 != round%3-1 {
			return p.creator(wants)
		}
		p.add(p.a, lost)
		return contender{func(h *handle) error { return wants.update(p.ctx(), h) }, atVersion(wants, wants.Version+1), lost}
	}),
	{id: "users/concurrent/no-deadlock", quote: concurrentUse, racy: true, prove: func(p *probe) {
		// Users who want each other's addresses, while others come and go.
		const n = 4
		address := func(i int) string { return fmt.Sprintf("address.%d@example.com", i%n) }
		id := func(i int) string { return fmt.Sprintf("user-%d", i%n) }
		for i := range n {
			u := newUser("x")
			u.ID, u.Email = id(i), address(i)
			p.add(p.a, u)
		}
		for range 2 {
			answers := p.race(racers, func(i int, h *handle) error {
				if i >= n*3 {
					u := newUser(fmt.Sprint("guest", i))
					return errors.Join(h.Users.Create(p.ctx(), u.User), h.Users.Delete(p.ctx(), u.ID))
				}
				u, err := h.Users.ByID(p.ctx(), id(i))
				if err != nil {
					return err
				}
				u.Email = address(i + 1 + i/n)
				return h.Users.Update(p.ctx(), u)
			})
			// A database may see a deadlock and end it; what matters is the end.
			p.wantOnly(answers, "caller %d", kit.ErrConflict, kit.ErrUserExists, kit.ErrUnavailable)
		}
		for i := range n {
			u, err := p.a.Users.ByID(p.ctx(), id(i))
			p.must(err, "ByID of %s", id(i))
			p.check(&user{u}, "after the race") // and no other has the address
		}
	}},
	{id: "users/concurrent/one-owner", quote: createOneAddress, racy: true, alone: true, prove: func(p *probe) {
		p.inTurns(func(u *user) { u.Email = "wanted@example.com" })
	}},
	{id: "users/concurrent/one-holder", quote: createSameID, racy: true, alone: true, prove: func(p *probe) {
		p.inTurns(func(u *user) { u.ID = "wanted" })
	}},
	{id: "users/by-email/moving-address", quote: byEmail, racy: true, alone: true, prove: (*probe).watchAddresses},
}

// inTurns lets two callers create users of whom only one can be there at a time. Who
// succeeds finds that user by each key until deleting it, whatever the other one tries.
func (p *probe) inTurns(contend func(u *user)) {
	end := time.Now().Add(loopFor)
	p.wantOnly(p.race(2, func(caller int, h *handle) error {
		h, ended := p.unwatched(h)
		defer ended()
		for n := 0; n < rounds || time.Now().Before(end); n++ {
			u := newUser(fmt.Sprint("contender", caller, "-", n))
			contend(u)
			switch err := h.Users.Create(p.ctx(), u.User); {
			case errors.Is(err, kit.ErrUserExists):
				continue
			case errors.Is(err, kit.ErrUnavailable):
				return nil // u may be there, in the way of both
			case err != nil:
				return fmt.Errorf("Create: %w", err)
			}
			const when = "after Create succeeded, while another caller tries to create the same"
			for _, way := range ways(u) {
				if got, err := way.read(p.ctx(), h); !errors.Is(err, kit.ErrUnavailable) {
					p.want(got, err, u, "%s %s", way.call, when)
				}
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

// watchAddresses lets one user move between two addresses, and others look for both. At
// an even Version the user has the first, at an odd one the second. What ByEmail says has
// to be true of some Version that the record had during the call: from the last Update
// that was acknowledged before it to the last that had begun by its end.
func (p *probe) watchAddresses() {
	const moves = 100 // at least
	addresses := []string{"first@example.com", "second@example.com"}
	at := func(version int64) *user {
		u := newUser(fmt.Sprint("moving", version))
		u.ID, u.Email, u.Version = "user-moving", addresses[version%2], version
		return u
	}
	var begun, accepted atomic.Int64 // Versions
	move := func() error {
		end := time.Now().Add(loopFor)
		for version := int64(0); version < moves || time.Now().Before(end); version++ {
			u := at(version + 1)
			u.Version = version
			begun.Store(version + 1)
			if err := again(kit.ErrConflict, func() error { return p.both()[version/2%2].Users.Update(p.ctx(), u.User) }); err != nil {
				return err
			}
			accepted.Store(version + 1)
			runtime.Gosched() // a store in memory would be through before anyone reads
		}
		return nil
	}
	look := func(h *handle, parity int64) {
		from := accepted.Load()
		got, err := h.Users.ByEmail(p.ctx(), strings.ToUpper(addresses[parity]))
		to := begun.Load()
		what := fmt.Sprintf("ByEmail of %s through handle %s, while the user moves between two addresses", addresses[parity], h.name)
		switch {
		case errors.Is(err, kit.ErrNotFound):
			if from == to && from%2 == parity {
				p.failf("%s: got error %v, but the user had that address, at Version %d, all the time", what, err, from)
			}
		case errors.Is(err, kit.ErrUnavailable):
		case err == nil && (got.Version%2 != parity || got.Version < from || got.Version > to):
			p.failf("%s: got the user at Version %d, with the address %s, but the Version was %d before the call and at most %d after it", what, got.Version, brief(got.Email), from, to)
		default:
			p.want(&user{got}, err, at(max(0, got.Version)), "%s", what)
		}
	}
	p.add(p.a, at(0))
	var still atomic.Bool
	p.wantOnly(p.race(racers, func(caller int, h *handle) error {
		if caller == 0 {
			defer still.Store(true)
			return move()
		}
		for !still.Load() {
			look(h, int64(caller/2%2))
			runtime.Gosched() // where nothing else takes turns, as under js
		}
		return nil
	}), "caller %d (0 moves the user, the others look for both addresses)")
}
