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
}

var userKind = kind{
	name: "users",
	attempts: func(p *probe, h *handle, tag string) []attempt {
		fresh, read := newUser("fresh-"+tag), p.addUser(p.a, newUser("read-"+tag))
		old, gone := p.addUser(p.a, newUser("updated-"+tag)), p.addUser(p.a, newUser("deleted-"+tag))
		changed := old.Clone()
		changed.Email, changed.Roles, changed.Settings = "changed-"+old.Email, []string{"changed"}, json.RawMessage(`{"changed":1}`)
		return []attempt{
			{"Create", func(ctx context.Context) error { return h.Users.Create(ctx, fresh.Clone()) }, func() bool { return p.userIs(fresh, nil, &fresh) }},
			{"ByID", func(ctx context.Context) error {
				got, err := h.Users.ByID(ctx, read.ID)
				if err == nil {
					p.wantUser(got, nil, read, "ByID")
				}
				return err
			}, nil},
			{"ByEmail", func(ctx context.Context) error {
				got, err := h.Users.ByEmail(ctx, read.Email)
				if err == nil {
					p.wantUser(got, nil, read, "ByEmail")
				}
				return err
			}, nil},
			{"Update", func(ctx context.Context) error { return h.Users.Update(ctx, changed.Clone()) }, func() bool {
				after := changed
				after.Version++
				return p.userIs(old, &old, &after)
			}},
			{"Delete", func(ctx context.Context) error { return h.Users.Delete(ctx, gone.ID) }, func() bool { return p.userIs(gone, &gone, nil) }},
		}
	},
	long: func(p *probe, h *handle) []attempt {
		u := newUser("long")
		u.Settings = largeSettings()
		p.addUser(p.a, u)
		return []attempt{
			{"ByID of a large user", func(ctx context.Context) error {
				got, err := h.Users.ByID(ctx, u.ID)
				if err == nil {
					p.wantUser(got, nil, u, "ByID of a large user")
				}
				return err
			}, nil},
		}
	},
	absent: func(h *handle) []attempt {
		ghost := newUser("ghost")
		return []attempt{
			{"ByID", func(ctx context.Context) error { _, err := h.Users.ByID(ctx, ghost.ID); return err }, nil},
			{"ByEmail", func(ctx context.Context) error { _, err := h.Users.ByEmail(ctx, ghost.Email); return err }, nil},
			{"Update", func(ctx context.Context) error { return h.Users.Update(ctx, ghost) }, nil},
			{"Delete", func(ctx context.Context) error { return h.Users.Delete(ctx, ghost.ID) }, nil},
		}
	},
	ping:     func(h *handle) (kit.Pinger, bool) { pinger, ok := h.Users.(kit.Pinger); return pinger, ok },
	register: userRegister,
}

