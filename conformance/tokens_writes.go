package conformance

import (
	"fmt"
	"time"

	"myauth.internal/kit"
)

// tokenWriteRules are what Create and Update do about type, user and expiry of a token.
var tokenWriteRules = []rule{
	{id: "tokens/create/unique-id", quote: createConflict, prove: func(p *probe) {
		for _, stored := range []*token{newToken("one", "ann"), newReset("two", "ann")} {
			p.add(p.a, stored)
			elsewhere := token{kit.Token{ID: stored.ID, Type: stored.Type, UserID: "bob", ExpiresAt: epoch.Add(-time.Hour)}}
			otherType := newToken("any", "ann")
			if otherType.ID = stored.ID; stored.Type == kit.RefreshToken {
				otherType.Type = kit.PasswordResetToken
			}
			for _, t := range []kit.Token{stored.Token, elsewhere.Token, otherType.Token} {
				p.wantBoth(kit.ErrConflict, func(h *handle) error { return h.Tokens.Create(p.ctx(), t) }, "Create of a %s of %s with the ID of a %s of ann", t.Type, t.UserID, stored.Type)
			}
			p.check(stored, "after refused Creates")
			p.wantList(p.a, "bob", "", 10, nil)
			p.wantPurged(p.a, epoch, 10, 0)
			p.check(stored, "after DeleteExpired at the time of a token whose Create was refused")
		}
	}},
	{id: "tokens/create/no-user-needed", quote: noReference, prove: func(p *probe) {
		t := newToken("one", "a user that no store knows")
		p.wantErr(p.a.Tokens.Create(p.ctx(), t.Token), nil, "Create of a token whose user does not exist here")
		p.check(t, "after Create")
	}},
	{id: "tokens/by-id/expired-and-revoked", quote: byIDExpired, prove: func(p *probe) {
		for _, t := range p.addEveryType() {
			p.check(t, "which is expired or revoked")
		}
	}},
	{id: "tokens/update/identity-stays", quote: updateIdentity, prove: func(p *probe) {
		t := newToken("one", "ann")
		p.add(p.a, t)
		bob, reset := t.copy(), t.copy()
		bob.UserID, reset.Type = "bob", kit.PasswordResetToken
		for _, altered := range []*token{bob, reset} {
			// The contract leaves open whether this is refused or done
			// without the change.
			altered.Version = t.Version
			if err := p.b.Tokens.Update(p.ctx(), altered.Token); err == nil {
				t.Version++
			}
			p.check(t, "after an Update with another UserID or Type")
			p.wantList(p.a, "bob", "", 10, nil)
		}
	}},
	{id: "tokens/update/moves-expiry", quote: updateReplaces, prove: func(p *probe) {
		later, sooner := p.addExpiring("later", epoch), p.addExpiring("sooner", epoch.Add(2*time.Hour))
		later.ExpiresAt, sooner.ExpiresAt = sooner.ExpiresAt, later.ExpiresAt
		p.must(p.a.Tokens.Update(p.ctx(), later.Token), "Update to a later ExpiresAt")
		p.must(p.b.Tokens.Update(p.ctx(), sooner.Token), "Update to a sooner ExpiresAt")
		later.Version++
		p.wantPurged(p.b, epoch.Add(time.Hour), 10, 1)
		p.check(later, "after DeleteExpired before its new time")
		p.checkGone(sooner, "after DeleteExpired after its new time")
	}},
	{id: "tokens/delete/version", quote: deleteVersion, prove: func(p *probe) {
		for i, version := range versions {
			r := atVersion(newToken(fmt.Sprint("n", i), "ann"), version)
			p.add(p.a, r)
			for _, other := range otherVersions(version) {
				p.wantBoth(kit.ErrConflict, func(h *handle) error { return atVersion(r, other).delete(p.ctx(), h) }, "Delete with version %d of a token at %d", other, version)
			}
			p.check(r, "after Deletes with other versions")
			p.wantErr(r.delete(p.ctx(), p.both()[i%2]), nil, "Delete with version %d", version)
			p.checkGone(r, "after Delete")
		}
	}},
	{id: "tokens/delete/purged", quote: deleteAbsent["tokens"], prove: func(p *probe) {
		t := p.addExpiring("purged", epoch)
		p.wantPurged(p.a, epoch, 10, 1)
		p.wantErr(p.b.Tokens.Update(p.ctx(), t.Token), kit.ErrNotFound, "Update of a token that DeleteExpired has removed")
		p.wantErr(t.delete(p.ctx(), p.b), kit.ErrNotFound, "Delete of a token that DeleteExpired has removed")
		p.checkGone(t, "after DeleteExpired, Update and Delete")
	}},
	oneWinner("tokens/create/one-winner", createOneID, func(p *probe, round, i int) contender {
		name, userID := fmt.Sprint("round", round), fmt.Sprintf("user-%d-%d", round, i)
		if i%4 >= 2 {
			return p.creator(newReset(name, userID))
		}
		return p.creator(newToken(name, userID))
	}),
}

// addEveryType creates tokens of ann, of each type, that are expired or revoked or neither.
func (p *probe) addEveryType() []*token {
	var tokens []*token
	for i, expires := range []time.Time{{}, time.Unix(0, 0).UTC(), epoch, time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)} {
		for j, revoked := range []time.Time{{}, time.Unix(0, 0).UTC(), epoch} {
			for _, t := range []*token{newToken(fmt.Sprint("session", i, j), "ann"), newReset(fmt.Sprint("reset", i, j), "ann")} {
				t.ExpiresAt, t.RevokedAt = expires, revoked
				tokens = append(tokens, t)
				p.add(p.a, t)
			}
		}
	}
	sortByID(tokens)
	return tokens
}
