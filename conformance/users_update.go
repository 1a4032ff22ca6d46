package conformance

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"myauth.internal/kit"
)

var userUpdateRules = []rule{
	{
		id:    "users/update/replaces",
		quote: "Update replaces the record with u's ID by u",
		prove: func(p *probe) {
			u, bystander := p.addUser(p.a, newUser("ann")), p.addUser(p.a, newUser("bob"))
			for i, change := range userChanges {
				h := p.both()[i%2]
				change(&u)
				p.must(h.Users.Update(p.ctx(), u.Clone()), "Update %d through handle %s", i, h.name)
				u.Version++
				p.checkUser(u, "after Update")
			}
			p.checkUser(bystander, "after Updates of another user")
		},
	},
	{
		id:    "users/update/replaces-by-empty",
		quote: "Update replaces the record with u's ID by u",
		prove: func(p *probe) {
			full := p.addUser(p.a, newUser("ann"))
			empty := kit.User{ID: full.ID, Email: full.Email, Version: full.Version}
			p.must(p.b.Users.Update(p.ctx(), empty), "Update to empty fields")
			empty.Version++
			p.checkUser(empty, "after Update to empty fields")
		},
	},
	{
		id:    "users/update/adds-one-to-version",
		quote: "the record then has Version u.Version+1",
		prove: func(p *probe) {
			for i, version := range []int64{0, 1, 99, -1, -5} {
				u := newUser(string('a' + rune(i)))
				u.Version = version
				p.addUser(p.a, u)
				for range 3 {
					p.must(p.a.Users.Update(p.ctx(), u), "Update at Version %d", u.Version)
					u.Version++
					p.checkUser(u, "after Update")
				}
			}
		},
	},
	{
		id:    "users/update/conflict",
		quote: "but only while the stored Version is u.Version",
		prove: func(p *probe) {
			u := newUser("ann")
			u.Version = 5
			p.addUser(p.a, u)
			for _, version := range []int64{4, 6, 0, -5, 5 + 1<<32, 5 - 1<<32} {
				stale := u
				stale.Version = version
				for _, h := range p.both() {
					p.wantErr(h.Users.Update(p.ctx(), stale), kit.ErrConflict, "Update with Version %d of a user at 5, through handle %s", version, h.name)
				}
			}
			p.must(p.a.Users.Update(p.ctx(), u), "Update with Version 5")
			for _, h := range p.both() {
				p.wantErr(h.Users.Update(p.ctx(), u), kit.ErrConflict, "the same Update again, through handle %s", h.name)
			}
		},
	},
	{
		id:    "users/update/conflict-changes-nothing",
		quote: "Otherwise it changes nothing and returns [ErrConflict]",
		prove: func(p *probe) {
			u := p.addUser(p.a, newUser("ann"))
			for i, change := range userChanges {
				stale := u.Clone()
				stale.Version += int64(i%2*2 - 1)
				change(&stale)
				_ = p.b.Users.Update(p.ctx(), stale) // the answer is another rule's matter
				p.checkUser(u, "after an Update with another Version")
			}
			p.checkNoEmail("ann.new@example.com", "after the refused Updates")
			p.userFree("after refused Updates to it", func(u *kit.User) { u.Email = "ann.new@example.com" })
		},
	},
	{
		id:    "users/update/absent",
		quote: "or [ErrNotFound] when there is no such user",
		prove: func(p *probe) {
			ghost := newUser("ghost")
			for _, version := range []int64{0, 1} {
				ghost.Version = version
				for _, h := range p.both() {
					p.wantErr(h.Users.Update(p.ctx(), ghost), kit.ErrNotFound, "Update of a user that never was, through handle %s", h.name)
				}
			}
			ann := p.addUser(p.a, newUser("ann"))
			for _, id := range []string{strings.ToUpper(ann.ID), ann.ID + " "} {
				alike := ann.Clone()
				alike.ID, alike.Email, alike.Username = id, "somebody.else@example.com", "somebody else"
				p.wantErr(p.b.Users.Update(p.ctx(), alike), kit.ErrNotFound, "Update of %q beside a user %q", id, ann.ID)
			}
			p.checkUser(ann, "after Updates of IDs that look like its own")
			p.checkNoUser(ghost.ID, "after its Update was refused")
			p.checkNoEmail(ghost.Email, "after its Update was refused")

			gone := p.addUser(p.a, newUser("gone"))
			p.must(p.a.Users.Delete(p.ctx(), gone.ID), "Delete")
			p.wantErr(p.b.Users.Update(p.ctx(), gone), kit.ErrNotFound, "Update of a deleted user")
			p.checkNoUser(gone.ID, "after Delete and Update")
			for _, u := range []kit.User{ghost, gone} {
				p.userFree("after Updates of no user", func(free *kit.User) { free.ID = u.ID })
				p.userFree("after Updates of no user", func(free *kit.User) { free.Email = u.Email })
			}
		},
	},
	{
		id:    "users/update/taken-email",
		quote: "It returns [ErrUserExists], and changes nothing, when u's Email belongs to another user.",
		prove: func(p *probe) {
			ann, bob := p.addUser(p.a, newUser("ann")), p.addUser(p.a, newUser("bob"))
			for _, taken := range []string{"bob@example.com", "BOB@Example.com"} {
				for _, h := range p.both() {
					u := ann.Clone()
					u.Email = taken
					p.wantErr(h.Users.Update(p.ctx(), u), kit.ErrUserExists, "Update to %s, which is another user's, through handle %s", brief(taken), h.name)
				}
			}
			p.checkUser(ann, "after refused Updates")
			p.checkUser(bob, "after another user's refused Updates")
			bob.Email = "bob.moved@example.com"
			p.must(p.a.Users.Update(p.ctx(), bob), "Update of the address")
			ann.Email = bob.Email
			p.wantErr(p.b.Users.Update(p.ctx(), ann), kit.ErrUserExists, "Update to %s, to which another user has moved", brief(ann.Email))
		},
	},
	{
		id:    "users/update/taken-email-changes-nothing",
		quote: "and changes nothing, when u's Email belongs to another user",
		prove: func(p *probe) {
			ann, bob := p.addUser(p.a, newUser("ann")), p.addUser(p.a, newUser("bob"))
			u := ann.Clone()
			for _, change := range userChanges {
				change(&u)
			}
			u.Email = bob.Email
			_ = p.b.Users.Update(p.ctx(), u) // the answer is another rule's matter
			p.checkUser(ann, "after a refused Update")
			p.checkUser(bob, "after another user's refused Update")
			p.must(p.a.Users.Update(p.ctx(), ann), "Update at the Version from before")
			third := newUser("third")
			third.Email = ann.Email
			p.wantErr(p.b.Users.Create(p.ctx(), third), kit.ErrUserExists, "Create with the address that a user kept whose Update was refused")
		},
	},
	{
		id:    "users/update/moves-email",
		quote: "Update replaces the record with u's ID by u",
		prove: func(p *probe) {
			ann := p.addUser(p.a, newUser("ann"))
			old := ann.Email
			p.checkUser(ann, "before Update")
			ann.Email = "ann.moved@example.org"
			p.must(p.a.Users.Update(p.ctx(), ann), "Update of the address")
			ann.Version++
			p.checkUser(ann, "after Update of the address")
			p.checkNoEmail(old, "after its user moved away")

			second := newUser("second")
			second.Email = "ANN@EXAMPLE.COM"
			p.wantErr(p.b.Users.Create(p.ctx(), second), nil, "Create with an address that its user gave up")
			p.checkUser(second, "after Create with an address given up")
			third := newUser("third")
			third.Email = "Ann.Moved@example.org"
			p.wantErr(p.b.Users.Create(p.ctx(), third), kit.ErrUserExists, "Create with an address that another user moved to")
		},
	},
	{
		id:    "users/update/own-spelling",
		quote: "when u's Email belongs to another user",
		prove: func(p *probe) {
			ann := p.addUser(p.a, newUser("ann"))
			for _, spelling := range []string{"Ann@Example.com", "ANN@EXAMPLE.COM", "ann@example.com"} {
				ann.Email = spelling
				p.must(p.b.Users.Update(p.ctx(), ann), "Update to another spelling of the user's own address, %s", brief(spelling))
				ann.Version++
				p.checkUser(ann, "after Update of the spelling")
			}
		},
	},
	{
		id:    "users/update/lookalike-email",
		quote: "No other folding applies: U+212A KELVIN SIGN is not k.",
		prove: func(p *probe) {
			mark, kelvin := newUser("mark"), newUser("kelvin")
			p.addUser(p.a, mark)
			p.addUser(p.a, kelvin)
			kelvin.Email = "mar\u212a@example.com"
			p.must(p.a.Users.Update(p.ctx(), kelvin), "Update to %+q while %+q exists", kelvin.Email, mark.Email)
			kelvin.Version++
			p.checkUser(kelvin, "after Update")
			p.checkUser(mark, "after Update of a look-alike")
		},
	},
	{
		id:    "users/update/stale-and-taken",
		quote: "Otherwise it changes nothing and returns [ErrConflict]",
		prove: func(p *probe) {
			ann, bob := p.addUser(p.a, newUser("ann")), p.addUser(p.a, newUser("bob"))
			u := ann.Clone()
			u.Email, u.Version = bob.Email, ann.Version+1
			err := p.b.Users.Update(p.ctx(), u)
			if !errors.Is(err, kit.ErrConflict) && !errors.Is(err, kit.ErrUserExists) {
				p.failf("Update with another Version to another user's address: got %v, want kit.ErrConflict (or kit.ErrUserExists, which holds as well)", err)
			}
			p.checkUser(ann, "after a refused Update")
			p.checkUser(bob, "after another user's refused Update")
		},
	},
}

// userChanges change every field that an Update can change, one or a few at a
// time.
var userChanges = []func(u *kit.User){
	func(u *kit.User) { u.Email = "ann.new@example.com" },
	func(u *kit.User) { u.Username = "Somebody Else" },
	func(u *kit.User) { u.PasswordHash = "$2a$10$changed" },
	func(u *kit.User) { u.Roles = []string{"zebra", "ant"} },
	func(u *kit.User) { u.Settings = json.RawMessage(`{"changed":[1,2,3]}`) },
	func(u *kit.User) { u.Verified = !u.Verified },
	func(u *kit.User) { u.Active = !u.Active },
	func(u *kit.User) { u.SessionEpoch += 40 },
	func(u *kit.User) { u.CreatedAt = u.CreatedAt.Add(-time.Microsecond) },
	func(u *kit.User) { u.UpdatedAt = u.UpdatedAt.Add(time.Microsecond) },
	func(u *kit.User) { u.Roles, u.Settings = nil, nil },
}
