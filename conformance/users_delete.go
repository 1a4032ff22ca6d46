package conformance

import (
	"myauth.internal/kit"
)

var userDeleteRules = []rule{
	{
		id:    "users/delete/removes",
		quote: "Delete removes the user with that ID",
		prove: func(p *probe) {
			ann, bob := p.addUser(p.a, newUser("ann")), p.addUser(p.a, newUser("bob"))
			p.checkUser(ann, "before Delete")
			p.must(p.b.Users.Delete(p.ctx(), ann.ID), "Delete")
			p.checkNoUser(ann.ID, "after Delete")
			p.checkNoEmail(ann.Email, "after Delete of its user")
			p.checkUser(bob, "after Delete of another user")
		},
	},
	{
		id:    "users/delete/any-version",
		quote: "whatever its version",
		prove: func(p *probe) {
			for i, version := range []int64{0, 1, 7, -3} {
				u := newUser(string('a' + rune(i)))
				u.Version = version
				p.addUser(p.a, u)
				p.wantErr(p.b.Users.Delete(p.ctx(), u.ID), nil, "Delete of a user at Version %d", version)
				p.checkNoUser(u.ID, "after Delete")
			}
			u := p.addUser(p.a, newUser("updated"))
			p.must(p.a.Users.Update(p.ctx(), u), "Update")
			p.wantErr(p.b.Users.Delete(p.ctx(), u.ID), nil, "Delete of a user after an Update")
			p.checkNoUser(u.ID, "after Delete")
		},
	},
	{
		id:    "users/delete/frees-address",
		quote: "and frees its address",
		prove: func(p *probe) {
			ann := p.addUser(p.a, newUser("ann"))
			p.must(p.a.Users.Delete(p.ctx(), ann.ID), "Delete")
			second := newUser("second")
			second.Email = "Ann@example.com"
			p.wantErr(p.b.Users.Create(p.ctx(), second), nil, "Create with the address of a deleted user")
			p.checkUser(second, "after Create with the address of a deleted user")

			third, moved := p.addUser(p.a, newUser("third")), p.addUser(p.a, newUser("moved"))
			p.must(p.b.Users.Delete(p.ctx(), third.ID), "Delete")
			moved.Email = third.Email
			p.wantErr(p.a.Users.Update(p.ctx(), moved), nil, "Update to the address of a deleted user")
			p.must(p.a.Users.Delete(p.ctx(), moved.ID), "Delete")
			for _, email := range []string{moved.Email, newUser("moved").Email} {
				p.userFree("after Delete of a user who had moved", func(u *kit.User) { u.Email = email })
			}
		},
	},
	{
		id:    "users/delete/absent",
		quote: "It returns [ErrNotFound] when there is none",
		prove: func(p *probe) {
			ann := p.addUser(p.a, newUser("ann"))
			for _, id := range []string{"", "nobody", "user-an", "USER-ANN", "user-%", ann.Email} {
				p.wantErr(p.a.Users.Delete(p.ctx(), id), kit.ErrNotFound, "Delete of %s, which never was", brief(id))
			}
			p.checkUser(ann, "after Deletes of other IDs")
			p.must(p.a.Users.Delete(p.ctx(), ann.ID), "Delete")
			for _, h := range p.both() {
				p.wantErr(h.Users.Delete(p.ctx(), ann.ID), kit.ErrNotFound, "Delete of a deleted user, through handle %s", h.name)
			}
		},
	},
}
