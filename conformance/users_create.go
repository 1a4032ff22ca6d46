package conformance

import (
	"fmt"

	"myauth.internal/kit"
)

var userCreateRules = []rule{
	{
		id:    "users/create/adds",
		quote: "Create adds u.",
		prove: func(p *probe) {
			ann := p.addUser(p.a, newUser("ann"))
			p.checkUser(ann, "after Create")
			bob := p.addUser(p.b, newUser("bob"))
			p.checkUser(bob, "after Create")
			p.checkUser(ann, "after Create of another user")
		},
	},
	{
		id:    "users/create/unique-email",
		quote: "It returns [ErrUserExists] when there is a user with the same [EmailKey]",
		prove: func(p *probe) {
			ann := p.addUser(p.a, newUser("ann"))
			for _, h := range p.both() {
				other := newUser("other")
				other.Email = ann.Email
				p.wantErr(h.Users.Create(p.ctx(), other), kit.ErrUserExists,
					"Create of a second user with %s through handle %s", brief(other.Email), h.name)
			}
		},
	},
	{
		id:    "users/create/unique-email-ascii-case",
		quote: "when there is a user with the same [EmailKey]",
		prove: func(p *probe) {
			for i, pair := range [][2]string{
				{"ann@example.com", "ANN@EXAMPLE.COM"},
				{"Bob@Example.Com", "bob@example.com"},
				{"aZ[\\]^_`{|}~@example.com", "Az[\\]^_`{|}~@EXAMPLE.com"},
				{"Ünïcode.ſ.İ@Example.COM", "Ünïcode.ſ.İ@exAMPLE.com"},
			} {
				first, second := newUser(fmt.Sprint("first", i)), newUser(fmt.Sprint("second", i))
				first.Email, second.Email = pair[0], pair[1]
				p.addUser(p.a, first)
				p.wantErr(p.b.Users.Create(p.ctx(), second), kit.ErrUserExists,
					"Create of %s while %s exists", brief(second.Email), brief(first.Email))
			}
		},
	},
	{
		id:    "users/create/no-other-folding",
		quote: "No other folding applies: U+212A KELVIN SIGN is not k.",
		prove: func(p *probe) {
			for i, pair := range lookalikeAddresses() {
				first, second := newUser(fmt.Sprint("one", i)), newUser(fmt.Sprint("two", i))
				first.Email, second.Email = pair[0], pair[1]
				p.addUser(p.a, first)
				p.wantErr(p.a.Users.Create(p.ctx(), second), nil,
					"Create of %+q while %+q exists", second.Email, first.Email)
			}
		},
	},
	{
		id:    "users/create/unique-id",
		quote: "or with the same ID",
		prove: func(p *probe) {
			ann := p.addUser(p.a, newUser("ann"))
			other := newUser("other")
			other.ID = ann.ID
			for _, h := range p.both() {
				p.wantErr(h.Users.Create(p.ctx(), other), kit.ErrUserExists,
					"Create with the ID of another user, through handle %s", h.name)
			}
			p.checkNoEmail(other.Email, "after the refused Create")
		},
	},
	{
		id:    "users/create/refused-changes-nothing",
		quote: "It returns [ErrUserExists] when there is a user with the same [EmailKey], or with the same ID",
		prove: func(p *probe) {
			ann, bob := p.addUser(p.a, newUser("ann")), p.addUser(p.a, newUser("bob"))
			sameEmail, sameID, both := newUser("other"), newUser("other"), newUser("other")
			sameEmail.Email = "ANN@example.com"
			sameID.ID = ann.ID
			both.ID, both.Email = ann.ID, bob.Email
			for _, u := range []kit.User{sameEmail, sameID, both, ann} {
				p.wantErr(p.b.Users.Create(p.ctx(), u), kit.ErrUserExists, "Create of %s, %s", brief(u.ID), brief(u.Email))
			}
			p.checkUser(ann, "after refused Creates")
			p.checkUser(bob, "after refused Creates")
			p.checkNoUser(sameEmail.ID, "after its Create was refused")
			p.checkNoEmail(sameID.Email, "after its Create was refused")
			p.userFree("after a Create with it was refused for its address", func(u *kit.User) { u.ID = sameEmail.ID })
			p.userFree("after a Create with it was refused for its ID", func(u *kit.User) { u.Email = sameID.Email })
		},
	},
	{
		id:    "users/create/nothing-else-is-unique",
		quote: "it is not unique",
		prove: func(p *probe) {
			ann := p.addUser(p.a, newUser("ann"))
			same := ann.Clone()
			same.ID, same.Email = "another", "another@example.com"
			p.wantErr(p.b.Users.Create(p.ctx(), same), nil, "Create of a user who differs from another in ID and Email alone")
			bob := p.addUser(p.a, newUser("bob"))
			bob.Username, bob.PasswordHash = ann.Username, ann.PasswordHash
			p.wantErr(p.b.Users.Update(p.ctx(), bob), nil, "Update to the Username and PasswordHash of another user")
		},
	},
	{
		id:    "users/create/keeps-spelling",
		quote: "A User comes back as it was stored, field by field: every Unicode string without U+0000 byte for byte",
		prove: func(p *probe) {
			ann := newUser("ann")
			ann.Email = "Ann.O'Brien+News@EXAMPLE.Com"
			p.addUser(p.a, ann)
			for _, spelling := range []string{ann.Email, "ann.o'brien+news@example.com", "ANN.O'BRIEN+NEWS@EXAMPLE.COM"} {
				for _, h := range p.both() {
					got, err := h.Users.ByEmail(p.ctx(), spelling)
					p.wantUser(got, err, ann, "ByEmail of %s", brief(spelling))
				}
			}
			got, err := p.b.Users.ByID(p.ctx(), ann.ID)
			p.wantUser(got, err, ann, "ByID")
		},
	},
	{
		id:    "users/create/keeps-version",
		quote: "u is stored with the Version it has.",
		prove: func(p *probe) {
			for i, version := range []int64{0, 1, 2, 41, -7} {
				u := newUser(string('a' + rune(i)))
				u.Version = version
				p.addUser(p.a, u)
				p.checkUser(u, "after Create")
			}
		},
	},
}

