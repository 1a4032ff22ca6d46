package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"myauth.internal/kit"
)

// kind is one of the two contracts, for the rules that both give.
type kind struct {
	// name is the first part of the rules' ids.
	name string
	// attempts prepares records of their own, and returns one call of every
	// method on them through h.
	attempts func(p *probe, h *handle, tag string) []attempt
	// long prepares records of their own, and returns calls with long answers.
	long func(p *probe, h *handle) []attempt
	// absent returns one call of every method on records that do not exist.
	absent func(h *handle) []attempt
	// ping is the store as an optional kit.Pinger.
	ping func(h *handle) (kit.Pinger, bool)
	// register returns one record, reduced to a number.
	register func(p *probe, name string) *register
}

// attempt is one call of one method.
type attempt struct {
	method string
	call   func(ctx context.Context) error
	// applied reads back whether a write took effect. It reports a state that
	// is neither before nor after the write. Nil for a method that only reads.
	applied func() bool
	// remains looks for what an interrupted write has left behind besides, and
	// reports it. It writes, and so comes after everything else; those of one set
	// run in their order. Nil where nothing can remain.
	remains func(when string)
}

// severalPages is how many tokens no client is likely to get in one answer: a page has
// often 100 records or 101.
const severalPages = 250

var userKind = kind{
	name: "users",
	attempts: func(p *probe, h *handle, tag string) []attempt {
		fresh, read := newUser("fresh-"+tag), p.addUser(p.a, newUser("read-"+tag))
		old, gone := p.addUser(p.a, newUser("updated-"+tag)), p.addUser(p.a, newUser("deleted-"+tag))
		changed := old.Clone()
		changed.Email, changed.Roles, changed.Settings = "changed-"+old.Email, []string{"changed"}, json.RawMessage(`{"changed":1}`)
		return []attempt{
			{method: "Create", call: func(ctx context.Context) error { return h.Users.Create(ctx, fresh.Clone()) }, applied: func() bool { return p.userIs(fresh, nil, &fresh) },
				remains: func(when string) { p.userRemains(fresh.ID, when, fresh.Email) }},
			{method: "ByID", call: func(ctx context.Context) error {
				got, err := h.Users.ByID(ctx, read.ID)
				if err == nil {
					p.wantUser(got, nil, read, "ByID")
				}
				return err
			}},
			{method: "ByEmail", call: func(ctx context.Context) error {
				got, err := h.Users.ByEmail(ctx, read.Email)
				if err == nil {
					p.wantUser(got, nil, read, "ByEmail")
				}
				return err
			}},
			{method: "Update", call: func(ctx context.Context) error { return h.Users.Update(ctx, changed.Clone()) }, applied: func() bool {
				after := changed
				after.Version++
				return p.userIs(old, &old, &after)
			}, remains: func(when string) { p.userRemains(old.ID, when, old.Email, changed.Email) }},
			{method: "Delete", call: func(ctx context.Context) error { return h.Users.Delete(ctx, gone.ID) }, applied: func() bool { return p.userIs(gone, &gone, nil) },
				remains: func(when string) { p.userRemains(gone.ID, when, gone.Email) }},
		}
	},
	long: func(p *probe, h *handle) []attempt {
		u := newUser("long")
		u.Settings = largeSettings()
		p.addUser(p.a, u)
		return []attempt{
			{method: "ByID of a large user", call: func(ctx context.Context) error {
				got, err := h.Users.ByID(ctx, u.ID)
				if err == nil {
					p.wantUser(got, nil, u, "ByID of a large user")
				}
				return err
			}},
		}
	},
	absent: func(h *handle) []attempt {
		ghost := newUser("ghost")
		return []attempt{
			{method: "ByID", call: func(ctx context.Context) error { _, err := h.Users.ByID(ctx, ghost.ID); return err }},
			{method: "ByEmail", call: func(ctx context.Context) error { _, err := h.Users.ByEmail(ctx, ghost.Email); return err }},
			{method: "Update", call: func(ctx context.Context) error { return h.Users.Update(ctx, ghost) }},
			{method: "Delete", call: func(ctx context.Context) error { return h.Users.Delete(ctx, ghost.ID) }},
		}
	},
	ping:     func(h *handle) (kit.Pinger, bool) { pinger, ok := h.bare.Users.(kit.Pinger); return pinger, ok },
	register: userRegister,
}

