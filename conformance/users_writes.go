package conformance

import (
	"errors"

	"myauth.internal/kit"
)

// userWriteRules are what Create, Update and Delete do about the two keys of a user.
var userWriteRules = []rule{
	{id: "users/create/unique-id", quote: createSameID, prove: func(p *probe) {
		ann, other := newUser("ann"), newUser("other")
		p.add(p.a, ann)
		other.ID = ann.ID
		for _, h := range p.both() {
			p.wantErr(h.Users.Create(p.ctx(), other.User), kit.ErrUserExists, "Create with the ID of another user, through handle %s", h.name)
		}
		p.checkNoEmail(other.Email, "after the refused Create")
	}},
	{id: "users/create/refused-changes-nothing", quote: createTaken, prove: func(p *probe) {
		ann, bob := newUser("ann"), newUser("bob")
		p.add(p.a, ann, bob)
		sameEmail, sameID, both := newUser("other"), newUser("other"), newUser("other")
		sameEmail.Email = "ANN@example.com"
		sameID.ID = ann.ID
		both.ID, both.Email = ann.ID, bob.Email
		for _, u := range []*user{sameEmail, sameID, both, ann} {
			p.wantErr(p.b.Users.Create(p.ctx(), u.User), kit.ErrUserExists, "Create of %s, %s", brief(u.ID), brief(u.Email))
		}
		p.check(ann, "after refused Creates")
		p.check(bob, "after refused Creates")
		p.checkFree("after a Create with it was refused for its other key", sameEmail.ID, sameID.Email)
	}},
	{id: "users/create/nothing-else-is-unique", quote: usernameNotKey, prove: func(p *probe) {
		ann, bob := newUser("ann"), newUser("bob")
		p.add(p.a, ann, bob)
		same := ann.copy()
		same.ID, same.Email = "another", "another@example.com"
		p.wantErr(p.b.Users.Create(p.ctx(), same.User), nil, "Create of a user who differs from another in ID and Email alone")
		bob.Username, bob.PasswordHash = ann.Username, ann.PasswordHash
		p.wantErr(p.b.Users.Update(p.ctx(), bob.User), nil, "Update to the Username and PasswordHash of another user")
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
		for _, taken := range []string{"bob@example.com", "BOB@Example.com"} {
			for _, h := range p.both() {
				u := ann.copy()
				u.Email = taken
				p.wantErr(h.Users.Update(p.ctx(), u.User), kit.ErrUserExists, "Update to %s, which is another user's, through handle %s", brief(taken), h.name)
			}
		}
		bob.Email = "bob.moved@example.com"
		p.must(p.a.Users.Update(p.ctx(), bob.User), "Update of the address")
		ann.Email = bob.Email
		p.wantErr(p.b.Users.Update(p.ctx(), ann.User), kit.ErrUserExists, "Update to %s, to which another user has moved", brief(ann.Email))
	}},
	{id: "users/update/taken-email-changes-nothing", quote: updateTaken, prove: func(p *probe) {
		ann, bob := newUser("ann"), newUser("bob")
		p.add(p.a, ann, bob)
		u := ann.copy()
		for _, change := range userKind.changes {
			change(u)
		}
		u.Email = bob.Email
		_ = p.b.Users.Update(p.ctx(), u.User) // the answer is another case's matter
		p.check(ann, "after a refused Update")
		p.check(bob, "after another user's refused Update")
		p.must(p.a.Users.Update(p.ctx(), ann.User), "Update at the Version from before")
		third := newUser("third")
		third.Email = ann.Email
		p.wantErr(p.b.Users.Create(p.ctx(), third.User), kit.ErrUserExists, "Create with the address that a user kept whose Update was refused")
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

		second, third := newUser("second"), newUser("third")
		second.Email, third.Email = "ANN@EXAMPLE.COM", "Ann.Moved@example.org"
		p.wantErr(p.b.Users.Create(p.ctx(), second.User), nil, "Create with an address that its user gave up")
		p.check(second, "after Create with an address given up")
		p.wantErr(p.b.Users.Create(p.ctx(), third.User), kit.ErrUserExists, "Create with an address that another user moved to")
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
		ann, second, third, moved := newUser("ann"), newUser("second"), newUser("third"), newUser("moved")
		p.add(p.a, ann, third, moved)
		p.must(p.a.Users.Delete(p.ctx(), ann.ID), "Delete")
		second.Email = "Ann@example.com"
		p.wantErr(p.b.Users.Create(p.ctx(), second.User), nil, "Create with the address of a deleted user")
		p.check(second, "after Create with the address of a deleted user")

		p.must(p.b.Users.Delete(p.ctx(), third.ID), "Delete")
		first := moved.Email
		moved.Email = third.Email
		p.wantErr(p.a.Users.Update(p.ctx(), moved.User), nil, "Update to the address of a deleted user")
		p.must(p.a.Users.Delete(p.ctx(), moved.ID), "Delete")
		p.checkFree("after Delete of a user who had moved", moved.Email, first)
	}},
}
