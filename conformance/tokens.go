package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"myauth.internal/kit"
)

// severalPages is how many tokens no client is likely to get in one answer: a page has
// often 100 records or 101.
const severalPages = 250

// tokenKind is [kit.TokenStore].
var tokenKind = kind{
	name:  "tokens",
	noun:  "token",
	ping:  func(h *handle) (kit.Pinger, bool) { pinger, ok := h.bare.Tokens.(kit.Pinger); return pinger, ok },
	fresh: func(name string) record { return newToken(name, "owner of "+name) },
	texted: func(name, text string) record {
		t := newToken(name, "owner of "+name)
		t.SessionID = text
		return t
	},
	odd: func() []record {
		tokens := []record{newReset("reset", "ann")}
		for i, expires := range []time.Time{{}, time.Unix(0, 0).UTC(), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
			t := newToken(fmt.Sprint("odd", i), "ann")
			t.ExpiresAt = expires
			tokens = append(tokens, t)
		}
		passkey := newToken("passkey", "ann")
		passkey.Type, passkey.SessionID, passkey.Data = "passkey", "", make([]byte, kit.MaxTokenData)
		return append(tokens, passkey)
	},
	changes: []func(r record){
		changeToken(func(t *token) { t.SessionID = "another session" }),
		changeToken(func(t *token) { t.Epoch += 40 }),
		changeToken(func(t *token) { t.SecretHash = hashOf("next secret") }),
		changeToken(func(t *token) { t.PreviousHash = hashOf("next previous") }),
		changeToken(func(t *token) { t.Salt = hashOf("next salt") }),
		changeToken(func(t *token) { t.Data = []byte("next data") }),
		changeToken(func(t *token) { t.CreatedAt = t.CreatedAt.Add(-time.Microsecond) }),
		changeToken(func(t *token) { t.RotatedAt = t.RotatedAt.Add(time.Microsecond) }),
		changeToken(func(t *token) { t.ExpiresAt = t.ExpiresAt.Add(-2 * time.Hour) }),
		changeToken(func(t *token) { t.RevokedAt = t.RevokedAt.Add(time.Microsecond) }),
		changeToken(func(t *token) { t.PreviousHash, t.Salt, t.Data = nil, nil, nil }),
		changeToken(func(t *token) { t.RotatedAt, t.RevokedAt = time.Time{}, time.Time{} }),
	},
	ids: similarIDs(),

	updates: []change{
		{"Update to a later ExpiresAt", changeToken(func(t *token) { rotate(t, time.Hour) })},
		{"Update to an earlier ExpiresAt", changeToken(func(t *token) { rotate(t, -time.Hour) })},
	},
	long: func(p *probe, h *handle) []attempt {
		tokens := p.addTokens(severalPages, "owner of many")
		return []attempt{{method: "ByUser of many tokens", call: func(ctx context.Context) error {
			list, err := h.Tokens.ByUser(ctx, "owner of many", "", 1000)
			if err == nil {
				p.wantTokens(list, tokens, "ByUser of a user with %d tokens", len(tokens))
			}
			return err
		}}}
	},
	remains: tokenRemains,
}

func changeToken(change func(t *token)) func(r record) {
	return func(r record) { change(r.(*token)) }
}

// rotate changes a token as a refresh does.
func rotate(t *token, later time.Duration) {
	t.PreviousHash, t.SecretHash, t.ExpiresAt = t.SecretHash, hashOf("after "+t.ID), t.ExpiresAt.Add(later)
}

// addTokens creates n tokens of the user and returns them in the byte order of their IDs.
func (p *probe) addTokens(n int, userID string) []*token {
	var tokens []*token
	for i := range n {
		tokens = append(tokens, newToken(fmt.Sprintf("%s %d", userID, i), userID))
		p.add(p.both()[i%2], tokens[i])
	}
	sortByID(tokens)
	return tokens
}

// addExpiring creates a token of ann that expires at that time.
func (p *probe) addExpiring(name string, at time.Time) *token {
	t := newToken(name, "ann")
	t.ExpiresAt = at
	p.add(p.a, t)
	return t
}

func sortByID(tokens []*token) {
	slices.SortFunc(tokens, func(a, b *token) int { return strings.Compare(a.ID, b.ID) })
}

// wantTokens wants a list to be these tokens, whole and in this order.
func (p *probe) wantTokens(list []kit.Token, want []*token, what string, args ...any) {
	what = fmt.Sprintf(what, args...)
	var got, wanted []string
	for _, t := range list {
		got = append(got, t.ID)
	}
	for _, t := range want {
		wanted = append(wanted, t.ID)
	}
	if !slices.Equal(got, wanted) {
		p.failf("%s: got %d tokens %s, want %d %s", what, len(got), brief(got), len(wanted), brief(wanted))
		return
	}
	for i, t := range list {
		p.want(&token{t}, nil, want[i], "%s, number %d", what, i+1)
	}
}

// wantList calls ByUser and wants these tokens.
func (p *probe) wantList(h *handle, userID, after string, limit int, want []*token) {
	list, err := h.Tokens.ByUser(p.ctx(), userID, after, limit)
	what := fmt.Sprintf("ByUser of %s after %s, limit %d, through handle %s", brief(userID), brief(after), limit, h.name)
	p.wantErr(err, nil, "%s", what)
	if err == nil {
		p.wantTokens(list, want, "%s", what)
	}
}

// wantPurged calls DeleteExpired and wants it to report n.
func (p *probe) wantPurged(h *handle, before time.Time, limit, n int) {
	got, err := h.Tokens.DeleteExpired(p.ctx(), before, limit)
	if got != n || err != nil {
		p.failf("DeleteExpired before %v, limit %d, through handle %s: got %d, error %v, want %d and none",
			before.UTC().Format(time.RFC3339Nano), limit, h.name, got, err, n)
	}
}

// count reads how many tokens of ann are left.
func (p *probe) count() int {
	n, after := 0, ""
	for {
		list, err := p.b.Tokens.ByUser(p.ctx(), "ann", after, 1000)
		p.must(err, "ByUser after %s", brief(after))
		if len(list) == 0 || list[len(list)-1].ID <= after {
			return n
		}
		n, after = n+len(list), list[len(list)-1].ID
	}
}

// similarIDs are token IDs that a folding, a collation or a pattern confuses,
// in no order.
func similarIDs() []string {
	var ids []string
	for _, tail := range []string{"aa", "aA", "Aa", "AA", "a_", "_a", "a-", "-a", "--", "__", "zz", "ZZ", "00", "99", "0a", "a0", "Z_", "_Z"} {
		ids = append(ids, "similar-token-id-018"+tail)
	}
	// Numbers to a column or client that guesses types.
	return append(ids, "0000000000000000000100", "00000000000000000001e2", "00000000000000000001E2", "1234567890123456789012", "1234567890123456789013")
}
