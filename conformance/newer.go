package conformance

import (
	"errors"
	"fmt"

	"myauth.internal/kit"
)

// newerRules are about records that a newer version of MyAuth wrote, as when two versions
// run side by side during an upgrade, or the newer one was taken back.
func newerRules(k kind) []rule {
	// pair creates two records, has each handle read them, and makes the first a newer one.
	pair := func(p *probe) (newer, other record) {
		newer, other = k.fresh("newer"), k.fresh("other")
		p.add(p.a, newer, other)
		p.check(newer, "before a newer version wrote it")
		p.must(p.a.Newer(k.name, newer.id()), "Stores.Newer of a record of %s", k.name)
		return newer, other
	}
	return []rule{
		{id: k.name + "/newer/refused", quote: newerRefused, needs: []Ability{Upgrading}, prove: func(p *probe) {
			newer, other := pair(p)
			for _, h := range append(p.both(), p.open()) {
				for _, read := range p.reads(newer, h) {
					p.wantErr(read.call(p.ctx()), kit.ErrNewerRecord, "%s, which a newer version wrote, through handle %s", read.method, h.name)
				}
			}
			p.check(other, "beside a record that a newer version wrote")
		}},
		{id: k.name + "/newer/unchanged", quote: newerDrops, needs: []Ability{Upgrading}, prove: func(p *probe) {
			newer, other := pair(p)
			refused := func(what string, err error, also error) {
				if err == nil || !errors.Is(err, kit.ErrNewerRecord) && !errors.Is(err, also) {
					p.failf("%s, of a record that a newer version wrote: got error %v, want kit.ErrNewerRecord or %s", what, err, nameOf(also))
				}
				for _, h := range p.both() {
					for _, read := range p.reads(newer, h) {
						p.wantErr(read.call(p.ctx()), kit.ErrNewerRecord, "%s through handle %s after %s", read.method, h.name, what)
					}
				}
			}
			for i, change := range k.changes {
				changed := newer.clone()
				change(changed)
				refused("Update", changed.update(p.ctx(), p.both()[i%2]), kit.ErrConflict)
			}
			for _, h := range p.both() {
				refused("Delete", newer.delete(p.ctx(), h), kit.ErrConflict)
				refused("Create", newer.clone().create(p.ctx(), h), newer.taken())
			}
			if u, ok := newer.(*user); ok { // whose address is not free either
				for i, h := range p.both() {
					thief, mover := newUser(fmt.Sprint("thief", i)), other.(*user).copy()
					thief.Email, mover.Email = u.Email, u.Email
					refused("Create with the address", thief.create(p.ctx(), h), kit.ErrUserExists)
					refused("Update of another to the address", mover.update(p.ctx(), h), kit.ErrUserExists)
				}
			}
			for _, change := range k.changes {
				change(other)
				p.wantErr(other.update(p.ctx(), p.b), nil, "Update of another record, to what was refused")
				bump(other)
			}
			p.check(other, "beside a record that a newer version wrote")
			p.must(other.delete(p.ctx(), p.b), "Delete beside it")
			p.checkGone(other, "after Delete")
		}},
	}
}
