package conformance

import (
	"fmt"
	"strings"
	"time"

	"myauth.internal/kit"
)

// wantDeleted calls Delete and wants it to report gone.
func (p *probe) wantDeleted(h *handle, id string, gone bool, what string) {
	got, err := h.Tokens.Delete(p.ctx(), id)
	if got != gone || err != nil {
		p.failf("Delete of %s, through handle %s: got %t, error %v, want %t and none", what, h.name, got, err, gone)
	}
}

var tokenDeleteRules = []rule{
	{
		id:    "tokens/delete/removes",
		quote: "Delete removes the token with that ID",
		prove: func(p *probe) {
			one, two := p.addToken(p.a, newToken("one", "ann")), p.addToken(p.a, newToken("two", "ann"))
			p.checkToken(one, "before Delete")
			p.wantDeleted(p.b, one.ID, true, "a token")
			p.checkNoToken(one, "after Delete")
			p.checkToken(two, "after Delete of another token")
			n, err := p.a.Tokens.DeleteExpired(p.ctx(), one.ExpiresAt, 10)
			if err != nil || n != 1 {
				p.failf("DeleteExpired of what Delete left: got %d, error %v, want 1", n, err)
			}
		},
	},
	{
		id:    "tokens/delete/any-version",
		quote: "whatever its version",
		prove: func(p *probe) {
			for i, version := range []int64{0, 1, 7, -3} {
				t := newToken(string('a'+rune(i)), "ann")
				t.Version = version
				p.addToken(p.a, t)
				p.wantDeleted(p.b, t.ID, true, fmt.Sprint("a token at Version ", version))
				p.checkNoToken(t, "after Delete")
			}
			t := p.addToken(p.a, newReset("updated", "ann"))
			p.must(p.a.Tokens.Update(p.ctx(), t), "Update")
			p.wantDeleted(p.b, t.ID, true, "a reset token after an Update")
			p.checkNoToken(t, "after Delete")
		},
	},
	{
		id:    "tokens/delete/absent",
		quote: "and an absent token is false without an error",
		prove: func(p *probe) {
			one := p.addToken(p.a, newToken("one", "ann"))
			for _, id := range []string{"", tokenID("two"), one.ID[:21], strings.ToLower(one.ID), one.ID[:21] + "_", "%", one.UserID} {
				p.wantDeleted(p.a, id, false, "an ID that never was, "+brief(id))
			}
			p.checkToken(one, "after Deletes of other IDs")
			purged := p.addExpiring("purged", epoch.Add(-time.Hour))
			p.wantPurged(p.a, epoch, 10, 1)
			p.wantDeleted(p.b, purged.ID, false, "a token that DeleteExpired has removed")
		},
	},
	{
		id:    "tokens/delete/reports-this-call",
		quote: "reports whether this very call removed it",
		prove: func(p *probe) {
			for i, t := range []kit.Token{newToken("one", "ann"), newReset("two", "ann")} {
				p.addToken(p.a, t)
				first, second := p.both()[i], p.both()[1-i]
				p.wantDeleted(first, t.ID, true, "a token")
				p.wantDeleted(second, t.ID, false, "a token that another call removed")
				p.wantDeleted(first, t.ID, false, "a token that an earlier call removed")
			}
		},
	},
}
