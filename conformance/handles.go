package conformance

import (
	"fmt"

	"myauth.internal/kit"
)

// reopen closes every handle and opens two new ones on the same data.
func (p *probe) reopen() {
	p.closeAll()
	p.a, p.b = p.open(), p.open()
}

// handleRules are about who sees a write: every handle, and those that are opened later.
func handleRules(k kind) []rule {
	return []rule{
		{id: k.name + "/durable/reopen", quote: durable, needs: []Ability{Durability, Closing}, prove: func(p *probe) {
			kept, gone := k.register(p, "kept"), k.register(p, "gone")
			for _, r := range []*register{kept, gone} {
				p.must(r.create(p.a, 1), "Create")
			}
			p.reopen()
			kept.holds(1, 0, "after Create and opening again")
			p.must(kept.update(p.b, 2, 0), "Update")
			p.must(gone.delete(p.b, 0), "Delete")
			p.reopen()
			kept.holds(2, 1, "after Update and opening again")
			gone.gone("after Delete and opening again")
			p.wantErr(kept.update(p.a, 3, 0), kit.ErrConflict, "Update with the Version from before the last, after opening again")
			p.wantErr(kept.create(p.a, 4), kept.at(0, 0).taken(), "Create of what exists, after opening again")
		}},
		{id: k.name + "/visible/other-handle", quote: visible, prove: func(p *probe) {
			for round := range 4 {
				writer, other := p.both()[round%2], p.both()[1-round%2]
				r := k.register(p, fmt.Sprint("r", round))
				// Reads before each write fill whatever cache there is.
				r.gone("before Create")
				p.must(r.create(writer, 1), "Create")
				r.holds(1, 0, "after Create through the other handle")
				for n := range int64(3) {
					p.must(r.update(writer, n+10, n), "Update")
					r.holds(n+10, n+1, "after Update through the other handle")
					writer, other = other, writer
				}
				p.must(r.delete(writer, 3), "Delete")
				r.gone("after Delete through the other handle")
			}
		}},
		{id: k.name + "/visible/new-handle", quote: visible, prove: func(p *probe) {
			r := k.register(p, "one")
			p.must(r.create(p.a, 1), "Create")
			p.b = p.open()
			r.holds(1, 0, "through a handle opened after Create")
			p.must(r.update(p.b, 2, 0), "Update through the new handle")
			r.holds(2, 1, "after Update through a new handle")
		}},
	}
}
