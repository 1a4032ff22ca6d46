package conformance

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"myauth.internal/kit"
)

// userRemains creates users with every one of the addresses that nobody has, and one
// with the ID when it is free: what is found nowhere must not be in the way.
func (p *probe) userRemains(id, when string, addresses ...string) {
	try := func(what string, change func(u *kit.User)) {
		p.made++
		u := newUser(fmt.Sprint("next-", p.made))
		change(&u)
		p.eventually("Create of another user with the "+what+" "+when, func() error { return p.b.Users.Create(p.ctx(), u) })
		p.checkUser(u, "which was created "+when)
	}
	for _, address := range addresses {
		if _, err := p.b.Users.ByEmail(p.ctx(), address); errors.Is(err, kit.ErrNotFound) {
			try("address "+brief(address)+", which ByEmail does not find,", func(u *kit.User) { u.Email = address })
		}
	}
	if _, err := p.b.Users.ByID(p.ctx(), id); errors.Is(err, kit.ErrNotFound) {
		try("ID "+brief(id)+", which ByID does not find,", func(u *kit.User) { u.ID = id })
	}
}

// tokenRemains purges the token at the ExpiresAt that it has, when it is there, or
// else at each one that it had or was to have: it is counted there once, or nowhere.
// Afterwards its ID is free. No other token has such an ExpiresAt.
func (p *probe) tokenRemains(at kit.Token, when string, times ...time.Time) {
	want := 0
	got, err := p.b.Tokens.ByID(p.ctx(), at.ID)
	switch {
	case err == nil:
		want, times = 1, []time.Time{got.ExpiresAt}
	case !errors.Is(err, kit.ErrNotFound):
		p.failf("ByID %s: got error %v", when, err)
		return
	}
	slices.SortFunc(times, time.Time.Compare)
	for _, t := range times {
		for _, before := range []time.Time{t.Add(-p.cfg.TimePrecision), t} {
			n, err := p.b.Tokens.DeleteExpired(p.ctx(), before, 1000)
			p.must(err, "DeleteExpired %s", when)
			if before.Equal(t) && n != want { // what expires earlier is out of its way
				p.failf("DeleteExpired at the ExpiresAt of a token that ByID %s, %s: got %d, want %d", map[int]string{0: "does not find", 1: "finds"}[want], when, n, want)
				return
			}
		}
	}
	p.checkNoToken(at, "after DeleteExpired "+when)
	p.eventually("Create with an ID that ByID does not find "+when, func() error { return p.b.Tokens.Create(p.ctx(), at) })
	p.checkToken(at, "which was created "+when)
}
