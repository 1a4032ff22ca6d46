package conformance

import (
	"fmt"
	"time"

	"myauth.internal/kit"
)

// wantPurged calls DeleteExpired and wants it to report n.
func (p *probe) wantPurged(h *handle, before time.Time, limit, n int) {
	got, err := h.Tokens.DeleteExpired(p.ctx(), before, limit)
	if got != n || err != nil {
		p.failf("DeleteExpired before %v, limit %d, through handle %s: got %d, error %v, want %d and none",
			before.UTC().Format(time.RFC3339Nano), limit, h.name, got, err, n)
	}
}

// addExpiring creates a token of ann that expires at that time.
func (p *probe) addExpiring(name string, at time.Time) kit.Token {
	t := newToken(name, "ann")
	t.ExpiresAt = at
	return p.addToken(p.a, t)
}

// count reads how many tokens of ann are left.
func (p *probe) count() int {
	n, after := 0, ""
	for {
		list, err := p.b.Tokens.ByUser(p.ctx(), "ann", after, 1000)
		p.must(err, "ByUser after %s", brief(after))
		if len(list) == 0 || list[len(list)-1].ID <= after {
			return n
		}
		n, after = n+len(list), list[len(list)-1].ID
	}
}

var tokenPurgeRules = []rule{
	{
		id:    "tokens/delete-expired/boundary",
		quote: "whose ExpiresAt is not after before",
		prove: func(p *probe) {
			step := p.cfg.TimePrecision
			for i, before := range []time.Time{epoch, time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC), time.Date(1999, 12, 31, 23, 59, 59, 999999000, time.UTC)} {
				dead := p.addExpiring(fmt.Sprint("dead", i), before.Add(-step))
				now := p.addExpiring(fmt.Sprint("now", i), before)
				live := p.addExpiring(fmt.Sprint("live", i), before.Add(step))
				p.wantPurged(p.both()[i%2], before, 10, 2)
				p.checkNoToken(dead, "after DeleteExpired one step after its time")
				p.checkNoToken(now, "after DeleteExpired at its very time")
				p.checkToken(live, "after DeleteExpired one step before its time")
				p.wantPurged(p.a, before.Add(step), 10, 1)
			}
		},
	},
	{
		id:    "tokens/delete-expired/finer-before",
		quote: "It never touches a token whose ExpiresAt is after before",
		prove: func(p *probe) {
			for i, delta := range []time.Duration{1, 400, 500, 501, 999} {
				t := p.addExpiring(fmt.Sprint("t", i), epoch)
				p.wantPurged(p.a, epoch.Add(-delta), 10, 0)
				p.checkToken(t, fmt.Sprintf("after DeleteExpired %v before its time", delta))
				p.wantPurged(p.b, epoch.Add(delta), 10, 1)
			}
		},
	},
	{
		id:    "tokens/delete-expired/zone",
		quote: "whose ExpiresAt is not after before",
		prove: func(p *probe) {
			for i, zone := range zones {
				dead := p.addExpiring(fmt.Sprint("dead", i), epoch.In(zones[(i+1)%len(zones)]))
				live := p.addExpiring(fmt.Sprint("live", i), epoch.Add(time.Microsecond).In(zones[(i+2)%len(zones)]))
				p.wantPurged(p.a, epoch.In(zone), 10, 1)
				p.checkNoToken(dead, "after DeleteExpired with a time in another zone")
				p.checkToken(live, "after DeleteExpired with a time in another zone")
				p.wantPurged(p.a, epoch.Add(time.Second), 10, 1)
			}
		},
	},
	{
		id:    "tokens/delete-expired/no-clock",
		quote: "and never asks a clock of its own",
		prove: func(p *probe) {
			past, future := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2980, 1, 1, 0, 0, 0, 0, time.UTC)
			long := p.addExpiring("long ago", past)
			far := p.addExpiring("far away", future)
			p.wantPurged(p.a, past.Add(-time.Hour), 10, 0)
			p.checkToken(long, "after DeleteExpired before its time, which is long ago by any clock")
			p.wantPurged(p.a, past.Add(time.Hour), 10, 1)
			p.checkToken(far, "after DeleteExpired before its time")
			p.wantPurged(p.b, future.Add(time.Hour), 10, 1)
			p.checkNoToken(far, "after DeleteExpired after its time, which no clock has reached")
		},
	},
	{
		id:    "tokens/delete-expired/extremes",
		quote: extremesQuote,
		prove: func(p *probe) {
			for i, at := range extremes {
				p.addExpiring(fmt.Sprint("t", i), at)
			}
			for i, at := range extremes {
				if i > 0 {
					p.wantPurged(p.a, at.Add(-time.Microsecond), 10, 0)
				}
				p.wantPurged(p.b, at, 10, 1)
			}
		},
	},
	{
		id:    "tokens/delete-expired/every-type",
		quote: "DeleteExpired removes tokens",
		prove: func(p *probe) {
			session, reset, revoked, other := newToken("session", "ann"), newReset("reset", "ann"), newToken("revoked", "ann"), newToken("other", "bob")
			session.RevokedAt = time.Time{}
			for _, t := range []kit.Token{session, reset, revoked, other} {
				p.addToken(p.a, t)
			}
			p.wantPurged(p.b, session.ExpiresAt, 10, 4)
			for _, t := range []kit.Token{session, reset, revoked, other} {
				p.checkNoToken(t, "after DeleteExpired at its time")
			}
		},
	},
	{
		id:    "tokens/delete-expired/spares-the-live",
		quote: "It never touches a token whose ExpiresAt is after before",
		prove: func(p *probe) {
			var live []kit.Token
			for i := range 10 {
				p.addExpiring(fmt.Sprint("dead", i), epoch.Add(-time.Duration(i)*time.Hour))
				t := newToken(fmt.Sprint("live", i), "ann")
				if i%2 == 0 {
					t = newReset(fmt.Sprint("live", i), "ann")
				}
				t.ExpiresAt = epoch.Add(time.Duration(i+1) * time.Microsecond)
				if i%3 == 0 { // revoked and created long ago, and still not expired
					t.CreatedAt, t.RevokedAt = time.Unix(0, 0).UTC(), time.Unix(1, 0).UTC()
				}
				live = append(live, p.addToken(p.a, t))
			}
			for _, n := range []int{3, 3, 3, 1, 0, 0} {
				p.wantPurged(p.a, epoch, 3, n)
				for _, t := range live {
					got, err := p.b.Tokens.ByID(p.ctx(), t.ID)
					p.wantToken(got, err, t, "ByID of a live token between purges")
				}
			}
		},
	},
	{
		id:    "tokens/delete-expired/limit",
		quote: "DeleteExpired removes tokens, at most limit (1 to 1000) of them",
		prove: func(p *probe) {
			left := 20
			for i := range left {
				p.addExpiring(fmt.Sprint("dead", i), epoch.Add(time.Duration(i%3)*time.Second))
			}
			for _, limit := range []int{1, 2, 5, 7} {
				_, err := p.a.Tokens.DeleteExpired(p.ctx(), epoch.Add(time.Hour), limit)
				p.must(err, "DeleteExpired with limit %d", limit)
				if got := p.count(); got != left-limit {
					p.failf("DeleteExpired with limit %d of %d expired tokens: %d are left, want %d", limit, left, got, left-limit)
				}
				left = p.count()
			}
		},
	},
	{
		id:    "tokens/delete-expired/returns-how-many",
		quote: "and returns how many this call removed: fewer than limit only when no more are left",
		prove: func(p *probe) {
			for i := range 10 {
				p.addExpiring(fmt.Sprint("dead", i), epoch.Add(-time.Duration(i)*time.Minute))
				p.addExpiring(fmt.Sprint("live", i), epoch.Add(time.Duration(i+1)*time.Minute))
			}
			for i, want := range []int{4, 4, 2, 0} {
				left := p.count()
				p.wantPurged(p.both()[i%2], epoch, 4, want)
				if got := left - p.count(); got != want {
					p.failf("DeleteExpired number %d removed %d tokens, want %d", i+1, got, want)
				}
			}
		},
	},
	{
		id:    "tokens/delete-expired/after-changes",
		quote: "and returns how many this call removed: fewer than limit only when no more are left",
		prove: func(p *probe) {
			// Of each three that have expired one is deleted, one made to live on, one stays.
			var tokens []kit.Token
			for i := range 15 {
				tokens = append(tokens, p.addExpiring(fmt.Sprint("dead", i), epoch.Add(time.Duration(i-60)*time.Minute)))
			}
			for i, t := range tokens {
				switch i % 3 {
				case 0:
					p.wantDeleted(p.a, t.ID, true, "a token")
				case 1:
					t.ExpiresAt = epoch.Add(time.Hour)
					p.must(p.b.Tokens.Update(p.ctx(), t), "Update to a later ExpiresAt")
				}
			}
			for i, want := range []int{2, 2, 1, 0} {
				p.wantPurged(p.both()[i%2], epoch, 2, want)
			}
			again := tokens[2]
			p.wantErr(p.a.Tokens.Create(p.ctx(), again), nil, "Create with the ID of a token that DeleteExpired has removed")
			p.wantPurged(p.b, epoch, 2, 1)
		},
	},
	{
		id:    "tokens/delete-expired/wall-clock",
		quote: "An expired or revoked token is returned like any other: judging it is the caller's work.",
		prove: func(p *probe) {
			// A database that removes rows by itself looks at a clock of its own. So these
			// expire while the case waits: after Create, and after an Update.
			const soon, wait = 200 * time.Millisecond, time.Second
			due := time.Now().UTC().Add(soon).Truncate(time.Microsecond)
			created, updated := newToken("created", "ann"), newReset("updated", "ann")
			created.ExpiresAt, updated.ExpiresAt = due, due.Add(24*time.Hour)
			p.addToken(p.a, created)
			p.addToken(p.a, updated)
			updated.ExpiresAt = due
			p.must(p.b.Tokens.Update(p.ctx(), updated), "Update to an earlier ExpiresAt")
			updated.Version++
			time.Sleep(wait)
			when := fmt.Sprintf("%v after its ExpiresAt, by the clock of this machine", wait-soon)
			p.checkToken(created, when)
			p.checkToken(updated, when)
			p.wantPurged(p.a, due, 10, 2)
		},
	},
	{
		id:    "tokens/delete-expired/batches",
		quote: "at most limit (1 to 1000) of them",
		prove: func(p *probe) {
			for i := range 1205 {
				p.addExpiring(fmt.Sprint("dead", i), epoch.Add(-time.Duration(i%9)*time.Hour))
			}
			live := p.addExpiring("live", epoch.Add(time.Microsecond))
			for _, want := range []int{1000, 205, 0} {
				p.wantPurged(p.a, epoch, 1000, want)
			}
			if got := p.count(); got != 1 {
				p.failf("after purging: %d tokens are left, want the live one", got)
			}
			p.checkToken(live, "after purging in batches")
		},
	},
}
