package conformance

import (
	"fmt"

	"myauth.internal/kit"
)

var userRaceRules = []rule{
	{
		id:    "users/create/one-winner-address",
		quote: "of any number of concurrent calls for one address exactly one succeeds",
		racy:  true,
		prove: func(p *probe) {
			for round := range rounds {
				contender := func(i int) kit.User {
					u := newUser(fmt.Sprintf("r%d-%d", round, i))
					u.Email = fmt.Sprintf("round.%d@example.com", round)
					if i%3 == 1 {
						u.Email = fmt.Sprintf("ROUND.%d@Example.com", round)
					}
					return u
				}
				answers := p.race(racers, func(i int, h *handle) error { return h.Users.Create(p.ctx(), contender(i)) })
				winner := p.wantOneWinner(answers, "Create with one address and different IDs", kit.ErrUserExists)
				for i := range racers {
					if i == winner {
						p.checkUser(contender(i), "which won the address")
					} else if winner >= 0 {
						p.checkNoUser(contender(i).ID, "which lost the address")
					}
				}
			}
		},
	},
	{
		id:    "users/create/one-winner-id",
		quote: "or with the same ID",
		racy:  true,
		prove: func(p *probe) {
			for round := range rounds {
				contender := func(i int) kit.User {
					u := newUser(fmt.Sprintf("r%d-%d", round, i))
					u.ID = fmt.Sprintf("round-%d", round)
					return u
				}
				answers := p.race(racers, func(i int, h *handle) error { return h.Users.Create(p.ctx(), contender(i)) })
				winner := p.wantOneWinner(answers, "Create with one ID and different addresses", kit.ErrUserExists)
				for i := range racers {
					if i == winner {
						p.checkUser(contender(i), "which won the ID")
					} else if winner >= 0 {
						p.checkNoEmail(contender(i).Email, "which lost the ID")
					}
				}
			}
		},
	},
	{
		id:    "users/update/one-winner-address",
		quote: "It returns [ErrUserExists], and changes nothing, when u's Email belongs to another user.",
		racy:  true,
		prove: func(p *probe) {
			for round := range rounds {
				address := fmt.Sprintf("free.%d@example.com", round)
				// Some move to the address, the others register with it: all move
				// in one round of three, and half of them, through either handle, in the others.
				moves := func(i int) bool { return round%3 == 0 || i/2%2 == round%3-1 }
				users := make([]kit.User, racers)
				for i := range users {
					users[i] = newUser(fmt.Sprintf("r%d-%d", round, i))
					if moves(i) {
						p.addUser(p.a, users[i])
					}
				}
				answers := p.race(racers, func(i int, h *handle) error {
					u := users[i].Clone()
					u.Email = address
					if moves(i) {
						return h.Users.Update(p.ctx(), u)
					}
					return h.Users.Create(p.ctx(), u)
				})
				winner := p.wantOneWinner(answers, "Update and Create to one free address", kit.ErrUserExists)
				if winner < 0 {
					continue
				}
				for i, u := range users {
					switch {
					case i == winner:
						u.Email = address
						if moves(i) {
							u.Version++
						}
						p.checkUser(u, "which won the address")
					case moves(i):
						p.checkUser(u, "which lost the address and keeps its own")
					default:
						p.checkNoUser(u.ID, "which lost the address")
					}
				}
			}
		},
	},
	{
		id:    "users/concurrent/no-deadlock",
		quote: concurrentQuote,
		racy:  true,
		prove: func(p *probe) {
			// Users who want each other's addresses, while others come and go.
			const n = 4
			address := func(i int) string { return fmt.Sprintf("address.%d@example.com", i%n) }
			id := func(i int) string { return fmt.Sprintf("user-%d", i%n) }
			for i := range n {
				u := newUser("x")
				u.ID, u.Email = id(i), address(i)
				p.addUser(p.a, u)
			}
			for range 2 {
				answers := p.race(racers, func(i int, h *handle) error {
					if i >= n*3 {
						u := newUser(fmt.Sprint("guest", i))
						if err := h.Users.Create(p.ctx(), u); err != nil {
							return err
						}
						return h.Users.Delete(p.ctx(), u.ID)
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
			owners := map[string]string{}
			for i := range n {
				u, err := p.a.Users.ByID(p.ctx(), id(i))
				p.must(err, "ByID of %s", id(i))
				if other, taken := owners[u.Email]; taken {
					p.failf("after the race %s and %s both have the address %s", other, u.ID, brief(u.Email))
				}
				owners[u.Email] = u.ID
				p.checkUser(u, "after the race")
			}
		},
	},
}
