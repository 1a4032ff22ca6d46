package conformance

import (
	"strings"
	"time"

	"myauth.internal/kit"
)

var tokenUpdateRules = []rule{
	{
		id:    "tokens/update/replaces",
		quote: "Update replaces the record with t's ID by t",
		prove: func(p *probe) {
			t, bystander := p.addToken(p.a, newToken("one", "ann")), p.addToken(p.a, newToken("two", "ann"))
			for i, change := range tokenChanges {
				h := p.both()[i%2]
				change(&t)
				p.must(h.Tokens.Update(p.ctx(), t.Clone()), "Update %d through handle %s", i, h.name)
				t.Version++
				p.checkToken(t, "after Update")
			}
			p.checkToken(bystander, "after Updates of another token")
		},
	},
	{
		id:    "tokens/update/replaces-by-empty",
		quote: "Update replaces the record with t's ID by t",
		prove: func(p *probe) {
			full := p.addToken(p.a, newToken("one", "ann"))
			empty := kit.Token{ID: full.ID, UserID: full.UserID, Type: full.Type, Version: full.Version}
			p.must(p.b.Tokens.Update(p.ctx(), empty), "Update to empty fields")
			empty.Version++
			p.checkToken(empty, "after Update to empty fields")
		},
	},
	{
		id:    "tokens/update/adds-one-to-version",
		quote: "the record then has Version t.Version+1",
		prove: func(p *probe) {
			for i, version := range []int64{0, 1, 99, -1, -5} {
				t := newToken(string('a'+rune(i)), "ann")
				t.Version = version
				p.addToken(p.a, t)
				for range 3 {
					p.must(p.a.Tokens.Update(p.ctx(), t), "Update at Version %d", t.Version)
					t.Version++
					p.checkToken(t, "after Update")
				}
			}
		},
	},
	{
		id:    "tokens/update/conflict",
		quote: "but only while the stored Version is t.Version",
		prove: func(p *probe) {
			t := newToken("one", "ann")
			t.Version = 5
			p.addToken(p.a, t)
			for _, version := range []int64{4, 6, 0, -5, 5 + 1<<32, 5 - 1<<32} {
				stale := t
				stale.Version = version
				for _, h := range p.both() {
					p.wantErr(h.Tokens.Update(p.ctx(), stale), kit.ErrConflict, "Update with Version %d of a token at 5, through handle %s", version, h.name)
				}
			}
			p.must(p.a.Tokens.Update(p.ctx(), t), "Update with Version 5")
			for _, h := range p.both() {
				p.wantErr(h.Tokens.Update(p.ctx(), t), kit.ErrConflict, "the same Update again, through handle %s", h.name)
			}
		},
	},
	{
		id:    "tokens/update/conflict-changes-nothing",
		quote: "Otherwise it changes nothing and returns [ErrConflict]",
		prove: func(p *probe) {
			t := p.addToken(p.a, newToken("one", "ann"))
			for i, change := range tokenChanges {
				stale := t.Clone()
				stale.Version += int64(i%2*2 - 1)
				change(&stale)
				_ = p.b.Tokens.Update(p.ctx(), stale) // the answer is another rule's matter
				p.checkToken(t, "after an Update with another Version")
			}
			n, err := p.a.Tokens.DeleteExpired(p.ctx(), t.ExpiresAt.Add(-time.Microsecond), 10)
			if err != nil || n != 0 {
				p.failf("DeleteExpired before the token's time, after refused Updates: got %d, error %v, want 0", n, err)
			}
		},
	},
	{
		id:    "tokens/update/absent",
		quote: "or [ErrNotFound] when there is no such token",
		prove: func(p *probe) {
			ghost := newToken("ghost", "ann")
			for _, version := range []int64{0, 1} {
				ghost.Version = version
				for _, h := range p.both() {
					p.wantErr(h.Tokens.Update(p.ctx(), ghost), kit.ErrNotFound, "Update of a token that never was, through handle %s", h.name)
				}
			}
			t := p.addToken(p.a, newToken("ann's", "ann"))
			for _, id := range []string{strings.ToLower(t.ID), strings.ToUpper(t.ID), t.ID + " "} {
				alike := t.Clone()
				alike.ID, alike.RevokedAt = id, epoch
				p.wantErr(p.b.Tokens.Update(p.ctx(), alike), kit.ErrNotFound, "Update of %q beside a token %q", id, t.ID)
			}
			p.checkToken(t, "after Updates of IDs that look like its own")
			p.checkNoToken(ghost, "after its Update was refused")

			gone := p.addToken(p.a, newToken("gone", "ann"))
			_, err := p.a.Tokens.Delete(p.ctx(), gone.ID)
			p.must(err, "Delete")
			p.wantErr(p.b.Tokens.Update(p.ctx(), gone), kit.ErrNotFound, "Update of a deleted token")
			p.checkNoToken(gone, "after Delete and Update")

			purged := newToken("purged", "ann")
			purged.ExpiresAt = time.Unix(0, 0)
			p.addToken(p.a, purged)
			_, err = p.a.Tokens.DeleteExpired(p.ctx(), epoch, 10)
			p.must(err, "DeleteExpired")
			p.wantErr(p.b.Tokens.Update(p.ctx(), purged), kit.ErrNotFound, "Update of a purged token")
			p.checkNoToken(purged, "after DeleteExpired and Update")
		},
	},
	{
		id:    "tokens/update/identity-stays",
		quote: "The stored UserID and Type stay as Create stored them.",
		prove: func(p *probe) {
			t := p.addToken(p.a, newToken("one", "ann"))
			for _, change := range []func(*kit.Token){
				func(t *kit.Token) { t.UserID = "bob" },
				func(t *kit.Token) { t.Type = kit.PasswordResetToken },
			} {
				altered := t.Clone()
				change(&altered)
				// The contract leaves open whether this is refused or done
				// without the change.
				if err := p.b.Tokens.Update(p.ctx(), altered); err == nil {
					t.Version++
				}
				p.checkToken(t, "after an Update with another UserID or Type")
				list, err := p.a.Tokens.ByUser(p.ctx(), "bob", "", 10)
				if err != nil || len(list) != 0 {
					p.failf("ByUser of the user that the Update named: got %d tokens, error %v, want none", len(list), err)
				}
			}
		},
	},
	{
		id:    "tokens/update/moves-expiry",
		quote: "Update replaces the record with t's ID by t",
		prove: func(p *probe) {
			later, sooner := newToken("later", "ann"), newToken("sooner", "ann")
			later.ExpiresAt, sooner.ExpiresAt = epoch, epoch.Add(2*time.Hour)
			p.addToken(p.a, later)
			p.addToken(p.a, sooner)
			later.ExpiresAt, sooner.ExpiresAt = sooner.ExpiresAt, later.ExpiresAt
			p.must(p.a.Tokens.Update(p.ctx(), later), "Update to a later ExpiresAt")
			p.must(p.b.Tokens.Update(p.ctx(), sooner), "Update to a sooner ExpiresAt")
			later.Version++
			n, err := p.b.Tokens.DeleteExpired(p.ctx(), epoch.Add(time.Hour), 10)
			if err != nil || n != 1 {
				p.failf("DeleteExpired between the two: got %d, error %v, want 1", n, err)
			}
			p.checkToken(later, "after DeleteExpired before its new time")
			p.checkNoToken(sooner, "after DeleteExpired after its new time")
		},
	},
}

// tokenChanges change every field that an Update can change.
var tokenChanges = []func(t *kit.Token){
	func(t *kit.Token) { t.SessionID = "another session" },
	func(t *kit.Token) { t.Epoch += 40 },
	func(t *kit.Token) { t.SecretHash = hashOf("next secret") },
	func(t *kit.Token) { t.PreviousHash = hashOf("next previous") },
	func(t *kit.Token) { t.Salt = hashOf("next salt") },
	func(t *kit.Token) { t.CreatedAt = t.CreatedAt.Add(-time.Microsecond) },
	func(t *kit.Token) { t.RotatedAt = t.RotatedAt.Add(time.Microsecond) },
	func(t *kit.Token) { t.ExpiresAt = t.ExpiresAt.Add(-2 * time.Hour) },
	func(t *kit.Token) { t.RevokedAt = t.RevokedAt.Add(time.Microsecond) },
	func(t *kit.Token) { t.PreviousHash, t.Salt = nil, nil },
	func(t *kit.Token) { t.RotatedAt, t.RevokedAt = time.Time{}, time.Time{} },
}
