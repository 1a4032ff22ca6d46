package conformance

import (
	"fmt"
	"strings"

	"myauth.internal/kit"
)

// numerals are IDs that a column of numbers, or a client that guesses types, takes for
// one another or gives back in another form.
var numerals = []string{"7", "007", "+7", "7.0", "1e3", "1E3", "1000", "-0", "0", "0x10", "16", "12345678901234567890", "12345678901234567891", "1.5", "1.50", "true", "null", "NaN", "2024-02-29"}

var userReadRules = []rule{
	{
		id:    "users/by-id/exact",
		quote: "ByID returns the user with that ID",
		prove: func(p *probe) {
			ids := []string{"a", "A", "ab", "a-", "a_", "a%", "a*", "a.", "a'b", `a"b`, `a\b`, "a:b", "a{b}", "$a", "~a", " ", "a ", "a/b", ".", "..", "a%2Fb", "a/", strings.Repeat("x", 63), strings.Repeat("x", 64)}
			ids = append(ids, numerals...)
			for i, id := range ids {
				u := newUser(fmt.Sprint("n", i))
				u.ID = id
				p.addUser(p.a, u)
			}
			for i, id := range ids {
				u := newUser(fmt.Sprint("n", i))
				u.ID = id
				p.checkUser(u, "among users with similar IDs")
			}
		},
	},
	{
		id:    "users/by-id/absent",
		quote: "ByID returns the user with that ID, or [ErrNotFound].",
		prove: func(p *probe) {
			p.checkNoUser("user-ann", "in an empty store")
			ann := p.addUser(p.a, newUser("ann"))
			for _, id := range []string{"", "user-an", "user-anna", "USER-ANN", "user-%", "user____", "*", ann.Email, ann.Username, "' OR ''='"} {
				p.checkNoUser(id, "beside user-ann")
			}
		},
	},
	{
		id:    "users/by-email/ascii-case",
		quote: "ByEmail returns the user whose address has the same [EmailKey] as email",
		prove: func(p *probe) {
			ann, bob := newUser("ann"), newUser("bob")
			ann.Email, bob.Email = "Ann.Smith@Example.com", "bob@example.com"
			p.addUser(p.a, ann)
			p.addUser(p.b, bob)
			for spelling, want := range map[string]kit.User{
				"ann.smith@example.com": ann, "ANN.SMITH@EXAMPLE.COM": ann, "aNN.sMITH@eXAMPLE.COM": ann, "Ann.Smith@Example.com": ann,
				"bob@example.com": bob, "BOB@EXAMPLE.COM": bob, "Bob@Example.com": bob,
			} {
				for _, h := range p.both() {
					got, err := h.Users.ByEmail(p.ctx(), spelling)
					p.wantUser(got, err, want, "ByEmail of %s through handle %s", brief(spelling), h.name)
				}
			}
		},
	},
	{
		id:    "users/by-email/absent",
		quote: "ByEmail returns the user whose address has the same [EmailKey] as email, or [ErrNotFound].",
		prove: func(p *probe) {
			p.checkNoEmail("ann@example.com", "in an empty store")
			ann := p.addUser(p.a, newUser("ann"))
			for _, email := range []string{
				"", "ann", "ann@", "@example.com", "ann@example.co", "ann@example.comm", "a@example.com",
				" ann@example.com", "ann@example.com ", "ann@example.com.",
				"%", "ann@example%", "___@example.com", "*", "ann@example_com", ann.ID, ann.Username, "' OR ''='",
			} {
				p.checkNoEmail(email, "beside ann@example.com")
			}
		},
	},
	{
		id:    "users/by-email/no-other-folding",
		quote: "No other folding applies: U+212A KELVIN SIGN is not k.",
		prove: func(p *probe) {
			for i, pair := range lookalikeAddresses() {
				u := newUser(fmt.Sprint("one", i))
				u.Email = pair[i/2%2]
				p.addUser(p.a, u)
				other := pair[1-i/2%2]
				got, err := p.b.Users.ByEmail(p.ctx(), u.Email)
				p.wantUser(got, err, u, "ByEmail of %+q", u.Email)
				for _, h := range p.both() {
					_, err = h.Users.ByEmail(p.ctx(), other)
					p.wantErr(err, kit.ErrNotFound, "ByEmail of %+q while only %+q exists", other, u.Email)
				}
			}
		},
	},
}