// userFree creates another user with a key that must be free.
func (p *probe) userFree(when string, key func(u *kit.User)) {
	p.made++
	u := newUser(fmt.Sprint("free-", p.made))
	key(&u)
	p.wantErr(p.b.Users.Create(p.ctx(), u), nil, "Create with ID %s and address %s, which nobody has, %s", brief(u.ID), brief(u.Email), when)
}

// lookalikeAddresses are pairs of addresses whose local parts or domains are lookalikes,
// each beside a part that no other pair has.
func lookalikeAddresses() [][2]string {
	var pairs [][2]string
	for i, pair := range lookalikes {
		at := fmt.Sprintf(".%d@example.com", i)
		pairs = append(pairs, [2]string{pair[0] + at, pair[1] + at})
		if pair[0] != "@" {
			at = fmt.Sprintf("domain.%d@", i)
			pairs = append(pairs, [2]string{at + pair[0] + ".example.com", at + pair[1] + ".example.com"})
		}
	}
	return pairs
}

// lookalikes are pairs of local parts that some folding, collation or
// normalisation takes for one, and the contract does not.
var lookalikes = [][2]string{
	{"k", "\u212a"},       // KELVIN SIGN, lower case k
	{"K", "\u212a"},       // and upper case
	{"s", "\u017f"},       // LATIN SMALL LETTER LONG S
	{"S", "\u017f"},       // and upper case
	{"i", "\u0130"},       // LATIN CAPITAL LETTER I WITH DOT ABOVE
	{"I", "\u0130"},       // and upper case
	{"i", "\u0131"},       // LATIN SMALL LETTER DOTLESS I
	{"I", "\u0131"},       // and upper case
	{"a\u030a", "\u00e5"}, // decomposed and composed a with ring
	{"\u00e5", "\u212b"},  // a with ring and ANGSTROM SIGN
	{"\u00e9", "\u00c9"},  // e and E with acute: not ASCII
	{"\u00e9", "e"},       // accents count
	{"ss", "\u00df"},      // sharp s
	{"\u03c3", "\u03c2"},  // sigma and final sigma
	{"a", "\uff41"},       // FULLWIDTH a
	{"fi", "\ufb01"},      // the fi ligature
	{"a", "\u0430"},       // CYRILLIC a
	{"x", "x\u200b"},      // ZERO WIDTH SPACE
	{"x", "x\u00ad"},      // SOFT HYPHEN
	{"x", "x "},           // spaces at the end count
	{"x", "x+tag"},        // mail providers' habits are theirs
	{"xy", "x.y"},
	{"x", " x"},                        // and at the start
	{"\U00010400", "\U00010428"},       // DESERET capital and small long i
	{"[", "{"},                         // ASCII that differs by the bit of case
	{"@", "`"},                         // and is no letter
	{"x_y", "x%y"},                     // the wildcards of LIKE
	{"\U0001f511", "\U0001f512"},       // outside the basic plane
	{"x\u0301\u0323", "x\u0323\u0301"}, // combining characters in another order
}
