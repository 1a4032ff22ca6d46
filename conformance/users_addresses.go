package conformance

import "fmt"

// userAddressRules are about which addresses are one.
var userAddressRules = []rule{
	{id: "users/create/keeps-spelling", quote: everyField, prove: func(p *probe) {
		ann := newUser("ann")
		ann.Email = "Ann.O'Brien+News@EXAMPLE.Com"
		p.add(p.a, ann)
		p.check(ann, "after Create")
	}},
	{id: "users/by-email/ascii-case", quote: byEmail, prove: func(p *probe) {
		p.checkNoEmail("ann@example.com", "in an empty store")
		ann, bob := newUser("ann"), newUser("bob")
		ann.Email = "Ann@Example.com"
		p.add(p.a, ann, bob)
		for spelling, want := range map[string]*user{
			"Ann@Example.com": ann, "ann@example.com": ann, "ANN@EXAMPLE.COM": ann, "aNN@eXAMPLE.com": ann,
			"bob@example.com": bob, "BOB@EXAMPLE.COM": bob, "Bob@Example.com": bob,
		} {
			for _, h := range p.both() {
				got, err := h.Users.ByEmail(p.ctx(), spelling)
				p.want(&user{got}, err, want, "ByEmail of %s through handle %s", brief(spelling), h.name)
			}
		}
		for _, email := range []string{
			"", "ann", "ann@", "@example.com", "ann@example.co", "ann@example.comm", "a@example.com",
			" ann@example.com", "ann@example.com ", "ann@example.com.",
			"%", "ann@example%", "___@example.com", "*", "ann@example_com", ann.ID, ann.Username, "' OR ''='",
		} {
			p.checkNoEmail(email, "beside ann@example.com")
		}
	}},
	{id: "users/by-email/no-other-folding", quote: noOtherFolding, prove: func(p *probe) {
		for i, pair := range lookalikeAddresses() {
			one, two := newUser(fmt.Sprint("one", i)), newUser(fmt.Sprint("two", i))
			one.Email, two.Email = pair[i/2%2], pair[1-i/2%2]
			p.add(p.a, one)
			p.check(one, "after Create")
			p.checkNoEmail(two.Email, fmt.Sprintf("while only %+q exists", one.Email))
			p.wantErr(p.a.Users.Create(p.ctx(), two.User), nil, "Create of %+q while %+q exists", two.Email, one.Email)
			three := newUser(fmt.Sprint("three", i))
			p.add(p.a, three)
			p.must(p.b.Users.Delete(p.ctx(), two.ID), "Delete")
			three.Email = two.Email
			p.wantErr(p.b.Users.Update(p.ctx(), three.User), nil, "Update to %+q while %+q exists", two.Email, one.Email)
		}
	}},
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
