package conformance

import (
	"fmt"
	"time"

	"myauth.internal/kit"
)

// tokenPurgeRules are about DeleteExpired.
var tokenPurgeRules = []rule{
	{id: "tokens/delete-expired/boundary", quote: purgeDue, prove: func(p *probe) {
		step := timePrecision
		for i, before := range []time.Time{epoch, time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC), time.Date(1999, 12, 31, 23, 59, 59, 999999000, time.UTC)} {
			dead := p.addExpiring(fmt.Sprint("dead", i), before.Add(-step).In(zones[i+2]))
			now := p.addExpiring(fmt.Sprint("now", i), before.In(zones[i]))
			live := p.addExpiring(fmt.Sprint("live", i), before.Add(step).In(zones[i+2]))
			p.wantPurged(p.both()[i%2], before.In(zones[i+1]), 10, 2)
			p.checkGone(dead, "after DeleteExpired one step after its time")
			p.checkGone(now, "after DeleteExpired at its very time")
			p.check(live, "after DeleteExpired one step before its time")
			p.wantPurged(p.a, before.Add(step), 10, 1)
		}
	}},
	{id: "tokens/delete-expired/extremes", quote: purgeDue, prove: func(p *probe) {
		for i, at := range extremes {
			p.addExpiring(fmt.Sprint("t", i), at)
		}
		for i, at := range extremes {
			if i > 0 {
				p.wantPurged(p.a, at.Add(-time.Microsecond), 10, 0)
			}
			p.wantPurged(p.b, at, 10, 1)
		}
	}},
	{id: "tokens/delete-expired/no-clock", quote: purgeNoClock, prove: func(p *probe) {
		past, future := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2980, 1, 1, 0, 0, 0, 0, time.UTC)
		long, far := p.addExpiring("long ago", past), p.addExpiring("far away", future)
		p.wantPurged(p.a, past.Add(-time.Hour), 10, 0)
		p.check(long, "after DeleteExpired before its time, which is long ago by any clock")
		p.wantPurged(p.a, past.Add(time.Hour), 10, 1)
		p.check(far, "after DeleteExpired before its time")
		p.wantPurged(p.b, future.Add(time.Hour), 10, 1)
		p.checkGone(far, "after DeleteExpired after its time, which no clock has reached")
	}},
	{id: "tokens/delete-expired/wall-clock", quote: byIDExpired, prove: func(p *probe) {
		// A database that removes rows by itself looks at a clock of its own. So these
		// expire while the case waits: after Create, and after an Update.
		const soon, wait = 200 * time.Millisecond, time.Second
		due := time.Now().UTC().Add(soon).Truncate(time.Microsecond)
		created, updated := p.addExpiring("created", due), p.addExpiring("updated", due.Add(24*time.Hour))
		updated.ExpiresAt = due
		p.must(p.b.Tokens.Update(p.ctx(), updated.Token), "Update to an earlier ExpiresAt")
		updated.Version++
		time.Sleep(wait)
		when := fmt.Sprintf("%v after its ExpiresAt, by the clock of this machine", wait-soon)
		p.check(created, when)
		p.check(updated, when)
		p.wantPurged(p.a, due, 10, 2)
	}},
	{id: "tokens/delete-expired/every-type", quote: purgeRemoves, prove: func(p *probe) {
		tokens := append(p.addEveryType(), newToken("other", "bob"))
		p.add(p.a, tokens[len(tokens)-1])
		p.wantPurged(p.b, time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC), 1000, len(tokens))
		for _, t := range tokens {
			p.checkGone(t, "after DeleteExpired at its time")
		}
	}},
	{id: "tokens/delete-expired/spares-the-live", quote: purgeSpares, prove: func(p *probe) {
		for i, finer := range []time.Duration{1, 400, 500, 501, 999} {
			t := p.addExpiring(fmt.Sprint("t", i), epoch)
			p.wantPurged(p.a, epoch.Add(-finer), 10, 0)
			p.check(t, fmt.Sprintf("after DeleteExpired %v before its time", finer))
			p.wantPurged(p.b, epoch.Add(finer), 10, 1)
		}
		var live []*token
		for i := range 10 {
			p.addExpiring(fmt.Sprint("dead", i), epoch.Add(-time.Duration(i)*time.Hour))
			t := []*token{newReset(fmt.Sprint("live", i), "ann"), newToken(fmt.Sprint("live", i), "ann")}[i%2]
			t.ExpiresAt = epoch.Add(time.Duration(i+1) * time.Microsecond)
			if i%3 == 0 { // revoked and created long ago, and still not expired
				t.CreatedAt, t.RevokedAt = time.Unix(0, 0).UTC(), time.Unix(1, 0).UTC()
			}
			p.add(p.a, t)
			live = append(live, t)
		}
		for _, n := range []int{3, 3, 3, 1, 0, 0} {
			p.wantPurged(p.a, epoch, 3, n)
			for _, t := range live {
				p.check(t, "between purges")
			}
		}
	}},
	{id: "tokens/delete-expired/limit", quote: byUserLimit, prove: func(p *probe) {
		left := 1100
		for i := range left {
			p.addExpiring(fmt.Sprint("dead", i), epoch.Add(time.Duration(i%3)*time.Second))
		}
		for _, limit := range []int{1, 7, 1000} {
			p.wantPurged(p.a, epoch.Add(time.Hour), limit, limit)
			got := p.count()
			if got != left-limit {
				p.failf("DeleteExpired with limit %d of %d expired tokens: %d are left, want %d", limit, left, got, left-limit)
			}
			left = got
		}
	}},
	{id: "tokens/delete-expired/newer", quote: newerDrops, needs: []Ability{Upgrading}, prove: func(p *probe) {
		newer := p.addExpiring("newer", epoch.Add(-time.Hour)) // the first that a purge meets
		for i := range 3 {
			p.addExpiring(fmt.Sprint("dead", i), epoch.Add(-time.Duration(i)*time.Minute))
		}
		p.must(p.a.Newer("tokens", newer.ID), "Stores.Newer")
		for _, n := range []int{2, 1, 0} {
			p.wantPurged(p.b, epoch, 2, n)
			_, err := p.a.Tokens.ByID(p.ctx(), newer.ID)
			p.wantErr(err, kit.ErrNewerRecord, "ByID of an expired token, which a newer version wrote, after DeleteExpired")
		}
	}},
	{id: "tokens/delete-expired/returns-how-many", quote: purgeHowMany, prove: func(p *probe) {
		// Of each three that have expired one is deleted, one made to live on, one stays.
		var tokens []*token
		for i := range 15 {
			tokens = append(tokens, p.addExpiring(fmt.Sprint("dead", i), epoch.Add(time.Duration(i-60)*time.Minute)))
		}
		for i, t := range tokens {
			switch moved := t.copy(); i % 3 {
			case 0:
				p.must(t.delete(p.ctx(), p.a), "Delete")
			case 1:
				moved.ExpiresAt = epoch.Add(time.Hour)
				p.must(p.b.Tokens.Update(p.ctx(), moved.Token), "Update to a later ExpiresAt")
				p.wantErr(p.b.Tokens.Update(p.ctx(), t.Token), kit.ErrConflict, "Update back, with the Version from before")
			}
		}
		for i, want := range []int{2, 2, 1, 0} {
			left := p.count()
			p.wantPurged(p.both()[i%2], epoch, 2, want)
			if got := left - p.count(); got != want {
				p.failf("DeleteExpired number %d removed %d tokens, want %d", i+1, got, want)
			}
		}
		again := tokens[2]
		p.wantErr(p.a.Tokens.Create(p.ctx(), again.Token), nil, "Create with the ID of a token that DeleteExpired has removed")
		p.wantPurged(p.b, epoch, 2, 1)
	}},
}
