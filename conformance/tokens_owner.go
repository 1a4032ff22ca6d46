package conformance

import (
	"context"

	"myauth.internal/kit"
)

// tokenOwnerRules are about [kit.OwnedTokenStore]. Of a store that is none they prove nothing.
var tokenOwnerRules = []rule{
	{id: "tokens/owner/as-by-id", quote: ownerLooks, prove: func(p *probe) {
		u, t := newUser("ann"), newToken("one", "user-ann")
		p.withOwners(func(looks [2]ownerLook) {
			p.add(p.a, newUser("bob"), u, newToken("two", "user-bob"), t)
			for i := range 4 {
				gotToken, gotUser, err := looks[i%2](p.ctx(), t.ID)
				p.want(&token{gotToken}, err, t, "the token that the look-up returns after %d changes", i)
				p.want(&user{gotUser}, err, u, "the user that the look-up returns after %d changes", i)
				scribble(&token{gotToken})
				scribble(&user{gotUser})
				userKind.changes[i%len(userKind.changes)](u)
				tokenKind.changes[i%len(tokenKind.changes)](t)
				p.must(u.update(p.ctx(), p.a), "Update of the user")
				p.must(t.update(p.ctx(), p.b), "Update of the token")
				u.Version++
				t.Version++
			}
		})
	}},
	{id: "tokens/owner/absent", quote: ownerAbsent, prove: func(p *probe) {
		u, t := newUser("ann"), newToken("one", "user-ann")
		p.withOwners(func(looks [2]ownerLook) {
			absent := func(when string) {
				for _, look := range looks {
					_, _, err := look(p.ctx(), t.ID)
					p.wantErr(err, kit.ErrNotFound, "the look-up %s", when)
				}
			}
			absent("in an empty store")
			p.add(p.a, t)
			absent("of a token without its user")
			p.add(p.a, u)
			_, _, err := looks[0](p.ctx(), t.ID)
			p.wantErr(err, nil, "the look-up when both are there")
			p.must(t.delete(p.ctx(), p.a), "Delete of the token")
			absent("after Delete of the token")
			p.add(p.b, t)
			p.must(p.b.Users.Delete(p.ctx(), u.ID), "Delete of the user")
			absent("after Delete of the user")
		})
	}},
	{id: "tokens/owner/newer", quote: ownerRules, needs: []Ability{Upgrading}, prove: func(p *probe) {
		p.withOwners(func(looks [2]ownerLook) {
			for i, kind := range []string{"users", "tokens"} {
				u := newUser([]string{"ann", "bob"}[i])
				t := newToken(kind, u.ID)
				p.add(p.a, u, t)
				p.must(p.a.Newer(kind, []string{u.ID, t.ID}[i]), "Stores.Newer")
				for _, look := range looks {
					_, _, err := look(p.ctx(), t.ID)
					p.wantErr(err, kit.ErrNewerRecord, "the look-up of a token, when a newer version wrote the record in %s", kind)
				}
			}
		})
	}},
	{id: "tokens/owner/elsewhere", quote: ownerElsewhere, prove: func(p *probe) {
		p.withOwners(func([2]ownerLook) {
			wrapper := struct{ kit.UserStore }{p.a.bare.Users}
			if p.a.bare.Tokens.(kit.OwnedTokenStore).WithOwner(wrapper) != nil {
				p.failf("WithOwner of a wrapper of the store of users: got a look-up, which goes round the wrapper, want nil")
			}
		})
	}},
}

type ownerLook = func(ctx context.Context, tokenID string) (kit.Token, kit.User, error)

// withOwners calls prove with the look-ups of both handles, if the stores have them.
func (p *probe) withOwners(prove func(looks [2]ownerLook)) {
	var looks [2]ownerLook
	for i, h := range p.both() {
		if _, ok := h.bare.Tokens.(kit.OwnedTokenStore); !ok || h.Users == nil {
			return
		}
		if looks[i] = h.Tokens.(kit.OwnedTokenStore).WithOwner(h.Users); looks[i] == nil {
			p.failf("WithOwner of the store of users through handle %s: got nil, want a look-up", h.name)
			return
		}
	}
	prove(looks)
}
