package conformance

import (
	"slices"
	"strings"
	"time"

	"myauth.internal/kit"
)

// provenTwice are the cases of tokens that are tried over the store of credentials too. A
// driver has one type for both, so the whole suite over the second one would prove the same
// code again. What can differ is which table a statement names: these use every method, what
// a table keeps in its columns, and what opens and upgrades it.
var provenTwice = []string{
	"create/adds", "values/every-field", "update/version", "delete/version", "by-user/byte-order",
	"delete-expired/boundary", "durable/reopen", "newer/refused", "newer/unchanged", "delete-expired/newer",
}

// credentialRules are the cases of [kit.Stores].Credentials.
func credentialRules() []rule {
	rules := slices.Clone(apartRules)
	for _, r := range tokenRules() {
		if name := strings.TrimPrefix(r.id, "tokens/"); slices.Contains(provenTwice, name) {
			r.id, r.needs, r.swapped = "credentials/"+name, append(slices.Clip(r.needs), Credentials), true
			rules = append(rules, r)
		}
	}
	return rules
}

// swap gives a case of tokens the credentials in their place.
func (s Stores) swap() Stores {
	newer := s.Newer
	s.Tokens, s.Credentials = s.Credentials, s.Tokens
	if newer != nil {
		s.Newer = func(table, id string) error {
			if table == tokenKind.name {
				table = "credentials"
			}
			return newer(table, id)
		}
	}
	return s
}

// apartRules are about the two tables side by side.
var apartRules = []rule{
	{id: "credentials/apart/one-id", quote: secondStore, needs: []Ability{Credentials}, prove: func(p *probe) {
		t := newToken("one", "ann")
		c := newToken("credential", "ann")
		c.ID = t.ID
		swapped := []*handle{{Stores: p.a.swap(), name: "1 of the credentials"}, {Stores: p.b.swap(), name: "2 of the credentials"}}
		var among *token // what the other store has under that ID
		beside := func(r *token, when string) {
			p.check(r, when)
			for _, h := range swapped {
				for _, way := range ways(t) {
					got, err := way.read(p.ctx(), h)
					if among == nil {
						p.wantErr(err, kit.ErrNotFound, "%s through handle %s %s", way.call, h.name, when)
					} else {
						p.want(got, err, among, "%s through handle %s %s", way.call, h.name, when)
					}
				}
			}
		}
		p.add(p.a, t)
		beside(t, "after Create of a token")
		p.add(swapped[1], c)
		among = c
		beside(t, "after Create of a credential with the same ID")
		t.Epoch++
		p.must(t.update(p.ctx(), p.b), "Update of the token")
		bump(t)
		beside(t, "after Update of the token")
		p.must(c.delete(p.ctx(), swapped[0]), "Delete of the credential")
		among = nil
		beside(t, "after Delete of the credential")
	}},
	{id: "credentials/apart/purge", quote: secondStore, needs: []Ability{Credentials}, prove: func(p *probe) {
		swapped := &handle{Stores: p.b.swap(), name: "2 of the credentials"}
		t, c := p.addExpiring("token", epoch), newToken("credential", "ann")
		c.ID, c.ExpiresAt = t.ID, epoch
		p.add(swapped, c)
		p.wantPurged(p.a, epoch, 10, 1)
		p.checkGone(t, "after DeleteExpired of tokens")
		p.add(p.b, t)
		p.wantPurged(swapped, epoch.Add(time.Hour), 10, 1)
		p.check(t, "after DeleteExpired of credentials")
	}},
}
