package conformance

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"myauth.internal/kit"
)

// userRemains creates users with every one of the addresses that no user has, and one
// with the ID when it is free: what is found nowhere must not be in the way.
func userRemains(p *probe, when string, states ...record) {
	try := func(what string, change func(u *user)) {
		p.made++
		u := newUser(fmt.Sprint("next-", p.made))
		change(u)
		p.eventually("Create of another user with the "+what+" "+when, func() error { return u.create(p.ctx(), p.b) })
		p.check(u, "which was created "+when)
	}
	for _, state := range states {
		at, ok := state.(*user)
		if !ok {
			continue // it was not there
		}
		if _, err := at.byIndex(p.ctx(), p.b); errors.Is(err, kit.ErrNotFound) {
			try("address "+brief(at.Email)+", which ByEmail does not find,", func(u *user) { u.Email = at.Email })
		}
		if _, err := at.byID(p.ctx(), p.b); errors.Is(err, kit.ErrNotFound) {
			try("ID "+brief(at.ID)+", which ByID does not find,", func(u *user) { u.ID = at.ID })
		}
	}
}

// tokenRemains purges the token at the ExpiresAt that it has, when it is there, or
// else at each one that it had or was to have: it is counted there once, or nowhere.
// Afterwards its ID is free. No other token has such an ExpiresAt.
func tokenRemains(p *probe, when string, states ...record) {
	var at *token
	var times []time.Time
	for _, state := range states {
		if t, ok := state.(*token); ok {
			at, times = t, append(times, t.ExpiresAt)
		}
	}
	want := 0
	got, err := at.byID(p.ctx(), p.b)
	switch {
	case err == nil:
		want, times = 1, []time.Time{got.(*token).ExpiresAt}
	case !errors.Is(err, kit.ErrNotFound):
		p.failf("ByID %s: got error %v", when, err)
		return
	}
	slices.SortFunc(times, time.Time.Compare)
	for _, t := range times {
		for _, before := range []time.Time{t.Add(-timePrecision), t} {
			n, err := p.b.Tokens.DeleteExpired(p.ctx(), before, 1000)
			p.must(err, "DeleteExpired %s", when)
			if before.Equal(t) && n != want { // what expires earlier is out of its way
				p.failf("DeleteExpired at the ExpiresAt of a token that ByID %s, %s: got %d, want %d", map[int]string{0: "does not find", 1: "finds"}[want], when, n, want)
				return
			}
		}
	}
	p.checkGone(at, "after DeleteExpired "+when)
	p.eventually("Create with an ID that ByID does not find "+when, func() error { return at.create(p.ctx(), p.b) })
	p.check(at, "which was created "+when)
}
