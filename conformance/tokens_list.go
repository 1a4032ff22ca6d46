package conformance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"myauth.internal/kit"
)

// wantList calls ByUser and wants the tokens with these IDs in this order.
func (p *probe) wantList(h *handle, userID, after string, limit int, want []string) {
	list, err := h.Tokens.ByUser(p.ctx(), userID, after, limit)
	if err != nil {
		p.failf("ByUser of %s after %s, limit %d: got error %v, want none", brief(userID), brief(after), limit, err)
		return
	}
	got := make([]string, 0, len(list))
	for _, t := range list {
		got = append(got, t.ID)
	}
	if !slices.Equal(got, want) {
		p.failf("ByUser of %s after %s, limit %d, through handle %s: got %d tokens %s, want %d %s",
			brief(userID), brief(after), limit, h.name, len(got), brief(got), len(want), brief(want))
	}
}

// addTokens creates n tokens of the user and returns their IDs in byte order.
func (p *probe) addTokens(n int, userID string) []string {
	var ids []string
	for i := range n {
		ids = append(ids, p.addToken(p.both()[i%2], newToken(fmt.Sprintf("%s %d", userID, i), userID)).ID)
	}
	slices.Sort(ids)
	return ids
}

var tokenListRules = []rule{
	{
		id:    "tokens/by-user/of-that-user",
		quote: "ByUser returns the tokens of a user",
		prove: func(p *probe) {
			// Some begin alike, also up to what a joined key puts between user and token.
			users := []string{"ann", "ANN", "an", "anna", "a%", "a__", "bob", strings.Repeat("x", 64), "ann:", "ann:b", "ann-", "ann/b", "ann|b", "ann.b", "ann,b", "ann#b", "ann b", "ann~"}
			var ids [][]string
			for i, userID := range append(users, numerals...) {
				ids = append(ids, p.addTokens(i%2+1, userID))
			}
			for i, userID := range append(users, numerals...) {
				p.wantList(p.b, userID, "", 1000, ids[i])
				p.wantList(p.a, userID, ids[i][0], 1000, ids[i][1:])
			}
		},
	},
	{
		id:    "tokens/by-user/every-type",
		quote: "of every type, expired and revoked ones too",
		prove: func(p *probe) {
			var ids []string
			add := func(t kit.Token) { ids = append(ids, p.addToken(p.a, t).ID) }
			for i, expires := range []time.Time{{}, time.Unix(0, 0).UTC(), epoch, time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)} {
				for j, revoked := range []time.Time{{}, time.Unix(0, 0).UTC(), epoch} {
					session, reset := newToken(fmt.Sprint("session", i, j), "ann"), newReset(fmt.Sprint("reset", i, j), "ann")
					session.ExpiresAt, session.RevokedAt = expires, revoked
					reset.ExpiresAt, reset.RevokedAt = expires, revoked
					add(session)
					add(reset)
				}
			}
			slices.Sort(ids)
			for _, h := range p.both() {
				p.wantList(h, "ann", "", 1000, ids)
			}
		},
	},
	{
		id:    "tokens/by-user/whole-records",
		quote: "ByUser returns the tokens of a user",
		prove: func(p *probe) {
			want := map[string]kit.Token{}
			for i := range 5 {
				session, reset := newToken(fmt.Sprint("session", i), "ann"), newReset(fmt.Sprint("reset", i), "ann")
				session.Version, reset.Epoch = int64(i), int64(-i)
				for _, t := range []kit.Token{session, reset} {
					want[t.ID] = p.addToken(p.a, t)
				}
			}
			list, err := p.b.Tokens.ByUser(p.ctx(), "ann", "", 1000)
			p.must(err, "ByUser")
			for _, got := range list {
				p.wantToken(got, nil, want[got.ID], "ByUser")
				delete(want, got.ID)
			}
			for id := range want {
				p.failf("ByUser: token %s is missing", brief(id))
			}
		},
	},
	{
		id:    "tokens/by-user/after",
		quote: "whose ID is greater than after",
		prove: func(p *probe) {
			ids := p.addTokens(7, "ann")
			p.addTokens(3, "bob")
			for _, h := range p.both() {
				for i, id := range ids {
					p.wantList(h, "ann", id, 1000, ids[i+1:])
					p.wantList(h, "ann", id[:21], 1000, ids[i:])
				}
				p.wantList(h, "ann", "zzzzzzzzzzzzzzzzzzzzzz", 1000, nil)
				p.wantList(h, "ann", "~", 1000, nil)
				p.wantList(h, "ann", " ", 1000, ids)
			}
		},
	},
	{
		id:    "tokens/by-user/byte-order",
		quote: "in ascending byte order of their IDs",
		prove: func(p *probe) {
			ids := similarIDs()
			for i, id := range ids {
				t := newToken(fmt.Sprint(i), "ann")
				t.ID, t.CreatedAt, t.ExpiresAt = id, epoch.Add(-time.Duration(i)*time.Second), epoch.Add(time.Duration(i*7%18)*time.Second)
				p.addToken(p.a, t)
			}
			slices.Sort(ids)
			for _, h := range p.both() {
				p.wantList(h, "ann", "", 1000, ids)
				for i, id := range ids {
					p.wantList(h, "ann", id, 1000, ids[i+1:])
				}
			}
		},
	},
	{
		id:    "tokens/by-user/limit",
		quote: "at most limit (1 to 1000) of them",
		prove: func(p *probe) {
			ids := p.addTokens(12, "ann")
			for _, h := range p.both() {
				for _, limit := range []int{1, 2, 11, 12, 13, 1000} {
					p.wantList(h, "ann", "", limit, ids[:min(limit, len(ids))])
					p.wantList(h, "ann", ids[4], limit, ids[5:min(5+limit, len(ids))])
				}
			}
		},
	},
	{
		id:    "tokens/by-user/pages",
		quote: "whose ID is greater than after, in ascending byte order of their IDs, at most limit (1 to 1000) of them",
		prove: func(p *probe) {
			ids := p.addTokens(1001, "ann")
			p.addTokens(5, "bob")
			for _, limit := range []int{100, 999, 1000} {
				var got []string
				for after := ""; len(got) <= len(ids); {
					list, err := p.b.Tokens.ByUser(p.ctx(), "ann", after, limit)
					p.must(err, "ByUser after %s", brief(after))
					if len(list) == 0 {
						break
					}
					for _, t := range list {
						got = append(got, t.ID)
					}
					after = got[len(got)-1]
				}
				if !slices.Equal(got, ids) {
					p.failf("ByUser page by page, %d at a time: got %d tokens, want the %d of the user, each once and in order", limit, len(got), len(ids))
				}
			}
			p.wantList(p.a, "ann", "", 1000, ids[:1000])
		},
	},
	{
		id:    "tokens/by-user/after-removals",
		quote: "at most limit (1 to 1000) of them",
		prove: func(p *probe) {
			// The first of each three expires, the second is deleted, the third stays.
			for _, h := range p.both() {
				var ids, left []string
				for i := range 15 {
					t := newToken(fmt.Sprint(h.name, i), "ann")
					t.ID = fmt.Sprintf("%s-in-order-%011d", h.name, i)
					if i%3 == 0 {
						t.ExpiresAt = epoch.Add(-time.Hour)
					}
					p.addToken(h, t)
					if ids = append(ids, t.ID); i%3 == 2 {
						left = append(left, t.ID)
					}
				}
				p.wantList(p.a, "ann", "", 15, ids) // as a cache would see it
				p.wantPurged(h, epoch, 1000, 5)
				for i := 1; i < 15; i += 3 {
					p.wantDeleted(h, ids[i], true, "a token")
				}
				for _, reader := range p.both() {
					for limit := 1; limit <= 6; limit++ {
						p.wantList(reader, "ann", "", limit, left[:min(limit, len(left))])
						p.wantList(reader, "ann", ids[0], limit, left[:min(limit, len(left))])
					}
				}
				for _, id := range left {
					p.wantDeleted(p.b, id, true, "a token")
				}
			}
		},
	},
	{
		id:    "tokens/by-user/none",
		quote: "None: an empty slice, no error.",
		prove: func(p *probe) {
			p.wantList(p.a, "ann", "", 10, nil)
			one := p.addToken(p.a, newToken("one", "ann"))
			for _, userID := range []string{"bob", "", "an", "ANN", "%", "' OR ''='", one.ID} {
				p.wantList(p.b, userID, "", 10, nil)
			}
			p.wantList(p.b, "ann", one.ID, 10, nil)
			_, err := p.a.Tokens.Delete(p.ctx(), one.ID)
			p.must(err, "Delete")
			p.wantList(p.b, "ann", "", 10, nil)
		},
	},
}