var tokenKind = kind{
	name: "tokens",
	attempts: func(p *probe, h *handle, tag string) []attempt {
		owner := "owner-" + tag
		p.made++
		// No two tokens expire at one time, and those of one set in the order in
		// which it purges them.
		expiring := func(name, owner string, hour time.Duration) kit.Token {
			t := newToken(name+" "+tag, owner)
			t.ExpiresAt = epoch.AddDate(0, 0, p.made).Add(hour * time.Hour)
			return t
		}
		expired := newToken("expired "+tag, owner)
		expired.ExpiresAt = time.Unix(int64(p.made), 0).UTC()
		fresh, later, earlier, gone, read := expiring("fresh", owner, 1), expiring("later", owner, 2), expiring("earlier", owner, 5), expiring("deleted", owner, 6), expiring("read", "reader-"+tag, 7)
		for _, t := range []kit.Token{expired, later, earlier, gone, read} {
			p.addToken(p.a, t)
		}
		update := func(name string, old kit.Token, by time.Duration) attempt {
			changed := old.Clone()
			changed.PreviousHash, changed.SecretHash, changed.ExpiresAt = old.SecretHash, hashOf("changed "+tag), old.ExpiresAt.Add(by)
			return attempt{
				method: name,
				call:   func(ctx context.Context) error { return h.Tokens.Update(ctx, changed.Clone()) },
				applied: func() bool {
					after := changed
					after.Version++
					return p.tokenIs(old, &old, &after)
				},
				remains: func(when string) { p.tokenRemains(old, when, old.ExpiresAt, changed.ExpiresAt) },
			}
		}
		return []attempt{
			{method: "DeleteExpired", call: func(ctx context.Context) error {
				n, err := h.Tokens.DeleteExpired(ctx, expired.ExpiresAt, 1000)
				if err == nil && n < 1 {
					p.failf("DeleteExpired with an expired token in the store: got %d and no error", n)
				}
				return err
			}, applied: func() bool { return p.tokenIs(expired, &expired, nil) },
				remains: func(when string) { p.tokenRemains(expired, when, expired.ExpiresAt) }},
			{method: "Create", call: func(ctx context.Context) error { return h.Tokens.Create(ctx, fresh.Clone()) }, applied: func() bool { return p.tokenIs(fresh, nil, &fresh) },
				remains: func(when string) { p.tokenRemains(fresh, when, fresh.ExpiresAt) }},
			update("Update to a later ExpiresAt", later, time.Hour),
			update("Update to an earlier ExpiresAt", earlier, -time.Hour),
			{method: "ByID", call: func(ctx context.Context) error {
				got, err := h.Tokens.ByID(ctx, read.ID)
				if err == nil {
					p.wantToken(got, nil, read, "ByID")
				}
				return err
			}},
			{method: "Delete", call: func(ctx context.Context) error {
				ok, err := h.Tokens.Delete(ctx, gone.ID)
				if err == nil && !ok {
					p.failf("Delete of a token that exists: got false")
				}
				return err
			}, applied: func() bool { return p.tokenIs(gone, &gone, nil) },
				remains: func(when string) { p.tokenRemains(gone, when, gone.ExpiresAt) }},
			{method: "ByUser", call: func(ctx context.Context) error {
				return p.listed(ctx, h, []kit.Token{read})
			}},
		}
	},
	long: func(p *probe, h *handle) []attempt {
		list := make([]kit.Token, severalPages)
		for i := range list {
			list[i] = p.addToken(p.a, newToken(fmt.Sprint("long ", i), "owner-of-many"))
		}
		slices.SortFunc(list, func(a, b kit.Token) int { return strings.Compare(a.ID, b.ID) })
		return []attempt{{method: "ByUser of many tokens", call: func(ctx context.Context) error { return p.listed(ctx, h, list) }}}
	},
	absent: func(h *handle) []attempt {
		ghost := newToken("ghost", "nobody")
		return []attempt{
			{method: "ByID", call: func(ctx context.Context) error { _, err := h.Tokens.ByID(ctx, ghost.ID); return err }},
			{method: "Update", call: func(ctx context.Context) error { return h.Tokens.Update(ctx, ghost) }},
			{method: "Delete", call: func(ctx context.Context) error { _, err := h.Tokens.Delete(ctx, ghost.ID); return err }},
			{method: "ByUser", call: func(ctx context.Context) error {
				_, err := h.Tokens.ByUser(ctx, ghost.UserID, "", 10)
				return err
			}},
			{method: "DeleteExpired", call: func(ctx context.Context) error {
				_, err := h.Tokens.DeleteExpired(ctx, time.Unix(-1, 0), 10)
				return err
			}},
		}
	},
	ping:     func(h *handle) (kit.Pinger, bool) { pinger, ok := h.bare.Tokens.(kit.Pinger); return pinger, ok },
	register: tokenRegister,
}

// known makes every call that only reads, so that the handle has seen what it is
// asked for again when the data is out of reach, and returns all of them.
func (p *probe) known(attempts ...attempt) []attempt {
	for _, a := range attempts {
		if a.applied == nil {
			if err := a.call(p.ctx()); !errors.Is(err, kit.ErrNotFound) {
				p.must(err, "%s", a.method)
			}
		}
	}
	return attempts
}

// listed calls ByUser, compares an answer that is no error with the tokens of that
// user, and returns the error.
func (p *probe) listed(ctx context.Context, h *handle, want []kit.Token) error {
	list, err := h.Tokens.ByUser(ctx, want[0].UserID, "", 1000)
	if err != nil {
		return err
	}
	if len(list) != len(want) {
		p.failf("ByUser of a user with %d tokens: got %d and no error", len(want), len(list))
		return nil
	}
	for i, t := range list {
		p.wantToken(t, nil, want[i], "ByUser of a user with %d tokens, number %d", len(want), i+1)
	}
	return nil
}