var tokenKind = kind{
	name: "tokens",
	attempts: func(p *probe, h *handle, tag string) []attempt {
		owner := "owner-" + tag
		fresh, read := newToken("fresh "+tag, owner), p.addToken(p.a, newToken("read "+tag, "reader-"+tag))
		old, gone := p.addToken(p.a, newToken("updated "+tag, owner)), p.addToken(p.a, newToken("deleted "+tag, owner))
		changed := old.Clone()
		changed.PreviousHash, changed.SecretHash, changed.ExpiresAt = old.SecretHash, hashOf("changed "+tag), old.ExpiresAt.Add(time.Hour)
		expired := newToken("expired "+tag, owner)
		p.made++
		expired.ExpiresAt = time.Unix(p.made, 0).UTC() // its purge leaves those that are made later
		p.addToken(p.a, expired)
		return []attempt{
			{"Create", func(ctx context.Context) error { return h.Tokens.Create(ctx, fresh.Clone()) }, func() bool { return p.tokenIs(fresh, nil, &fresh) }},
			{"ByID", func(ctx context.Context) error {
				got, err := h.Tokens.ByID(ctx, read.ID)
				if err == nil {
					p.wantToken(got, nil, read, "ByID")
				}
				return err
			}, nil},
			{"Update", func(ctx context.Context) error { return h.Tokens.Update(ctx, changed.Clone()) }, func() bool {
				after := changed
				after.Version++
				return p.tokenIs(old, &old, &after)
			}},
			{"Delete", func(ctx context.Context) error {
				ok, err := h.Tokens.Delete(ctx, gone.ID)
				if err == nil && !ok {
					p.failf("Delete of a token that exists: got false")
				}
				return err
			}, func() bool { return p.tokenIs(gone, &gone, nil) }},
			{"ByUser", func(ctx context.Context) error {
				return p.listed(ctx, h, []kit.Token{read})
			}, nil},
			{"DeleteExpired", func(ctx context.Context) error {
				n, err := h.Tokens.DeleteExpired(ctx, expired.ExpiresAt, 1000)
				if err == nil && n < 1 {
					p.failf("DeleteExpired with an expired token in the store: got %d and no error", n)
				}
				return err
			}, func() bool { return p.tokenIs(expired, &expired, nil) }},
		}
	},
	long: func(p *probe, h *handle) []attempt {
		list := make([]kit.Token, 50)
		for i := range list {
			list[i] = p.addToken(p.a, newToken(fmt.Sprint("long ", i), "owner-of-many"))
		}
		slices.SortFunc(list, func(a, b kit.Token) int { return strings.Compare(a.ID, b.ID) })
		return []attempt{{"ByUser of many tokens", func(ctx context.Context) error { return p.listed(ctx, h, list) }, nil}}
	},
	absent: func(h *handle) []attempt {
		ghost := newToken("ghost", "nobody")
		return []attempt{
			{"ByID", func(ctx context.Context) error { _, err := h.Tokens.ByID(ctx, ghost.ID); return err }, nil},
			{"Update", func(ctx context.Context) error { return h.Tokens.Update(ctx, ghost) }, nil},
			{"Delete", func(ctx context.Context) error { _, err := h.Tokens.Delete(ctx, ghost.ID); return err }, nil},
			{"ByUser", func(ctx context.Context) error {
				_, err := h.Tokens.ByUser(ctx, ghost.UserID, "", 10)
				return err
			}, nil},
			{"DeleteExpired", func(ctx context.Context) error {
				_, err := h.Tokens.DeleteExpired(ctx, time.Unix(-1, 0), 10)
				return err
			}, nil},
		}
	},
	ping:     func(h *handle) (kit.Pinger, bool) { pinger, ok := h.Tokens.(kit.Pinger); return pinger, ok },
	register: tokenRegister,
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

// userIs reads the user at that ID through handle b and reports whether it is in
// its state after the write; nil stands for absence.
func (p *probe) userIs(at kit.User, before, after *kit.User) bool {
	state := p.userState(at, before, after)
	problem := p.byEmailProblem(at, state)
	if problem != "" {
		// A write that its caller gave up may still land, once: between the two
		// look-ups, which then saw different moments. A second look tells.
		if again := p.userState(at, before, after); again != state {
			state, problem = again, p.byEmailProblem(at, again)
		}
	}
	if problem != "" {
		p.failf("%s", problem)
	}
	return state == after
}

// userState returns the one of the two that the user at that ID is in.
func (p *probe) userState(at kit.User, before, after *kit.User) *kit.User {
	got, err := p.b.Users.ByID(p.ctx(), at.ID)
	for _, state := range []*kit.User{before, after} {
		switch {
		case state == nil && errors.Is(err, kit.ErrNotFound):
			return nil
		case state != nil && err == nil && len(userDiff(got, *state, p.cfg.TimePrecision)) == 0:
			return state
		}
	}
	p.failf("user %s is neither as before the call nor as after it: error %v, %+v", brief(at.ID), err, got)
	return before
}

// byEmailProblem says how ByEmail disagrees with what ByID has found.
func (p *probe) byEmailProblem(at kit.User, state *kit.User) string {
	if state == nil {
		_, err := p.b.Users.ByEmail(p.ctx(), at.Email)
		if problem := errProblem(err, kit.ErrNotFound); problem != "" {
			return "ByEmail of a user that ByID does not find: " + problem
		}
		return ""
	}
	got, err := p.b.Users.ByEmail(p.ctx(), state.Email)
	if problem := errProblem(err, nil); problem != "" {
		return "ByEmail of a user that ByID finds: " + problem
	}
	if diff := userDiff(got, *state, p.cfg.TimePrecision); len(diff) > 0 {
		return "ByEmail, which has to agree with ByID: " + strings.Join(diff, "; ")
	}
	return ""
}

// tokenIs is the same for tokens.
func (p *probe) tokenIs(at kit.Token, before, after *kit.Token) bool {
	got, err := p.b.Tokens.ByID(p.ctx(), at.ID)
	matches := func(want *kit.Token) bool {
		if want == nil {
			return errors.Is(err, kit.ErrNotFound)
		}
		return err == nil && len(tokenDiff(got, *want, p.cfg.TimePrecision)) == 0
	}
	for _, state := range []*kit.Token{before, after} {
		if matches(state) {
			return state == after
		}
	}
	p.failf("token %s is neither as before the call nor as after it: error %v, %+v", brief(at.ID), err, got)
	return false
}
