package conformance

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"myauth.internal/kit"
)

const (
	everyString  = "every Unicode string without U+0000 byte for byte"
	everyInteger = "integers over their whole range"
)

// integers are the edges of int64, and what a float64 or an int32 cannot hold.
var integers = []int64{
	0, 1, -1, math.MaxInt32, math.MaxInt32 + 1, math.MinInt32, math.MinInt32 - 1, math.MaxUint32, math.MaxUint32 + 1,
	1<<53 - 1, 1 << 53, 1<<53 + 1, -(1<<53 + 1), math.MaxInt64 - 1, math.MaxInt64, math.MinInt64, math.MinInt64 + 1,
}

// storeUsers creates each user, and checks it; then updates another to the same
// fields, and checks that.
func (p *probe) storeUsers(users []kit.User) {
	for i, u := range users {
		u.ID, u.Version = fmt.Sprintf("created-%d", i), 1
		if u.Email == "" {
			u.Email = fmt.Sprintf("created.%d@example.com", i)
		}
		if err := p.a.Users.Create(p.ctx(), u.Clone()); err != nil {
			p.failf("Create of %s: got error %v, want none", describeUser(u), err)
			continue
		}
		p.checkUser(u, "after Create")
		p.must(p.a.Users.Delete(p.ctx(), u.ID), "Delete")

		before := newUser(fmt.Sprintf("updated-%d", i))
		p.addUser(p.b, before)
		u.ID = before.ID
		if err := p.b.Users.Update(p.ctx(), u.Clone()); err != nil {
			p.failf("Update to %s: got error %v, want none", describeUser(u), err)
			continue
		}
		u.Version++
		p.checkUser(u, "after Update")
		p.must(p.a.Users.Delete(p.ctx(), u.ID), "Delete")
	}
}

func describeUser(u kit.User) string {
	return fmt.Sprintf("a user with email %s, username %s, roles %s, settings %s, verified %t, active %t, Version %d", brief(u.Email), brief(u.Username), brief(u.Roles), brief(u.Settings), u.Verified, u.Active, u.Version)
}

