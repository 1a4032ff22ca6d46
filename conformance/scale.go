package conformance

import (
	"fmt"
	"time"

	"myauth.internal/kit"
)

// many is how many users the long cases create.
const many = 10_000

var userScaleRules = []rule{
	{
		id:    "users/scale/ten-thousand",
		quote: "Create adds u.",
		long:  true,
		prove: func(p *probe) {
			name := func(i int) string { return fmt.Sprintf("member.%d", i) }
			p.wantOnly(p.race(racers, func(worker int, h *handle) error {
				for i := worker; i < many; i += racers {
					if err := again(kit.ErrUserExists, func() error { return h.Users.Create(p.ctx(), newUser(name(i))) }); err != nil {
						return fmt.Errorf("creating user %d: %w", i, err)
					}
				}
				return nil
			}), "worker %d")
			for i := 0; i < many; i += 977 {
				u := newUser(name(i))
				p.checkUser(u, "among ten thousand")
				u.ID = "another"
				p.wantErr(p.a.Users.Create(p.ctx(), u), kit.ErrUserExists, "Create with an address among ten thousand")
			}
			for i := 0; i < many; i += 1951 {
				p.must(p.b.Users.Delete(p.ctx(), newUser(name(i)).ID), "Delete among ten thousand")
				p.checkNoUser(newUser(name(i)).ID, "after Delete")
				p.checkUser(newUser(name(i+1)), "after Delete of its neighbour")
			}
		},
	},
}

var tokenScaleRules = []rule{
	{
		id:    "tokens/scale/ten-thousand",
		quote: "It never touches a token whose ExpiresAt is after before",
		long:  true,
		prove: func(p *probe) {
			// Each user has one token; four of five have expired.
			token := func(i int) kit.Token {
				t := newToken(fmt.Sprint("t", i), fmt.Sprint("user-", i))
				t.ExpiresAt = epoch.Add(-time.Duration(i) * time.Second)
				if i%5 == 0 {
					t.ExpiresAt = epoch.Add(time.Duration(i+1) * time.Second)
				}
				return t
			}
			p.wantOnly(p.race(racers, func(worker int, h *handle) error {
				for i := worker; i < many; i += racers {
					if err := again(kit.ErrConflict, func() error { return h.Tokens.Create(p.ctx(), token(i)) }); err != nil {
						return fmt.Errorf("creating token %d: %w", i, err)
					}
				}
				return nil
			}), "worker %d")
			for range many / 5 * 4 / 1000 {
				p.wantPurged(p.b, epoch, 1000, 1000)
			}
			p.wantPurged(p.a, epoch, 1000, 0)
			for i := 0; i < many; i += 97 {
				if i%5 == 0 {
					p.checkToken(token(i), "after the purge of ten thousand")
				} else {
					p.checkNoToken(token(i), "after the purge of ten thousand")
				}
			}
		},
	},
}
