package conformance

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"myauth.internal/kit"
)

var tokenRaceRules = []rule{
	{
		id:    "tokens/create/one-winner-type",
		quote: "whatever its type; of any number of concurrent calls for one ID exactly one succeeds",
		racy:  true,
		prove: func(p *probe) {
			for round := range rounds {
				contender := func(i int) kit.Token {
					t := newToken(fmt.Sprint("round", round), fmt.Sprintf("user-%d-%d", round, i))
					if i%4 >= 2 {
						t = newReset(fmt.Sprint("round", round), fmt.Sprintf("user-%d-%d", round, i))
					}
					return t
				}
				answers := p.race(racers, func(i int, h *handle) error { return h.Tokens.Create(p.ctx(), contender(i)) })
				winner := p.wantOneWinner(answers, "Create with one ID, different types and users", kit.ErrConflict)
				for i := range racers {
					if i == winner {
						p.checkToken(contender(i), "which won the ID")
					} else if winner >= 0 {
						p.wantList(p.a, contender(i).UserID, "", 10, nil)
					}
				}
			}
		},
	},
	{
		id:    "tokens/delete-expired/counts-under-race",
		quote: "and returns how many this call removed",
		racy:  true,
		prove: func(p *probe) {
			const dead, live = 150, 10
			for i := range dead {
				p.addExpiring(fmt.Sprint("dead", i), epoch.Add(-time.Duration(i)*time.Minute))
			}
			for i := range live {
				p.addExpiring(fmt.Sprint("live", i), epoch.Add(time.Duration(i+1)*time.Minute))
			}
			var removed atomic.Int64
			var unknown atomic.Bool // whether a call that failed has removed some
			p.wantOnly(p.race(racers, func(_ int, h *handle) error {
				for range dead {
					n, err := h.Tokens.DeleteExpired(p.ctx(), epoch, 7)
					if errors.Is(err, kit.ErrUnavailable) { // a database may see a deadlock, and end it
						unknown.Store(true)
						continue
					}
					if err != nil {
						return err
					}
					if n < 0 || n > 7 {
						return fmt.Errorf("DeleteExpired with limit 7 returned %d", n)
					}
					if n == 0 {
						return nil
					}
					removed.Add(int64(n))
				}
				if unknown.Load() {
					return nil // not all of them did
				}
				return fmt.Errorf("DeleteExpired still reported removals after %d calls", dead)
			}), "caller %d, which purges until nothing is left")
			if unknown.Load() {
				n, err := p.a.Tokens.DeleteExpired(p.ctx(), epoch, 1000)
				p.must(err, "DeleteExpired after the race")
				if told := removed.Load() + int64(n); told > dead {
					p.failf("%d callers together were told of %d removals, of %d tokens", racers, told, dead)
				}
			} else if removed.Load() != dead {
				p.failf("%d callers together were told of %d removals, want %d", racers, removed.Load(), dead)
			}
			if left := p.count(); left != live {
				p.failf("after the race %d tokens are left, want the %d live ones", left, live)
			}
		},
	},
	{
		id:    "tokens/concurrent/no-deadlock",
		quote: concurrentQuote,
		racy:  true,
		prove: func(p *probe) {
			// Purges, updates, deletes and lists go over the same rows in
			// different orders.
			const n = 12
			id := func(i int) string { return fmt.Sprint("t", i%n) }
			for i := range n {
				p.addExpiring(id(i), epoch.Add(time.Duration(i)*time.Second))
			}
			for round := range 3 {
				answers := p.race(racers, func(i int, h *handle) error {
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
				p.wantOnly(answers, "caller %d")
			}
		},
	},
}
