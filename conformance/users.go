package conformance

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"myauth.internal/kit"
)

// userKind is [kit.UserStore].
var userKind = kind{
	name:  "users",
	noun:  "user",
	ping:  func(h *handle) (kit.Pinger, bool) { pinger, ok := h.bare.Users.(kit.Pinger); return pinger, ok },
	fresh: func(name string) record { return newUser(name) },
	texted: func(name, text string) record {
		u := newUser(name)
		u.Username, u.PasswordHash = text, kit.Secret(text)
		if text == "" {
			return u
		}
		u.Roles, u.Factors = []string{"first", text, "last"}, []string{text, "next"}
		if email := text + "@example.com"; len(email) <= 254 {
			u.Email = email
		}
		return u
	},
	odd: func() []record {
		ascii, wide := newUser("ascii"), newUser("wide")
		ascii.Email = strings.Repeat("l", 64) + "@" + strings.Repeat(strings.Repeat("d", 60)+".", 3) + "ex.com"
		ascii.Username = strings.Repeat("u", 64)
		ascii.PasswordHash = kit.Secret(strings.Repeat("h", 256))
		wide.Email = strings.Repeat("é", 32) + "@" + strings.Repeat(strings.Repeat("é", 30)+".", 3) + "ex.com"
		wide.Username = strings.Repeat("\U0001f600", 64)
		wide.Roles = []string{strings.Repeat("\U0001f600", 64), strings.Repeat("r", 64)}
		users := []record{ascii, wide}
		for i := range 4 {
			u := newUser("odd" + strconv.Itoa(i))
			u.Verified, u.Active = i&1 != 0, i&2 != 0
			users = append(users, u)
		}
		return users
	},
	changes: []func(r record){
		changeUser(func(u *user) { u.Email = "ann.new@example.com" }),
		changeUser(func(u *user) { u.Username = "Somebody Else" }),
		changeUser(func(u *user) { u.PasswordHash = "$2a$10$changed" }),
		changeUser(func(u *user) { u.Roles = []string{"zebra", "ant"} }),
		changeUser(func(u *user) { u.Settings = json.RawMessage(`{"changed":[1,2,3]}`) }),
		changeUser(func(u *user) { u.Private = json.RawMessage(`{"changed":true}`) }),
		changeUser(func(u *user) { u.Factors = []string{"totp", "a factor"} }),
		changeUser(func(u *user) { u.Verified = !u.Verified }),
		changeUser(func(u *user) { u.Active = !u.Active }),
		changeUser(func(u *user) { u.SessionEpoch += 40 }),
		changeUser(func(u *user) { u.CredentialEpoch += 40 }),
		changeUser(func(u *user) { u.CreatedAt = u.CreatedAt.Add(-time.Microsecond) }),
		changeUser(func(u *user) { u.UpdatedAt = u.UpdatedAt.Add(time.Microsecond) }),
		changeUser(func(u *user) { u.Roles, u.Settings, u.Private, u.Factors = nil, nil, nil, nil }),
	},
	ids: append([]string{"a", "A", "ab", "a-", "a_", "a%", "a*", "a.", "a'b", `a"b`, `a\b`, "a:b", "a{b}", "$a", "~a", " ", "a ", "a/b", ".", "..", "a%2Fb", "a/", strings.Repeat("x", 63), strings.Repeat("x", 64)}, numerals...),

	updates: []change{{"Update", changeUser(func(u *user) {
		u.Email, u.Roles, u.Settings = "changed-"+u.Email, []string{"changed"}, json.RawMessage(`{"changed":1}`)
	})}},
	long: func(p *probe, h *handle) []attempt {
		u := newUser("long")
		u.Settings = json.RawMessage(largeSettings())
		p.add(p.a, u)
		return append(p.longList(h), p.reading(way{method: "ByID of a large user", read: u.byID}, u, h))
	},
	remains: userRemains,
}

func changeUser(change func(u *user)) func(r record) {
	return func(r record) { change(r.(*user)) }
}

// checkNoEmail looks for an address through both handles and wants it absent.
func (p *probe) checkNoEmail(email, when string) {
	for _, h := range p.both() {
		_, err := h.Users.ByEmail(p.ctx(), email)
		p.wantErr(err, kit.ErrNotFound, "ByEmail of %s through handle %s %s", brief(email), h.name, when)
	}
}

// checkFree creates users who have one key each of these: an ID, or an address, that must be free.
func (p *probe) checkFree(when string, keys ...string) {
	for _, key := range keys {
		p.made++
		u := newUser("free-" + strconv.Itoa(p.made))
		if strings.Contains(key, "@") {
			u.Email = key
		} else {
			u.ID = key
		}
		p.wantErr(p.b.Users.Create(p.ctx(), u.User), nil, "Create with ID %s and address %s, which no user has, %s", brief(u.ID), brief(u.Email), when)
	}
}
