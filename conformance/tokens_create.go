package conformance

import (
	"time"

	"myauth.internal/kit"
)

var tokenCreateRules = []rule{
	{
		id:    "tokens/create/adds",
		quote: "Create adds t",
		prove: func(p *probe) {
			one := p.addToken(p.a, newToken("one", "ann"))
			p.checkToken(one, "after Create")
			two := p.addToken(p.b, newReset("two", "ann"))
			p.checkToken(two, "after Create")
			three := p.addToken(p.b, newToken("three", "bob"))
			p.checkToken(three, "after Create")
			p.checkToken(one, "after Create of other tokens")
		},
	},
	{
		id:    "tokens/create/keeps-version",
		quote: "with the Version it has",
		prove: func(p *probe) {
			for i, version := range []int64{0, 1, 2, 41, -7} {
				t := newToken(string('a'+rune(i)), "ann")
				t.Version = version
				p.addToken(p.a, t)
				p.checkToken(t, "after Create")
			}
		},
	},
	{
		id:    "tokens/create/unique-id",
		quote: "It returns [ErrConflict] when there is a token with the same ID, whatever its type",
		prove: func(p *probe) {
			one := p.addToken(p.a, newToken("one", "ann"))
			for what, t := range map[string]kit.Token{
				"the same token":                     one,
				"one of another type":                newReset("one", "ann"),
				"one of another user":                newToken("one", "bob"),
				"one of another type, user and time": {ID: one.ID, Type: kit.PasswordResetToken, UserID: "bob", ExpiresAt: epoch.Add(-time.Hour)},
			} {
				for _, h := range p.both() {
					p.wantErr(h.Tokens.Create(p.ctx(), t), kit.ErrConflict, "Create of %s with an ID that exists, through handle %s", what, h.name)
				}
			}
			two := p.addToken(p.a, newReset("two", "ann"))
			p.wantErr(p.b.Tokens.Create(p.ctx(), newToken("two", "ann")), kit.ErrConflict, "Create of a refresh token with the ID of a reset token")
			p.checkToken(two, "after a refused Create")
		},
	},
	{
		id:    "tokens/create/refused-changes-nothing",
		quote: "It returns [ErrConflict] when there is a token with the same ID, whatever its type",
		prove: func(p *probe) {
			one := p.addToken(p.a, newToken("one", "ann"))
			other := newReset("one", "bob")
			other.ExpiresAt = epoch.Add(-time.Hour)
			_ = p.b.Tokens.Create(p.ctx(), other) // the answer is another rule's matter
			p.checkToken(one, "after a refused Create")
			list, err := p.a.Tokens.ByUser(p.ctx(), "bob", "", 10)
			if err != nil || len(list) != 0 {
				p.failf("ByUser of the user whose Create was refused: got %d tokens, error %v, want none", len(list), err)
			}
			n, err := p.a.Tokens.DeleteExpired(p.ctx(), epoch, 10)
			if err != nil || n != 0 {
				p.failf("DeleteExpired before the stored token's time: got %d, error %v, want 0", n, err)
			}
			p.checkToken(one, "after DeleteExpired before its time")
		},
	},
	{
		id:    "tokens/create/nothing-else-is-unique",
		quote: "It returns [ErrConflict] when there is a token with the same ID, whatever its type",
		prove: func(p *probe) {
			for _, t := range []kit.Token{newToken("one", "ann"), newReset("two", "ann")} {
				p.addToken(p.a, t)
				t.ID = tokenID("as " + t.ID)
				p.wantErr(p.b.Tokens.Create(p.ctx(), t), nil, "Create of a token that differs from another in its ID alone")
				p.checkToken(t, "after Create")
			}
		},
	},
	{
		id:    "tokens/create/expired-already",
		quote: "reads no clock and fills in nothing: what was stored is what comes back",
		prove: func(p *probe) {
			for name, expires := range map[string]time.Time{"zero": {}, "long ago": time.Unix(0, 0).UTC(), "far": time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
				t := newToken(name, "ann")
				t.ExpiresAt = expires
				p.addToken(p.a, t)
				p.checkToken(t, "after Create")
			}
		},
	},
	{
		id:    "tokens/create/no-user-needed",
		quote: "The user may live in another database, so a store must not enforce the reference.",
		prove: func(p *probe) {
			t := newToken("one", "a user that no store knows")
			p.wantErr(p.a.Tokens.Create(p.ctx(), t), nil, "Create of a token whose user does not exist here")
			p.checkToken(t, "after Create")
		},
	},
}
