package conformance

import "time"

// togetherRules are about a store of users and a store of tokens side by side.
func togetherRules() []rule {
	return []rule{
		{
			id:    "together/one-id",
			quote: "The user may live in another database, so a store must not enforce the reference.",
			prove: func(p *probe) {
				t := newToken("one", "ann")
				u := newUser("ann")
				u.ID = t.ID // the two number their records apart
				p.addUser(p.a, u)
				p.addToken(p.a, t)
				p.checkUser(u, "beside a token with the same ID")
				p.checkToken(t, "beside a user with the same ID")
				_, err := p.b.Tokens.Delete(p.ctx(), t.ID)
				p.must(err, "Delete of the token")
				p.checkUser(u, "after Delete of a token with the same ID")
				p.addToken(p.b, t)
				p.must(p.a.Users.Delete(p.ctx(), u.ID), "Delete of the user")
				p.checkToken(t, "after Delete of a user with the same ID")
			},
		},
		{
			id:    "together/no-cascade",
			quote: "The user may live in another database, so a store must not enforce the reference.",
			prove: func(p *probe) {
				u := p.addUser(p.a, newUser("ann"))
				t := p.addToken(p.a, newToken("one", u.ID))
				u.SessionEpoch++
				p.must(p.a.Users.Update(p.ctx(), u), "Update of the user")
				p.checkToken(t, "after Update of its user")
				p.must(p.a.Users.Delete(p.ctx(), u.ID), "Delete of the user")
				p.checkToken(t, "after Delete of its user")
			},
		},
		{
			id:    "together/durable",
			quote: durableQuote,
			needs: []Ability{Durability, Closing},
			prove: func(p *probe) {
				u := p.addUser(p.a, newUser("ann"))
				t := newToken("one", u.ID)
				t.ExpiresAt = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
				p.addToken(p.b, t)
				p.reopen()
				p.checkUser(u, "after opening again")
				p.checkToken(t, "after opening again")
			},
		},
	}
}
