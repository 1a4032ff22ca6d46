package conformance

import (
	"strings"
	"time"

	"myauth.internal/kit"
)

var tokenReadRules = []rule{
	{
		id:    "tokens/by-id/exact",
		quote: "ByID returns the token with that ID",
		prove: func(p *probe) {
			ids := similarIDs()
			for i, id := range ids {
				t := newToken(string('a'+rune(i)), "ann")
				t.ID = id
				p.addToken(p.a, t)
			}
			for i, id := range ids {
				t := newToken(string('a'+rune(i)), "ann")
				t.ID = id
				p.checkToken(t, "among tokens with similar IDs")
			}
		},
	},
	{
		id:    "tokens/by-id/absent",
		quote: "ByID returns the token with that ID, or [ErrNotFound].",
		prove: func(p *probe) {
			p.checkNoToken(newToken("one", "ann"), "in an empty store")
			one := p.addToken(p.a, newToken("one", "ann"))
			for _, id := range []string{"", one.ID[:21], one.ID + "A", strings.ToLower(one.ID), strings.ToUpper(one.ID), "%", one.ID[:21] + "_", one.ID[:21] + "%", "*", one.SessionID, one.UserID, "' OR ''='"} {
				for _, h := range p.both() {
					_, err := h.Tokens.ByID(p.ctx(), id)
					p.wantErr(err, kit.ErrNotFound, "ByID of %s beside %s", brief(id), brief(one.ID))
				}
			}
		},
	},
	{
		id:    "tokens/by-id/expired-and-revoked",
		quote: "An expired or revoked token is returned like any other: judging it is the caller's work.",
		prove: func(p *probe) {
			for i, expires := range []time.Time{{}, time.Unix(0, 0).UTC(), epoch, time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)} {
				for j, revoked := range []time.Time{{}, time.Unix(0, 0).UTC(), epoch} {
					t := newToken(string('a'+rune(i))+string('a'+rune(j)), "ann")
					t.ExpiresAt, t.RevokedAt = expires, revoked
					p.addToken(p.a, t)
					for _, h := range p.both() {
						got, err := h.Tokens.ByID(p.ctx(), t.ID)
						p.wantToken(got, err, t, "ByID of a token with ExpiresAt %v and RevokedAt %v", expires, revoked)
					}
				}
			}
		},
	},
}

// similarIDs are token IDs that a folding, a collation or a pattern confuses,
// in no order.
func similarIDs() []string {
	var ids []string
	for _, tail := range []string{"aa", "aA", "Aa", "AA", "a_", "_a", "a-", "-a", "--", "__", "zz", "ZZ", "00", "99", "0a", "a0", "Z_", "_Z"} {
		ids = append(ids, "similar-token-id-018"+tail)
	}
	// Numbers to a column or client that guesses types.
	ids = append(ids, "0000000000000000000100", "00000000000000000001e2", "00000000000000000001E2", "1234567890123456789012", "1234567890123456789013")
	return ids
}