var userValueRules = []rule{
	{
		id:    "users/values/every-field",
		quote: "A User comes back as it was stored, field by field",
		prove: func(p *probe) {
			var users []kit.User
			for i := range 4 {
				u := newUser("name" + string('a'+rune(i)))
				u.Verified, u.Active = i&1 != 0, i&2 != 0
				users = append(users, u)
			}
			p.storeUsers(users)
		},
	},
	{
		id:    "users/values/fills-in-nothing",
		quote: "reads no clock and fills in nothing: what was stored is what comes back",
		prove: func(p *probe) {
			u := kit.User{ID: "bare", Email: "bare@example.com"}
			p.addUser(p.a, u)
			p.checkUser(u, "after Create with no other field")
			p.must(p.b.Users.Update(p.ctx(), u), "Update with no other field")
			u.Version++
			p.checkUser(u, "after Update with no other field")
		},
	},
	{
		id:    "users/values/unicode",
		quote: everyString,
		prove: func(p *probe) {
			var users []kit.User
			for i, text := range texts {
				u := newUser(fmt.Sprintf("n%d", i))
				u.Username, u.PasswordHash = text, kit.Secret(text)
				if email := text + "@example.com"; text != "" && len(email) <= 254 {
					u.Email = email
				}
				if text != "" {
					u.Roles = []string{"first", text, "last"}
				}
				users = append(users, u)
			}
			p.storeUsers(users)
		},
	},
	{
		id:    "users/values/long-strings",
		quote: everyString,
		prove: func(p *probe) {
			ascii, wide := newUser("ascii"), newUser("wide")
			ascii.Email = strings.Repeat("l", 64) + "@" + strings.Repeat(strings.Repeat("d", 60)+".", 3) + "ex.com"
			ascii.Username = strings.Repeat("u", 64)
			ascii.PasswordHash = kit.Secret(strings.Repeat("h", 256))
			wide.Email = strings.Repeat("é", 32) + "@" + strings.Repeat(strings.Repeat("é", 30)+".", 3) + "ex.com"
			wide.Username = strings.Repeat("\U0001f600", 64)
			wide.Roles = []string{strings.Repeat("\U0001f600", 64), strings.Repeat("r", 64)}
			p.storeUsers([]kit.User{ascii, wide})
		},
	},
	{
		id:    "users/values/roles-order",
		quote: "Roles in their order",
		prove: func(p *probe) {
			var users []kit.User
			for i, roles := range [][]string{
				{"b", "a", "c"}, {"c", "b", "a"}, {"10", "9", "1"},
				{"admin", "Admin", "ADMIN", "admin ", " admin"},
				{"caf\u00e9", "cafe\u0301", "cafe"},
				{"a,b", "a", "b", `["a"]`, "a b", "{a}", `a"b`},
				{" "}, {","}, {`""`},
			} {
				u := newUser(fmt.Sprintf("n%d", i))
				u.Roles = roles
				users = append(users, u)
			}
			p.storeUsers(users)
		},
	},
	{
		id:    "users/values/settings-bytes",
		quote: "Settings byte for byte",
		prove: func(p *probe) {
			var users []kit.User
			for i, text := range settingsTexts {
				u := newUser(fmt.Sprintf("n%d", i))
				u.Settings = json.RawMessage(text)
				users = append(users, u)
			}
			p.storeUsers(users)
		},
	},
	{
		id:    "users/values/settings-deep",
		quote: "Settings byte for byte",
		prove: func(p *probe) {
			u := newUser("ann")
			u.Settings = deepSettings()
			p.storeUsers([]kit.User{u})
		},
	},
	{
		id:    "users/values/large",
		quote: "Settings byte for byte",
		prove: func(p *probe) {
			u := newUser("ann")
			u.Settings, u.Roles = largeSettings(), nil
			for i := range 200 {
				u.Roles = append(u.Roles, fmt.Sprintf("%03d %s", (i*37)%200, strings.Repeat("é", 60)))
			}
			p.storeUsers([]kit.User{u})
		},
	},
	{
		id:    "users/values/integers",
		quote: everyInteger,
		prove: func(p *probe) {
			for i, n := range integers {
				u := newUser(fmt.Sprintf("n%d", i))
				u.SessionEpoch, u.Version = n, n
				p.addUser(p.a, u)
				p.checkUser(u, "after Create")
				if n == math.MaxInt64 {
					continue // there is no Version after this one
				}
				p.wantErr(p.b.Users.Update(p.ctx(), u), nil, "Update at Version %d", n)
				u.Version++
				p.checkUser(u, "after Update")
			}
		},
	},
	{
		id:    "users/values/neighbouring-versions",
		quote: "but only while the stored Version is u.Version",
		prove: func(p *probe) {
			for i, n := range []int64{1<<53 + 1, 1<<53 - 1, -(1<<53 + 1), math.MaxInt64 - 1, math.MaxInt32 + 1} {
				u := newUser(fmt.Sprintf("n%d", i))
				u.Version = n
				p.addUser(p.a, u)
				for _, other := range []int64{n - 1, n + 1, int64(int32(n))} {
					stale := u
					stale.Version = other
					p.wantErr(p.a.Users.Update(p.ctx(), stale), kit.ErrConflict, "Update with Version %d of a user at %d", other, n)
				}
			}
		},
	},
	{
		id:    "users/values/empty-slices",
		quote: "An empty and a nil slice are the same, either may come back for the other.",
		prove: func(p *probe) {
			empty, none := newUser("empty"), newUser("none")
			empty.Roles, empty.Settings = []string{}, json.RawMessage{}
			none.Roles, none.Settings = nil, nil
			p.storeUsers([]kit.User{empty, none})
		},
	},
}
