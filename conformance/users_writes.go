package conformance

import (
	"errors"
	"fmt"

	"myauth.internal/kit"
)

// userWriteRules are what Create, Update and Delete do about the two keys of a user.
var userWriteRules = []rule{
	{id: "users/create/unique", quote: createTaken, prove: func(p *probe) {
		for i, taken := range []struct{ stored, asked string }{ // addresses; those of other keys are asked with the same ID
			{"ann@example.com", "ann@example.com"},
			{"eve@example.com", "EVE@EXAMPLE.COM"},
			{"Bob@Example.Com", "bob@example.com"},
			{"aZ[\\]^_`{|}~@example.com", "Az[\\]^_`{|}~@EXAMPLE.com"},
			{"Ünïcode.ſ.İ@Example.COM", "Ünïcode.ſ.İ@exAMPLE.com"},
			{"joe@example.com", "another.joe@example.com"},
		} {
			stored, asked := newUser(fmt.Sprint("stored", i)), newUser(fmt.Sprint("asked", i))
			stored.Email, asked.Email = taken.stored, taken.asked
			free := asked.ID
			if kit.EmailKey(asked.Email) != kit.EmailKey(stored.Email) {
				asked.ID, free = stored.ID, asked.Email
			}
			p.add(p.a, stored)
			for _, u := range []*user{asked, stored} {
				p.wantBoth(kit.ErrUserExists, func(h *handle) error { return h.Users.Create(p.ctx(), u.User) }, "Create of %s, %s while %s, %s exists", brief(u.ID), brief(u.Email), brief(stored.ID), brief(stored.Email))
				p.check(stored, "after refused Creates")
			}
			p.checkFree("after a Create with it was refused for its other key", free)
		}
	}},
	{id: "users/update/taken-email", quote: updateTaken, prove: func(p *probe) {
		ann, bob := newUser("ann"), newUser("bob")
		p.add(p.a, ann, bob)
		for _, spelling := range []string{"Ann@Example.com", "ANN@EXAMPLE.COM", "ann@example.com"} {
			ann.Email = spelling
			p.must(p.b.Users.Update(p.ctx(), ann.User), "Update to another spelling of the user's own address, %s", brief(spelling))
			ann.Version++
			p.check(ann, "after Update of the spelling")
		}
		u := ann.copy()
		for _, change := range userKind.changes {
			change(u)
		}
		for _, u.Email = range []string{"bob@example.com", "BOB@Example.com"} {
			p.wantBoth(kit.ErrUserExists, func(h *handle) error { return h.Users.Update(p.ctx(), u.User) }, "Update to %s, which is another user's", brief(u.Email))
			p.check(ann, "after a refused Update")
			p.check(bob, "after another user's refused Update")
		}
		p.must(p.a.Users.Update(p.ctx(), ann.User), "Update at the Version from before")
		third := newUser("third")
		third.Email = ann.Email
		p.wantErr(p.b.Users.Create(p.ctx(), third.User), kit.ErrUserExists, "Create with the address that a user kept whose Update was refused")

		bob.Email = "bob.moved@example.com"
		p.must(p.a.Users.Update(p.ctx(), bob.User), "Update of the address")
		ann.Version, ann.Email = ann.Version+1, bob.Email
		p.wantErr(p.b.Users.Update(p.ctx(), ann.User), kit.ErrUserExists, "Update to %s, to which another user has moved", brief(ann.Email))
	}},
	{id: "users/update/moves-email", quote: updateReplaces, prove: func(p *probe) {
		ann := newUser("ann")
		old := ann.Email
		p.add(p.a, ann)
		p.check(ann, "before Update")
		ann.Email = "ann.moved@example.org"
		p.must(p.a.Users.Update(p.ctx(), ann.User), "Update of the address")
		ann.Version++
		p.check(ann, "after Update of the address")
		p.checkNoEmail(old, "after its user moved away")

		third := newUser("third")
		third.Email = "Ann.Moved@example.org"
		p.wantErr(p.b.Users.Create(p.ctx(), third.User), kit.ErrUserExists, "Create with an address that another user moved to")
		p.checkFree("after its user moved away", "ANN@EXAMPLE.COM")
	}},
	{id: "users/update/stale-and-taken", quote: updateConflict, prove: func(p *probe) {
		ann, bob := newUser("ann"), newUser("bob")
		p.add(p.a, ann, bob)
		u := ann.copy()
		u.Email, u.Version = bob.Email, ann.Version+1
		err := p.b.Users.Update(p.ctx(), u.User)
		if !errors.Is(err, kit.ErrConflict) && !errors.Is(err, kit.ErrUserExists) {
			p.failf("Update with another Version to another user's address: got %v, want kit.ErrConflict (or kit.ErrUserExists, which holds as well)", err)
		}
		p.check(ann, "after a refused Update")
		p.check(bob, "after another user's refused Update")
	}},
	{id: "users/delete/frees-address", quote: deleteFrees, prove: func(p *probe) {
		ann, moved := newUser("ann"), newUser("moved")
		p.add(p.a, ann, moved)
		p.must(p.a.Users.Delete(p.ctx(), ann.ID), "Delete")
		first := moved.Email
		moved.Email = "Ann@example.com"
		p.wantErr(p.b.Users.Update(p.ctx(), moved.User), nil, "Update to the address of a deleted user")
		moved.Version++
		p.check(moved, "after Update to the address of a deleted user")
		p.must(p.a.Users.Delete(p.ctx(), moved.ID), "Delete")
		p.checkFree("after Delete of a user who had moved", moved.Email, first)
	}},
}
