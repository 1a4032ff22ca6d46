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

// userMoveRules are about reads while an address changes hands.
var userMoveRules = []rule{
	{
		id:    "users/by-email/moving-address",
		quote: "ByEmail returns the user whose address has the same [EmailKey] as email",
		racy:  true,
		alone: true,
		prove: func(p *probe) {
			newAddressRace(p).run()
		},
	},
}

// addressRace is one user who moves between two addresses, and readers who look
// for both. At an even Version the user has the first, at an odd one the second.
type addressRace struct {
	*probe
	// begun and accepted are Versions: that of the last Update which has begun, and
	// of the last which was acknowledged.
	begun, accepted atomic.Int64
	moving          atomic.Bool
}

// moves is how often the user moves at least.
const moves = 100

func newAddressRace(p *probe) *addressRace {
	r := &addressRace{probe: p}
	p.addUser(p.a, r.at(0))
	r.moving.Store(true)
	return r
}

// at returns the user at a Version.
func (r *addressRace) at(version int64) kit.User {
	u := newUser(fmt.Sprint("moving", version))
	u.ID, u.Email, u.Version = "user-moving", r.address(version), version
	return u
}

func (r *addressRace) address(version int64) string {
	return []string{"first@example.com", "second@example.com"}[version%2]
}

func (r *addressRace) run() {
	r.wantOnly(r.race(racers, func(caller int, h *handle) error {
		if caller == 0 {
			return r.move()
		}
		for r.moving.Load() {
			if err := r.read(h, int64(caller/2%2)); err != nil {
				return err
			}
			runtime.Gosched() // where nothing else takes turns, as under js
		}
		return nil
	}), "caller %d (0 moves the user, the others look for both addresses)")
}

func (r *addressRace) move() error {
	defer r.moving.Store(false)
	end := time.Now().Add(loopFor)
	for version := int64(0); version < moves || time.Now().Before(end); version++ {
		u := r.at(version + 1)
		u.Version = version
		r.begun.Store(version + 1)
		if err := again(kit.ErrConflict, func() error { return r.both()[version/2%2].Users.Update(r.ctx(), u) }); err != nil {
			return err
		}
		r.accepted.Store(version + 1)
		runtime.Gosched() // a store in memory would be through before anybody reads
	}
	return nil
}

// read looks for one of the addresses. The answer has to be true of some Version that
// the record had during the call: from the last that was acknowledged before it to the
// last whose Update had begun by its end.
func (r *addressRace) read(h *handle, parity int64) error {
	asked := r.address(parity)
	from := r.accepted.Load()
	got, err := h.Users.ByEmail(r.ctx(), strings.ToUpper(asked))
	to := r.begun.Load()
	switch {
	case errors.Is(err, kit.ErrNotFound):
		if from == to && from%2 == parity {
			r.failf("ByEmail of %s through handle %s: got error %v, but the user had that address, at Version %d, all the time", asked, h.name, err, from)
		}
		return nil
	case errors.Is(err, kit.ErrUnavailable):
		return nil
	case err != nil:
		return fmt.Errorf("ByEmail of %s: %w", asked, err)
	case kit.EmailKey(got.Email) != kit.EmailKey(asked):
		r.failf("ByEmail of %s through handle %s, while the user moves between two addresses: got a user with the address %s", asked, h.name, brief(got.Email))
	case got.Version < from || got.Version > to:
		r.failf("ByEmail of %s through handle %s: got the user at Version %d, but the Version was %d before the call and at most %d after it", asked, h.name, got.Version, from, to)
	default:
		r.wantUser(got, nil, r.at(got.Version), "ByEmail of %s through handle %s, while the user moves between two addresses", asked, h.name)
	}
	return nil
}
