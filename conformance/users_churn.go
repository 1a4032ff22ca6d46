package conformance

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"myauth.internal/kit"
)

// churn is a large number of users, whom walkers list while others create, delete, move and
// change them. What becomes of a user is decided by its number: see fateOf.
type churn struct {
	p       *probe
	users   int
	walkers atomic.Int64 // that have not ended
	clock   atomic.Int64 // counts the users who are gone for good
	gone    []atomic.Int64
}

// The fates of users. Seven in ten stay and keep their address; others change them now and then.
const (
	stays   = iota
	moves   // has its address changed all the time
	returns // is deleted and created again all the time
	leaves  // is deleted once
)

func fateOf(i int) int { return max(stays, i%10-6) }

const (
	churners       = racers / 2
	fewUsers       = 200
	manyUsers      = 10_000
	listedVariable = "MYAUTH_TEST_LISTED"
)

// listed is how many users the walks of a case are over: few with -short, as over FerretDB, which
// takes a second for twenty calls, and more where the environment says so, for a run of minutes.
func (p *probe) listed() int {
	text := os.Getenv(listedVariable)
	switch {
	case p.cfg.listed > 0:
		return p.cfg.listed
	case text == "" && testing.Short():
		return fewUsers
	case text == "":
		return manyUsers
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < fewUsers {
		p.fatalf("%s is %q: write a number of users, at least %d", listedVariable, text, fewUsers)
	}
	return n
}

// churned returns user number i. The order of addresses is another one than that of IDs.
func churned(i int) *user {
	u := newUser(fmt.Sprintf("churn.%07d", i))
	u.Email = churnAddress(i, "")
	return u
}

func churnAddress(i int, where string) string {
	digits := []byte(fmt.Sprintf("%07d", i))
	slices.Reverse(digits)
	return fmt.Sprintf("Member.%s%s@Example.com", digits, where)
}

// churnUsers is the proof: half of the callers walk, over all users and over those with a prefix,
// in small pages and large ones.
func (p *probe) churnUsers() {
	n := p.listed()
	c := &churn{p: p, users: n, gone: make([]atomic.Int64, n)}
	p.wantOnly(p.race(racers, func(worker int, h *handle) error {
		for i := worker; i < n; i += racers {
			if err := again(kit.ErrUserExists, func() error { return h.Users.Create(p.ctx(), churned(i).User) }); err != nil {
				return err
			}
		}
		return nil
	}), "worker %d, who creates users")
	for i := 0; i < n; i += 977 {
		p.check(churned(i), "among many")
		p.wantErr(churned(i).create(p.ctx(), p.a), kit.ErrUserExists, "Create of what exists among many")
	}
	if len(p.reported()) > 0 {
		return
	}
	walks := []walk{
		{limit: 13}, {limit: 100}, {limit: 999}, {limit: 1000},
		{limit: 17, byEmail: true}, {limit: 100, byEmail: true}, {limit: 1000, byEmail: true},
		{limit: 7, byEmail: true, prefix: "mEMBER.3"},
	}
	c.walkers.Store(int64(len(walks)))
	p.wantOnly(p.race(len(walks)+churners, func(caller int, h *handle) error {
		if caller >= len(walks) {
			c.work(caller-len(walks), h)
			return nil
		}
		defer c.walkers.Add(-1)
		for range max(1, min(3, walks[caller].limit/100)) {
			if err := c.walk(h, walks[caller]); err != nil {
				return err
			}
		}
		return nil
	}), "caller %d")
}

// walk is how a caller walks.
type walk struct {
	limit   int
	byEmail bool
	prefix  string
}

func (w walk) String() string {
	if !w.byEmail {
		return fmt.Sprintf("a walk by ID in pages of %d", w.limit)
	}
	return fmt.Sprintf("a walk by address over %q in pages of %d", w.prefix, w.limit)
}

// page asks for the users behind after, and returns the key of each as well.
func (w walk) page(p *probe, h *handle, after string) (users []kit.User, keys []string, err error) {
	list, key := p.lister(h), func(u kit.User) string { return u.ID }
	if w.byEmail {
		key = func(u kit.User) string { return kit.EmailKey(u.Email) }
		users, err = list.ListByEmail(p.ctx(), w.prefix, after, w.limit)
	} else {
		users, err = list.List(p.ctx(), after, w.limit)
	}
	for _, u := range users {
		keys = append(keys, key(u))
	}
	return users, keys, err
}

// walk walks over all pages once, and returns what was wrong with them.
func (c *churn) walk(h *handle, w walk) error {
	seen, after, failures := make([]uint8, c.users), "", 0
	for {
		asked := c.clock.Load()
		users, keys, err := w.page(c.p, h, after)
		switch {
		case errors.Is(err, kit.ErrUnavailable) && failures < 3: // the same page again
			failures++
			continue
		case errors.Is(err, kit.ErrUnavailable):
			return nil
		case err != nil:
			return err
		case len(users) > w.limit:
			return fmt.Errorf("%s: a page has %d users", w, len(users))
		}
		for i, u := range users {
			if keys[i] <= after {
				return fmt.Errorf("%s: %s comes after %s", w, brief(keys[i]), brief(after))
			}
			if after = keys[i]; !strings.HasPrefix(kit.EmailKey(u.Email), kit.EmailKey(w.prefix)) {
				return fmt.Errorf("%s: it lists %s", w, brief(u.Email))
			}
			n, err := strconv.Atoi(strings.TrimPrefix(u.ID, "user-churn."))
			if err != nil { // a guest
				continue
			}
			if gone := c.gone[n].Load(); gone != 0 && gone <= asked {
				return fmt.Errorf("%s: %s is listed, whose Delete had succeeded before", w, brief(u.ID))
			}
			seen[n]++
		}
		if len(users) < w.limit {
			break
		}
	}
	for n, times := range seen {
		fate := fateOf(n)
		there := fate == stays || fate == moves && !w.byEmail
		if there && strings.HasPrefix(kit.EmailKey(churnAddress(n, "")), kit.EmailKey(w.prefix)) && times != 1 {
			return fmt.Errorf("%s saw %s %d times, and it was there throughout", w, brief(churned(n).ID), times)
		}
	}
	return nil
}

// work goes over a share of the users, and lets each meet its fate, until all walks are over.
func (c *churn) work(worker int, h *handle) {
	p, guests := c.p, 0
	check := func(err error, what string, u *user) {
		p.wantNoneBut(err, fmt.Sprintf("%s of %s", what, brief(u.ID)), kit.ErrConflict, kit.ErrUnavailable)
	}
	for round := 0; ; round++ {
		// A stride that meets no two neighbours.
		for k := range c.users / churners {
			if c.walkers.Load() == 0 {
				return
			}
			n := (k*7919%(c.users/churners))*churners + worker
			u := churned(n)
			switch fateOf(n) {
			case stays:
				if k%2 == 0 {
					check(c.change(h, u.ID, func(u *kit.User) { u.Username, u.Roles = fmt.Sprint("Round ", round), []string{"r"} }), "Update", u)
					continue
				}
				guests++
				guest := newUser(fmt.Sprintf("churn.%07d-%d-%d", n, worker, guests))
				guest.Email = churnAddress(n, fmt.Sprintf("-%d-%d", worker, guests))
				check(errors.Join(h.Users.Create(p.ctx(), guest.User), h.Users.Delete(p.ctx(), guest.ID)), "Create and Delete", guest)
			case moves: // far, and back in the next round
				to := churnAddress(n, "")
				if round%2 == 0 {
					to = churnAddress(c.users-n, ".moved")
				}
				check(c.change(h, u.ID, func(u *kit.User) { u.Email = to }), "Update of the address", u)
			case returns:
				check(errors.Join(h.Users.Delete(p.ctx(), u.ID), h.Users.Create(p.ctx(), u.User)), "Delete and Create", u)
			case leaves:
				if c.gone[n].Load() != 0 || k%3 != round%3 { // some in each round
					continue
				}
				err := h.Users.Delete(p.ctx(), u.ID)
				check(err, "Delete", u)
				if err == nil {
					c.gone[n].Store(c.clock.Add(1))
				}
			}
		}
	}
}

// change makes one change of a user.
func (c *churn) change(h *handle, id string, change func(u *kit.User)) error {
	u, err := h.Users.ByID(c.p.ctx(), id)
	if err == nil {
		change(&u)
		err = h.Users.Update(c.p.ctx(), u)
	}
	return err
}
