package conformance

import (
	"errors"

	"myauth.internal/kit"
)

// Parts of one sentence.
const (
	durableQuote = "A write that was acknowledged is durable, to the degree that the store's own documentation says"
	visibleQuote = "and every later read sees it, through whatever handle"
)

// reopen closes every handle and opens two new ones on the same data.
func (p *probe) reopen() {
	p.closeAll()
	p.a, p.b = p.open(), p.open()
}

// persistenceRules are the rules about what becomes of a write.
func persistenceRules(k kind) []rule {
	return []rule{
		{
			id:    k.name + "/durable/reopen",
			quote: durableQuote,
			needs: []Ability{Durability, Closing},
			prove: func(p *probe) {
				kept, gone := k.register(p, "kept"), k.register(p, "gone")
				for _, r := range []*register{kept, gone} {
					p.must(r.create(p.a, 1), "Create")
				}
				p.reopen()
				p.wantRegister(kept, 1, 0, "after Create and opening again")
				p.must(kept.update(p.b, 2, 0), "Update")
				p.must(gone.delete(p.b), "Delete")
				p.reopen()
				p.wantRegister(kept, 2, 1, "after Update and opening again")
				p.wantNoRegister(gone, "after Delete and opening again")
				p.wantErr(kept.update(p.a, 3, 0), kit.ErrConflict, "Update with the Version from before the last, after opening again")
				p.wantErr(kept.create(p.a, 4), kept.taken, "Create of what exists, after opening again")
			},
		},
		{
			id:    k.name + "/visible/other-handle",
			quote: visibleQuote,
			prove: func(p *probe) {
				for round := range 4 {
					writer, reader := p.both()[round%2], p.both()[1-round%2]
					r := k.register(p, "r"+string('a'+rune(round)))
					// Reads before each write fill whatever cache there is.
					p.wantNoRegister(r, "before Create")
					p.must(r.create(writer, 1), "Create")
					p.wantRegister(r, 1, 0, "after Create through the other handle")
					for n := int64(0); n < 3; n++ {
						p.must(r.update(writer, n+10, n), "Update")
						p.wantRegister(r, n+10, n+1, "after Update through the other handle")
						writer, reader = reader, writer
					}
					p.must(r.delete(writer), "Delete")
					p.wantNoRegister(r, "after Delete through the other handle")
				}
			},
		},
		{
			id:    k.name + "/visible/new-handle",
			quote: visibleQuote,
			prove: func(p *probe) {
				r := k.register(p, "one")
				p.must(r.create(p.a, 1), "Create")
				third := p.open()
				value, version, err := r.read(third)
				if value != 1 || version != 0 || err != nil {
					p.failf("a read through a handle opened after Create: got value %d, version %d, error %v, want 1, 0 and none", value, version, err)
				}
				p.must(r.update(third, 2, 0), "Update through the new handle")
				p.wantRegister(r, 2, 1, "after Update through a new handle")
			},
		},
	}
}

// wantRegister reads r in every way through both handles.
func (p *probe) wantRegister(r *register, value, version int64, when string) {
	for _, h := range p.both() {
		for i, read := range r.reads() {
			gotValue, gotVersion, err := read(h)
			if gotValue != value || gotVersion != version || err != nil {
				p.failf("%s through handle %s %s: got value %d, version %d, error %v, want %d, %d and none",
					r.readNames[i], h.name, when, gotValue, gotVersion, err, value, version)
			}
		}
	}
}

// wantNoRegister wants r absent, in every way, through both handles.
func (p *probe) wantNoRegister(r *register, when string) {
	for _, h := range p.both() {
		for i, read := range r.reads() {
			if _, _, err := read(h); !errors.Is(err, kit.ErrNotFound) {
				p.failf("%s through handle %s %s: got error %v, want kit.ErrNotFound", r.readNames[i], h.name, when, err)
			}
		}
	}
}
