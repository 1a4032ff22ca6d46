package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"myauth.internal/kit"
)

// userListRules are about [kit.UserLister].
var userListRules = []rule{
	{id: "users/list/by-id", quote: listOrder, needs: []Ability{Listing}, prove: func(p *probe) {
		var users []*user
		for i, id := range userKind.ids {
			u := newUser(fmt.Sprint("n", len(userKind.ids)-i))
			u.ID, u.CreatedAt = id, epoch.Add(-time.Duration(i)*time.Second)
			p.add(p.both()[i%2], u)
			users = append(users, u)
		}
		slices.SortFunc(users, func(a, b *user) int { return strings.Compare(a.ID, b.ID) })
		for i, u := range users {
			p.wantListed(u.ID, 1000, users[i+1:])
			p.wantListed(u.ID+"!", 3, page(users, u.ID+"!", (*user).id, 3))
		}
		for _, limit := range []int{1, 2, len(users) - 1, len(users), 1000} {
			p.wantListed("", limit, users[:min(limit, len(users))])
		}
	}},
	{id: "users/list/by-email", quote: listByEmail, needs: []Ability{Listing}, prove: func(p *probe) {
		var users []*user
		for i, local := range similarLocals {
			u := newUser(fmt.Sprint("n", len(similarLocals)-i))
			u.Email = local + "@Example.com"
			p.add(p.both()[i%2], u)
			users = append(users, u)
		}
		byKey := func(u *user) string { return kit.EmailKey(u.Email) }
		slices.SortFunc(users, func(a, b *user) int { return strings.Compare(byKey(a), byKey(b)) })
		prefixes := append([]string{"", "@", "nobody", "zz", "%", "_", "\U0010ffff", "\u00ff", "a@EXAMPLE", "A@example.com", longLocal + "@example.com", longLocal + "@example.co", longLocal + "@example.com.", "[", "?", ".", "^a", "a$", "a.*", `\`}, similarLocals...)
		afters := []string{"", "A", "b@example.com", "B", "a%", "é", "zzz", "\U0010ffff"}
		for i, prefix := range prefixes {
			begin := slices.DeleteFunc(slices.Clone(users), func(u *user) bool { return !strings.HasPrefix(byKey(u), kit.EmailKey(prefix)) })
			p.wantListedByEmail(prefix, "", 1000, begin)
			for j := range 3 { // the others come with the next prefixes
				at, limit := afters[(3*i+j)%len(afters)], 1+(i+j)%3
				p.wantListedByEmailBy(p.both()[j%2], prefix, at, limit, page(begin, kit.EmailKey(at), byKey, limit))
			}
			for j, u := range begin {
				p.wantListedByEmailBy(p.both()[j%2], prefix, strings.Replace(u.Email, "Example", "EXAMPLE", 1), 1000, begin[j+1:])
			}
		}
	}},
	{id: "users/list/limit", quote: listFull, needs: []Ability{Listing}, prove: func(p *probe) {
		users := p.addUsers(1001, "member")
		for i, limit := range []int{1, 12, 101, 999, 1000} {
			h := p.both()[i%2]
			p.wantListedBy(h, "", limit, users[:limit])
			p.wantListedBy(h, users[990].ID, limit, users[991:min(991+limit, len(users))])
			p.wantListedByEmailBy(h, "", "", limit, users[:limit])
			p.wantListedByEmailBy(h, "MEMBER", users[4].Email, limit, users[5:min(5+limit, len(users))])
		}
	}},
	{id: "users/list/none", quote: byUserNone, needs: []Ability{Listing}, prove: func(p *probe) {
		p.wantListed("", 10, nil)
		p.wantListedByEmail("", "", 10, nil)
		p.add(p.a, newUser("ann"))
		p.wantListed("user-ann", 10, nil)
		p.wantListedByEmail("bob", "", 10, nil)
		p.wantListedByEmail("ann", "ann@example.com", 10, nil)
	}},
	{id: "users/list/after-writes", quote: visible, needs: []Ability{Listing}, prove: func(p *probe) {
		users := p.addUsers(4, "member")
		moved := users[1]
		p.wantListedByEmail("", "", 10, users) // as a cache would see it
		moved.Email = "Moved@example.com"
		p.must(p.b.Users.Update(p.ctx(), moved.User), "Update of an address")
		moved.Version++
		p.wantListed("", 10, users)
		p.wantListedByEmail("member", "", 10, []*user{users[0], users[2], users[3]})
		p.wantListedByEmail("moved", "", 10, []*user{moved})
		for _, change := range userKind.changes[1:] { // of all but the address
			change(users[3])
		}
		p.must(p.a.Users.Update(p.ctx(), users[3].User), "Update of every other field")
		users[3].Version++
		p.wantListed("", 10, users)
		p.wantListedByEmail("member", "", 10, []*user{users[0], users[2], users[3]})
		p.must(p.a.Users.Delete(p.ctx(), users[0].ID), "Delete")
		p.must(p.a.Users.Delete(p.ctx(), moved.ID), "Delete of a user who had moved")
		p.wantListed("", 10, users[2:])
		p.wantListedByEmail("", "", 10, users[2:])
		p.wantListedByEmail("m", "", 1, users[2:3])
	}},
	{id: "users/list/place", quote: listPlace, needs: []Ability{Listing}, prove: func(p *probe) {
		users := p.addUsers(9, "placed")
		p.wantListed("", 2, users[:2])
		p.wantListedByEmail("placed", "", 3, users[:3])
		p.must(p.a.Users.Delete(p.ctx(), users[1].ID), "Delete of the last user of a page by ID")
		was := users[2].Email
		users[2].Email = "zz.placed@example.com"
		p.must(p.b.Users.Update(p.ctx(), users[2].User), "Update of the address of the last user of a page by address")
		users[2].Version++
		p.wantListed(users[1].ID, 2, users[2:4])
		p.wantListedByEmail("placed", was, 3, users[3:6])
		p.wantListedByEmail("placed", users[5].Email, 4, users[6:]) // fewer: the end, without who moved
		p.wantListedByEmail("", users[5].Email, 4, append(slices.Clone(users[6:]), users[2]))
		p.must(p.a.Users.Delete(p.ctx(), users[8].ID), "Delete of the last user of all")
		p.wantListed(users[8].ID, 2, nil)
		p.add(p.b, newUser("placed.0001")) // again
		p.wantListed(users[1].ID, 2, users[2:4])
	}},
	{id: "users/list/churn", quote: listWalk, needs: []Ability{Listing}, racy: true, prove: (*probe).churnUsers},
}

// similarLocals are local parts that a pattern, a folding, a collation or the upper bound of
// a range confuses.
var similarLocals = []string{
	longLocal, longLocal[1:] + "m", "a\x01", "a\x1f", "a ", "a\x7f", "a?", "a[", "a(b)", "a+", "a|b", "a{2}", "aa",
	"a", "A.", "ab", "aB.", "AC", "a%", "a%b", "a_", "a_b", "axb", "a*", "a*b", "a?b", `a\`, `a\b`, `a\%b`, "a.b", "a[b]", "a^b", "a$", "a'b", `a"b`,
	"b", "k", "\u212a", "s", "\u017f", "e", "\u00e9", "\u00c9", "e\u0301", "\u00ff", "\u00ffz", "\u0100",
	"z", "z\u007f", "z\u07ff", "z\uffff", "z\U0010ffff", "z\U0010ffff\U0010ffff", "{", "\uffff", "\U0010ffff", "\U0010ffff\U0010ffff", "\U0001f600",
}

// longLocal makes an address of 254 bytes, which is as long as one may be.
var longLocal = strings.Repeat("l", 254-len("@example.com"))

// page returns the first of the users whose key is greater than that.
func page(users []*user, key string, of func(u *user) string, limit int) []*user {
	left := slices.DeleteFunc(slices.Clone(users), func(u *user) bool { return of(u) <= key })
	return left[:min(limit, len(left))]
}

// addUsers creates n users and returns them in the order of both their keys.
func (p *probe) addUsers(n int, name string) []*user {
	var users []*user
	for i := range n {
		users = append(users, newUser(fmt.Sprintf("%s.%04d", name, i)))
	}
	for i := range n { // backwards
		p.add(p.both()[i%2], users[n-1-i])
	}
	return users
}

// lister returns the store as a kit.UserLister, or ends the proof.
func (p *probe) lister(h *handle) kit.UserLister {
	lister, ok := h.bare.Users.(kit.UserLister)
	if !ok {
		p.fatalf("the store of users does not implement kit.UserLister: let it, or list conformance.Listing in Config.Without")
	}
	return watchedLister{lister, p.watch, " through handle " + h.name}
}

// wantListed calls List through both handles and wants these users, whole and in this order.
func (p *probe) wantListed(at string, limit int, want []*user) {
	for _, h := range p.both() {
		p.wantListedBy(h, at, limit, want)
	}
}

func (p *probe) wantListedBy(h *handle, at string, limit int, want []*user) {
	list, err := p.lister(h).List(p.ctx(), at, limit)
	p.wantUsers(list, err, want, "List after %s, limit %d, through handle %s", brief(at), limit, h.name)
}

// wantListedByEmail is wantListed for ListByEmail.
func (p *probe) wantListedByEmail(prefix, at string, limit int, want []*user) {
	for _, h := range p.both() {
		p.wantListedByEmailBy(h, prefix, at, limit, want)
	}
}

func (p *probe) wantListedByEmailBy(h *handle, prefix, at string, limit int, want []*user) {
	list, err := p.lister(h).ListByEmail(p.ctx(), prefix, at, limit)
	p.wantUsers(list, err, want, "ListByEmail of %s after %s, limit %d, through handle %s", brief(prefix), brief(at), limit, h.name)
}

// wantUsers overwrites what it has compared: the next list must not show it.
func (p *probe) wantUsers(list []kit.User, err error, want []*user, what string, args ...any) {
	what = fmt.Sprintf(what, args...)
	p.wantErr(err, nil, "%s", what)
	keys := func(n int, of func(i int) kit.User) (keys []string) {
		for i := range n {
			keys = append(keys, of(i).ID+" "+of(i).Email)
		}
		return keys
	}
	got, wanted := keys(len(list), func(i int) kit.User { return list[i] }), keys(len(want), func(i int) kit.User { return want[i].User })
	if err == nil && !slices.Equal(got, wanted) {
		p.failf("%s: got %d users %s, want %d %s", what, len(got), brief(got), len(wanted), brief(wanted))
		return
	}
	for i, u := range list {
		p.want(&user{u}, err, want[i], "%s, number %d", what, i+1)
		scribble(&user{u})
	}
}

// listings are the lists that u alone is on; none where the store has none.
func (p *probe) listings(h *handle, u *user) []attempt {
	if _, ok := h.bare.Users.(kit.UserLister); !ok || slices.Contains(p.cfg.Without, Listing) {
		return nil
	}
	list := p.lister(h)
	only := func(users []kit.User, err error) (record, error) {
		switch {
		case err != nil:
			return nil, err
		case len(users) != 1:
			return nil, fmt.Errorf("it lists %d users, not the one", len(users))
		}
		return &user{users[0]}, nil
	}
	return []attempt{
		p.reading(way{method: "List", read: func(ctx context.Context, _ *handle) (record, error) {
			return only(list.List(ctx, u.ID[:len(u.ID)-1]+string(u.ID[len(u.ID)-1]-1)+"~", 1))
		}}, u, h),
		p.reading(way{method: "ListByEmail", read: func(ctx context.Context, _ *handle) (record, error) {
			return only(list.ListByEmail(ctx, u.Email, "", 2))
		}}, u, h),
	}
}

// longList is a list of several pages of users; none where the store has none.
func (p *probe) longList(h *handle) []attempt {
	if p.listings(h, newUser("any")) == nil {
		return nil
	}
	users := p.addUsers(severalPages, "many")
	return []attempt{{method: "ListByEmail of many users", call: func(ctx context.Context) error {
		list, err := p.lister(h).ListByEmail(ctx, "many.", "", 1000)
		if err == nil {
			p.wantUsers(list, nil, users, "ListByEmail of %d users", len(users))
		}
		return err
	}}}
}
