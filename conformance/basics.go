package conformance

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"myauth.internal/kit"
)

// versions are stored Versions. The cases that use them present others beside each: the
// neighbours, and what an int32 or a float64 takes for the same.
var versions = []int64{0, 1, 5, 41, -7, math.MaxInt32 + 1, 1<<53 - 1, 1<<53 + 1, -(1<<53 + 1), math.MaxInt64 - 1}

// otherVersions are those that a record at this one refuses.
func otherVersions(version int64) []int64 {
	all := []int64{version - 1, version + 1, 0, -version, version + 1<<32, version - 1<<32, int64(int32(version))}
	return slices.DeleteFunc(all, func(other int64) bool { return other == version })
}

// basicRules are what each method does for one caller.
func basicRules(k kind) []rule {
	return []rule{
		{id: k.name + "/create/adds", quote: createAdds, prove: func(p *probe) {
			ann, bob := k.fresh("ann"), k.fresh("bob")
			p.add(p.a, ann)
			p.check(ann, "after Create")
			p.add(p.b, bob)
			p.check(bob, "after Create")
			p.check(ann, "after Create of another")
		}},
		{id: k.name + "/create/keeps-version", quote: createVersion, prove: func(p *probe) {
			for i, version := range versions {
				r := atVersion(k.fresh(fmt.Sprint("n", i)), version)
				p.add(p.a, r)
				p.check(r, "after Create")
			}
		}},
		{id: k.name + "/create/nothing-else-is-unique", quote: nothingElse[k.name], prove: func(p *probe) {
			for i, r := range append(k.odd(), k.fresh("ann")) {
				same := r.as(k.fresh(fmt.Sprint("same", i)))
				changed := same.clone()
				for _, change := range k.changes {
					change(changed)
				}
				p.add(p.a, r)
				p.wantErr(same.create(p.ctx(), p.b), nil, "Create of a record like another but for its ID and address")
				p.check(same, "after Create")
				p.must(same.delete(p.ctx(), p.a), "Delete")
				p.add(p.a, changed)
				p.wantErr(same.update(p.ctx(), p.b), nil, "Update to what another record has, but for its ID and address")
			}
		}},
		{id: k.name + "/by-id/exact", quote: byID, prove: func(p *probe) {
			ann := k.fresh("ann")
			p.checkGone(ann, "in an empty store")
			p.add(p.a, ann)
			for _, id := range unlike(ann.id()) {
				alike := ann.bare()
				alike.setID(id)
				p.wantBoth(kit.ErrNotFound, func(h *handle) error { _, err := alike.byID(p.ctx(), h); return err }, "ByID of %s beside %s", brief(id), brief(ann.id()))
			}
			var similar []record
			for i, id := range k.ids {
				similar = append(similar, k.fresh(fmt.Sprint("n", i)))
				similar[i].setID(id)
			}
			p.add(p.b, similar...)
			for _, r := range similar {
				p.check(r, "among others with similar IDs")
			}
		}},
		{id: k.name + "/update/replaces", quote: updateReplaces, prove: func(p *probe) {
			r, bystander := k.fresh("ann"), k.fresh("bob")
			p.add(p.a, r, bystander)
			for i, change := range append(k.changes, func(record) { r = r.bare() }) {
				h := p.both()[i%2]
				change(r)
				p.must(r.clone().update(p.ctx(), h), "Update %d through handle %s", i, h.name)
				bump(r)
				p.check(r, "after Update")
			}
			p.check(bystander, "after Updates of another")
		}},
		{id: k.name + "/update/version", quote: updateVersion, prove: func(p *probe) {
			for i, version := range versions {
				r := atVersion(k.fresh(fmt.Sprint("n", i)), version)
				p.add(p.a, r)
				for _, other := range otherVersions(version) {
					p.wantBoth(kit.ErrConflict, func(h *handle) error { return atVersion(r, other).update(p.ctx(), h) }, "Update with Version %d of a record at %d", other, version)
				}
				p.must(r.update(p.ctx(), p.a), "Update with Version %d", version)
				p.check(atVersion(r, version+1), "after Update")
				p.wantBoth(kit.ErrConflict, func(h *handle) error { return r.update(p.ctx(), h) }, "the same Update again")
			}
		}},
		{id: k.name + "/update/conflict-changes-nothing", quote: updateConflict, prove: func(p *probe) {
			r, other := k.fresh("ann"), k.fresh("other")
			p.add(p.a, r)
			for i, change := range k.changes {
				stale := r.clone()
				change(stale)
				version, _ := stale.numbers()
				*version += int64(i%2*2 - 1)
				change(other)
				_ = stale.update(p.ctx(), p.b) // the answer is another case's matter
				p.check(r, "after an Update with another Version")
			}
			p.wantErr(other.create(p.ctx(), p.b), nil, "Create of another with what the refused Updates had")
		}},
		{id: k.name + "/update/absent", quote: updateAbsent, prove: func(p *probe) {
			ghost, ann, gone := k.fresh("ghost"), k.fresh("ann"), k.fresh("gone")
			p.add(p.a, ann, gone)
			for _, version := range []int64{0, 1} {
				p.wantBoth(kit.ErrNotFound, func(h *handle) error { return atVersion(ghost, version).update(p.ctx(), h) }, "Update of a record that never was")
			}
			for _, id := range unlike(ann.id())[1:] { // but for the empty one, which no record has
				alike := ann.bare()
				alike.setID(id)
				p.wantErr(alike.update(p.ctx(), p.b), kit.ErrNotFound, "Update of %q beside %q", id, ann.id())
			}
			p.check(ann, "after Updates of IDs that look like its own")
			p.must(gone.delete(p.ctx(), p.a), "Delete")
			p.wantErr(gone.update(p.ctx(), p.b), kit.ErrNotFound, "Update after Delete")
			for _, r := range []record{ghost, gone} {
				p.checkGone(r, "after its Update was refused")
				p.wantErr(r.create(p.ctx(), p.a), nil, "Create after its Update was refused")
			}
		}},
		{id: k.name + "/delete/removes", quote: deleteRemoves[k.name], prove: func(p *probe) {
			bystander, records := k.fresh("bystander"), k.odd()
			p.add(p.a, bystander)
			for i, version := range versions {
				records = append(records, atVersion(k.fresh(fmt.Sprint("n", i)), version))
			}
			for i, r := range records {
				p.add(p.a, r)
				if i%2 == 1 {
					p.must(r.update(p.ctx(), p.a), "Update")
					bump(r)
				}
				p.check(r, "before Delete")
				p.wantErr(r.delete(p.ctx(), p.b), nil, "Delete of %s", describe(r))
				p.checkGone(r, "after Delete")
				p.wantErr(r.delete(p.ctx(), p.both()[i%2]), kit.ErrNotFound, "Delete of what an earlier Delete removed")
			}
			p.check(bystander, "after Delete of others")
		}},
		{id: k.name + "/delete/absent", quote: deleteAbsent[k.name], prove: func(p *probe) {
			ann := k.fresh("ann")
			p.add(p.a, ann)
			for _, id := range append(unlike(ann.id()), k.fresh("ghost").id()) {
				alike := ann.bare()
				alike.setID(id)
				p.wantErr(alike.delete(p.ctx(), p.a), kit.ErrNotFound, "Delete of %s, which never was", brief(id))
			}
			p.check(ann, "after Deletes of other IDs")
		}},
		{id: k.name + "/scale/ten-thousand", quote: createAdds, long: true, unless: coveredBy[k.name], prove: func(p *probe) {
			const many = 10_000
			member := func(i int) record { return k.fresh(fmt.Sprint("member.", i)) }
			p.wantOnly(p.race(racers, func(worker int, h *handle) error {
				for i := worker; i < many; i += racers {
					if err := again(member(i).taken(), func() error { return member(i).create(p.ctx(), h) }); err != nil {
						return err
					}
				}
				return nil
			}), "worker %d")
			for i := 0; i < many; i += 977 {
				p.check(member(i), "among ten thousand")
				p.wantErr(member(i).create(p.ctx(), p.a), member(i).taken(), "Create of what exists among ten thousand")
			}
			for i := 0; i < many; i += 1951 {
				p.must(member(i).delete(p.ctx(), p.b), "Delete among ten thousand")
				p.checkGone(member(i), "after Delete")
				p.check(member(i+1), "after Delete of its neighbour")
			}
		}},
	}
}

// coveredBy are the abilities with which a case of lists has as many records.
var coveredBy = map[string]Ability{userKind.name: Listing}

// unlike returns IDs of no record, which some folding, trimming or pattern takes for id.
func unlike(id string) []string {
	begin := id[:len(id)-1]
	ids := []string{"", begin, begin + "_", begin + "%", begin + "*", id + "a", id + " ", " " + id, "%", "*", strings.ToUpper(id), strings.ToLower(id), "ann", "ann@example.com", "' OR ''='"}
	return slices.DeleteFunc(ids, func(other string) bool { return other == id })
}

// atVersion returns a copy of r with that Version, and bump adds one to that of r.
func atVersion(r record, version int64) record {
	r = r.clone()
	v, _ := r.numbers()
	*v = version
	return r
}

func bump(r record) {
	v, _ := r.numbers()
	*v++
}
