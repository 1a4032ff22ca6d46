package conformance

import (
	"context"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"myauth.internal/kit"
)

// credentialFlaws are flaws of purges that meet a newer record, and of the second table: those of a store that names the first one
// somewhere, and for each case of tokens that is tried over it the first flaw of that case.
func credentialFlaws() []flaw {
	flaws := []flaw{
		{name: "purges tokens of a newer form", by: "tokens/delete-expired/newer", alter: func(f *fake) {
			purge := f.deleteExpired
			f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
				for _, id := range f.flagged("newer " + f.table + " ") {
					f.flag("newer "+f.table+" "+id, false)
					f.drop(id)
				}
				return purge(ctx, before, limit)
			}
		}},
		{name: "counts tokens of a newer form towards the limit of a purge", by: "tokens/delete-expired/newer", alter: func(f *fake) {
			purge := f.deleteExpired
			f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
				return purge(ctx, before, limit-len(f.flagged("newer "+f.table+" ")))
			}
		}},
		{name: "keeps credentials among the tokens", by: "credentials/apart/one-id", alter: func(f *fake) { f.other = f }},
		{name: "deletes a token with the credential of the same ID", by: "credentials/apart/one-id", alter: func(f *fake) {
			remove := f.other.removeToken
			f.other.removeToken = func(ctx context.Context, at idAt) error { f.drop(at.id); return remove(ctx, at) }
		}},
		{name: "lists the credentials of a user among the tokens", by: "credentials/apart/one-id", alter: func(f *fake) { f.byUser = f.other.byUser }},
		{name: "refuses a token with the ID of a credential", by: "credentials/apart/purge", alter: func(f *fake) {
			first(&f.createToken, func(context.Context) error {
				if f.other.tokens.Ping(context.Background()) != nil || len(f.other.allTokens("ann")) == 0 {
					return nil
				}
				return kit.ErrConflict
			})
		}},
		{name: "purges tokens in place of credentials", by: "credentials/apart/purge", alter: func(f *fake) { f.other.deleteExpired = f.deleteExpired }},
		{name: "purges credentials with the tokens", by: "credentials/apart/purge", alter: func(f *fake) {
			purge := f.deleteExpired
			f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
				_, _ = f.other.deleteExpired(ctx, before, limit)
				return purge(ctx, before, limit)
			}
		}},
	}
	known := slices.Concat(tokenFlaws, flawsOfEveryMethod(tokenKind), newerFlaws(tokenKind), flaws)
	for _, name := range provenTwice {
		like := known[slices.IndexFunc(known, func(f flaw) bool { return f.by == "tokens/"+name })]
		flaws = append(flaws, flaw{name: "has credentials that are wrong: " + like.name, by: "credentials/" + name, alter: func(f *fake) { like.alter(f.other) }})
	}
	return flaws
}

// newerFlaws are flaws about records that a newer version wrote.
func newerFlaws(k kind) []flaw {
	name := func(what string) string { return what + " (" + k.name + ")" }
	by := func(what string) string { return k.name + "/newer/" + what }
	flaws := []flaw{
		{name: name("reads a record as far as it knows its form"), by: by("refused"), alter: func(f *fake) {
			f.byID = func(ctx context.Context, id string) (kit.User, error) { return f.users.ByID(ctx, id) }
			f.tokenByID = func(ctx context.Context, id string) (kit.Token, error) { return f.tokens.ByID(ctx, id) }
		}},
		{name: name("does not find a record of a newer form"), by: by("refused"), alter: func(f *fake) {
			insteadOf(&f.byID, kit.ErrNewerRecord, kit.ErrNotFound)
			insteadOf(&f.tokenByID, kit.ErrNewerRecord, kit.ErrNotFound)
		}},
		{name: name("says no more of a newer form than that it cannot be read"), by: by("refused"), alter: func(f *fake) {
			insteadOf(&f.byID, kit.ErrNewerRecord, kit.ErrUnavailable)
			insteadOf(&f.tokenByID, kit.ErrNewerRecord, kit.ErrUnavailable)
		}},
		{name: name("looks at the form only in reads by ID"), by: by("refused"), alter: func(f *fake) {
			f.byEmail = func(ctx context.Context, email string) (kit.User, error) { return f.users.ByEmail(ctx, email) }
			f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
				return f.tokens.ByUser(ctx, userID, after, limit)
			}
		}},
		{name: name("leaves a record of a newer form out of its lists"), by: by("refused"), alter: func(f *fake) {
			known := func(u kit.User) bool { return f.isNewer("users", u.ID) == nil }
			f.listAll = func(ctx context.Context, after string, limit int) ([]kit.User, error) {
				list, err := f.users.List(ctx, after, limit)
				return slices.DeleteFunc(list, func(u kit.User) bool { return !known(u) }), err
			}
			f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
				list, err := f.tokens.ByUser(ctx, userID, after, limit)
				return slices.DeleteFunc(list, func(t kit.Token) bool { return f.isNewer(f.table, t.ID) != nil }), err
			}
		}},
		{name: name("updates a record whose form it does not know"), by: by("unchanged"), alter: func(f *fake) {
			f.update = func(ctx context.Context, u kit.User) error {
				f.flag("newer users "+u.ID, false)
				return f.users.Update(ctx, u)
			}
			f.updateToken = func(ctx context.Context, t kit.Token) error {
				f.flag("newer "+f.table+" "+t.ID, false)
				return f.tokens.Update(ctx, t)
			}
		}},
		{name: name("deletes a record whose form it does not know"), by: by("unchanged"), alter: func(f *fake) {
			f.remove = func(ctx context.Context, id string) error {
				f.flag("newer users "+id, false)
				return f.users.Delete(ctx, id)
			}
			f.removeToken = func(ctx context.Context, at idAt) error {
				f.flag("newer "+f.table+" "+at.id, false)
				return f.tokens.Delete(ctx, at.id, at.version)
			}
		}},
		{name: name("says that it updated a record of a newer form"), by: by("unchanged"), alter: func(f *fake) {
			instead(&f.update, kit.ErrNewerRecord, nil)
			instead(&f.updateToken, kit.ErrNewerRecord, nil)
		}},
		{name: name("does not find what it should delete when its form is newer"), by: by("unchanged"), alter: func(f *fake) {
			instead(&f.remove, kit.ErrNewerRecord, kit.ErrNotFound)
			instead(&f.removeToken, kit.ErrNewerRecord, kit.ErrNotFound)
		}},
	}
	if k.name == userKind.name {
		flaws = append(flaws,
			flaw{name: "gives the address of a user of a newer form to a new one", by: by("unchanged"), alter: func(f *fake) { f.frees(&f.create) }},
			flaw{name: "gives the address of a user of a newer form to another", by: by("unchanged"), alter: func(f *fake) { f.frees(&f.update) }})
	}
	return flaws
}

// frees lets a write take the address of a user whom a newer version wrote.
func (f *fake) frees(write *func(context.Context, kit.User) error) {
	next := *write
	*write = func(ctx context.Context, u kit.User) error {
		if owner, err := f.users.ByEmail(ctx, u.Email); err == nil && owner.ID != u.ID && f.isNewer("users", owner.ID) != nil {
			owner.Email = "moved." + owner.Email
			_ = f.users.Update(ctx, owner)
		}
		return next(ctx, u)
	}
}

// userListFlaws are about the lists of users.
var userListFlaws = []flaw{
	{name: "lists users in the order of a collation", by: "users/list/by-id", alter: listsUsers(func(list []kit.User) {
		slices.SortStableFunc(list, func(a, b kit.User) int { return strings.Compare(strings.ToLower(a.ID), strings.ToLower(b.ID)) })
	})},
	{name: "lists users in the order of creation", by: "users/list/by-id", alter: listsUsers(func(list []kit.User) {
		slices.SortStableFunc(list, func(a, b kit.User) int { return a.CreatedAt.Compare(b.CreatedAt) })
	})},
	{name: "lists the user whom after names", by: "users/list/by-id", alter: func(f *fake) {
		listAll := f.listAll
		f.listAll = func(ctx context.Context, after string, limit int) ([]kit.User, error) {
			list, err := listAll(ctx, after, limit)
			if u, find := f.users.ByID(ctx, after); find == nil && err == nil {
				list = append([]kit.User{u}, list...)
				list = list[:min(len(list), limit)]
			}
			return list, err
		}
	}},
	{name: "lists users without their roles", by: "users/list/by-id", alter: listsUsers(func(list []kit.User) {
		for i := range list {
			list[i].Roles = nil
		}
	})},
	{name: "lists users by the spelling of the address", by: "users/list/by-email", alter: searches(func(u kit.User, prefix string) bool { return strings.HasPrefix(u.Email, prefix) })},
	{name: "folds more than ASCII in a prefix", by: "users/list/by-email", alter: searches(func(u kit.User, prefix string) bool {
		return strings.HasPrefix(strings.ToLower(u.Email), strings.ToLower(prefix))
	})},
	{name: "takes % in a prefix for a wildcard", by: "users/list/by-email", alter: wild("%", ".*")},
	{name: "takes _ in a prefix for a wildcard", by: "users/list/by-email", alter: wild("_", ".")},
	{name: "takes * in a prefix for a wildcard", by: "users/list/by-email", alter: wild("*", ".*")},
	{name: "takes a prefix for a regular expression", by: "users/list/by-email", alter: wild(".", ".")},
	{name: "drops a backslash from a prefix", by: "users/list/by-email", alter: searches(func(u kit.User, prefix string) bool {
		return strings.HasPrefix(kit.EmailKey(u.Email), kit.EmailKey(strings.ReplaceAll(prefix, `\`, "")))
	})},
	{name: "finds a prefix anywhere", by: "users/list/by-email", alter: searches(func(u kit.User, prefix string) bool {
		return strings.Contains(kit.EmailKey(u.Email), kit.EmailKey(prefix))
	})},
	{name: "ends a range of addresses at the prefix and U+FFFF", by: "users/list/by-email", alter: searches(func(u kit.User, prefix string) bool {
		key := kit.EmailKey(prefix)
		return kit.EmailKey(u.Email) >= key && kit.EmailKey(u.Email) <= key+"\uffff"
	})},
	{name: "ends a range of addresses at the prefix and z", by: "users/list/by-email", alter: searches(func(u kit.User, prefix string) bool {
		key := kit.EmailKey(prefix)
		return kit.EmailKey(u.Email) >= key && kit.EmailKey(u.Email) < key+"z"
	})},
	{name: "compares after by its spelling", by: "users/list/by-email", alter: func(f *fake) {
		f.list = func(ctx context.Context, prefix, after string, limit int) ([]kit.User, error) {
			if err := f.gate(ctx); err != nil {
				return nil, err
			}
			list, err := f.users.ListByEmail(ctx, prefix, "", 1000)
			list = slices.DeleteFunc(list, func(u kit.User) bool { return u.Email <= after })
			return list[:min(len(list), limit)], err
		}
	}},
	{name: "finds nobody by an empty prefix", by: "users/list/by-email", alter: searches(func(u kit.User, prefix string) bool {
		return prefix != "" && strings.HasPrefix(kit.EmailKey(u.Email), kit.EmailKey(prefix))
	})},
	{name: "lists at most 100 users", by: "users/list/limit", alter: func(f *fake) {
		f.listOut(func(list []kit.User) []kit.User { return list[:min(len(list), 100)] })
	}},
	{name: "answers an empty list of users with ErrNotFound", by: "users/list/none", alter: func(f *fake) {
		listAll := f.listAll
		f.listAll = func(ctx context.Context, after string, limit int) ([]kit.User, error) {
			list, err := listAll(ctx, after, limit)
			if err == nil && len(list) == 0 {
				err = kit.ErrNotFound
			}
			return list, err
		}
	}},
	{name: "lists a user who moved at the old address as well", by: "users/list/after-writes", alter: func(f *fake) {
		update, list := f.update, f.list
		old := map[string]string{}
		f.update = func(ctx context.Context, u kit.User) error {
			if was, err := f.users.ByID(ctx, u.ID); err == nil {
				old[kit.EmailKey(was.Email)] = u.ID
			}
			return update(ctx, u)
		}
		f.list = func(ctx context.Context, prefix, after string, limit int) ([]kit.User, error) {
			users, err := list(ctx, prefix, after, limit)
			for key, id := range old {
				if u, find := f.users.ByID(ctx, id); find == nil && strings.HasPrefix(key, prefix) && key > after && len(users) < limit {
					users = append(users, u)
				}
			}
			return users, err
		}
	}},
	{name: "lists users as the first list showed them", by: "users/list/after-writes", alter: func(f *fake) {
		f.listOut(func(list []kit.User) []kit.User {
			for i, u := range list {
				if _, seen := f.users1[u.ID]; !seen {
					f.users1[u.ID] = u.Clone()
				}
				list[i] = f.users1[u.ID].Clone()
				list[i].Email = u.Email
			}
			return list
		})
	}},
	{name: "shares the slices of listed users with its callers", by: "users/list/after-writes", alter: func(f *fake) {
		f.listOut(func(list []kit.User) []kit.User {
			for i, u := range list {
				if shared, seen := f.users1[u.ID]; seen && shared.Version == u.Version {
					list[i].Roles = shared.Roles
				}
				f.users1[u.ID] = list[i]
			}
			return list
		})
	}},
	{name: "lists deleted users", by: "users/list/after-writes", alter: func(f *fake) {
		remove := f.remove
		var gone []kit.User
		f.remove = func(ctx context.Context, id string) error {
			u, _ := f.users.ByID(ctx, id)
			gone = append(gone, u)
			return remove(ctx, id)
		}
		f.listOut(func(list []kit.User) []kit.User { return append(list, gone...) })
	}},
	{name: "reads pages by number", by: "users/list/churn", racy: true, alter: func(f *fake) {
		numbers := map[string]int{} // of the first user after an ID, when the page that ends with it was read
		f.listAll = func(ctx context.Context, after string, limit int) ([]kit.User, error) {
			if err := f.gate(ctx); err != nil {
				return nil, err
			}
			all, err := f.users.List(ctx, "", 1000)
			f.mu.Lock()
			defer f.mu.Unlock()
			from := min(numbers[after], len(all))
			page := all[from:min(from+limit, len(all))]
			if len(page) > 0 {
				numbers[page[len(page)-1].ID] = from + len(page)
			}
			return page, err
		}
	}},
	{name: "lists users through a context that never ends", by: "users/context/done-before", alter: func(f *fake) {
		f.listAll = func(_ context.Context, after string, limit int) ([]kit.User, error) {
			return f.users.List(context.Background(), after, limit)
		}
	}},
	{name: "lists users after Close", by: "users/closed/unavailable", alter: func(f *fake) {
		f.list = func(ctx context.Context, prefix, after string, limit int) ([]kit.User, error) {
			return f.users.ListByEmail(ctx, prefix, after, limit)
		}
	}},
	{name: "lists the first users only when the rest is lost", by: "users/network/cut-answer", alter: func(f *fake) {
		if f.wire != nil {
			f.wire.ends = func(error) bool { return true }
		}
	}},
}

// listsUsers changes the lists by ID.
func listsUsers(change func([]kit.User)) func(f *fake) {
	return func(f *fake) {
		f.listAll = func(ctx context.Context, after string, limit int) ([]kit.User, error) {
			if err := f.gate(ctx); err != nil {
				return nil, err
			}
			list, err := f.users.List(ctx, after, 1000)
			change(list)
			return list[:min(len(list), limit)], err
		}
	}
}

// searches finds users by a prefix as the flaw says.
func searches(found func(u kit.User, prefix string) bool) func(f *fake) {
	return func(f *fake) {
		f.list = func(ctx context.Context, prefix, after string, limit int) ([]kit.User, error) {
			if err := f.gate(ctx); err != nil {
				return nil, err
			}
			list, err := f.users.ListByEmail(ctx, "", after, 1000)
			list = slices.DeleteFunc(list, func(u kit.User) bool { return !found(u, prefix) })
			return list[:min(len(list), limit)], err
		}
	}
}

// wild takes a character of a prefix for a pattern.
func wild(char, pattern string) func(f *fake) {
	return searches(func(u kit.User, prefix string) bool {
		parts := strings.Split(kit.EmailKey(prefix), char)
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		return regexp.MustCompile("^(?s:" + strings.Join(parts, pattern) + ")").MatchString(kit.EmailKey(u.Email))
	})
}

// churnFlaws show only among many users, while others come and go.
var churnFlaws = []flaw{
	{name: "finds a page of addresses by its number", by: "users/list/churn", racy: true, alter: func(f *fake) {
		numbers := map[string]int{}
		f.list = func(ctx context.Context, prefix, after string, limit int) ([]kit.User, error) {
			all, err := f.everybody(ctx, prefix)
			f.mu.Lock()
			defer f.mu.Unlock()
			from := min(numbers[prefix+"\x00"+kit.EmailKey(after)], len(all))
			page := all[from:min(from+limit, len(all))]
			if len(page) > 0 {
				numbers[prefix+"\x00"+kit.EmailKey(page[len(page)-1].Email)] = from + len(page)
			}
			return page, err
		}
	}},
	{name: "takes a user out of the order while it is changed", by: "users/list/churn", racy: true, alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			f.flag("unlisted "+u.ID, true)
			defer f.flag("unlisted "+u.ID, false)
			runtime.Gosched()
			return update(ctx, u)
		}
		f.listOut(func(list []kit.User) []kit.User {
			return slices.DeleteFunc(list, func(u kit.User) bool { return f.has("unlisted " + u.ID) })
		})
	}},
	{name: "begins a page with the last user of the page before when that has changed", by: "users/list/churn", racy: true, alter: func(f *fake) {
		listAll := f.listAll
		f.listAll = func(ctx context.Context, after string, limit int) ([]kit.User, error) {
			list, err := listAll(ctx, after, limit)
			if u, find := f.users.ByID(ctx, after); find == nil && u.Version > 1 && err == nil {
				list = append([]kit.User{u}, list...)
				list = list[:min(len(list), limit)]
			}
			return list, err
		}
	}},
	{name: "passes over a user at the edge of a page when the last one of the page before is gone", by: "users/list/place", alter: func(f *fake) {
		known := sync.Map{} // that were listed
		listAll := f.listAll
		f.listAll = func(ctx context.Context, after string, limit int) ([]kit.User, error) {
			_, listed := known.Load(after)
			if _, err := f.users.ByID(ctx, after); listed && isNotFound(err) {
				if next, err := f.users.List(ctx, after, 1); err == nil && len(next) == 1 {
					after = next[0].ID
				}
			}
			list, err := listAll(ctx, after, limit)
			for _, u := range list {
				known.Store(u.ID, true)
			}
			return list, err
		}
	}},
	{name: "ends a walk by address when the last user of a page has moved", by: "users/list/place", alter: func(f *fake) {
		known := sync.Map{}
		list := f.list
		f.list = func(ctx context.Context, prefix, after string, limit int) ([]kit.User, error) {
			_, listed := known.Load(kit.EmailKey(after))
			if _, err := f.users.ByEmail(ctx, after); listed && isNotFound(err) {
				return []kit.User{}, nil
			}
			page, err := list(ctx, prefix, after, limit)
			for _, u := range page {
				known.Store(kit.EmailKey(u.Email), true)
			}
			return page, err
		}
	}},
	{name: "swaps two users of a long list now and then", by: "users/list/churn", alter: func(f *fake) {
		f.listOut(func(list []kit.User) []kit.User {
			if f.count.Add(1)%20 == 0 && len(list) > 2 {
				list[0], list[1] = list[1], list[0]
			}
			return list
		})
	}},
	{name: "ends a page early when it meets who was deleted", by: "users/list/churn", racy: true, alter: func(f *fake) {
		remove := f.remove
		f.remove = func(ctx context.Context, id string) error {
			err := remove(ctx, id)
			f.flag("was deleted "+id, err == nil)
			return err
		}
		listAll := f.listAll
		f.listAll = func(ctx context.Context, after string, limit int) ([]kit.User, error) {
			list, err := listAll(ctx, after, limit)
			for i := range list {
				if i > 0 && f.has("was deleted "+list[i].ID) {
					return list[:i], err
				}
			}
			return list, err
		}
	}},
	{name: "lists the users of the last pages while others delete them", by: "users/list/churn", racy: true, alter: func(f *fake) {
		remove := f.remove
		f.remove = func(ctx context.Context, id string) error {
			if u, err := f.users.ByID(ctx, id); err == nil && f.count.Add(1)%3 == 0 {
				f.mu.Lock()
				f.users1[id] = u
				f.mu.Unlock()
			}
			return remove(ctx, id)
		}
		listAll := f.listAll
		f.listAll = func(ctx context.Context, after string, limit int) ([]kit.User, error) {
			list, err := listAll(ctx, after, limit)
			f.mu.Lock()
			defer f.mu.Unlock()
			for id, u := range f.users1 {
				if len(list) > 0 && id > after && id < list[len(list)-1].ID && !slices.ContainsFunc(list, func(o kit.User) bool { return o.ID == id }) {
					list = append(list, u)
				}
			}
			slices.SortFunc(list, func(a, b kit.User) int { return strings.Compare(a.ID, b.ID) })
			return list[:min(len(list), limit)], err
		}
	}},
	{name: "ends its order at a number of users", by: "users/list/churn", alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			err := create(ctx, u)
			if err == nil && f.count.Add(1) > 150 { // of the few of this test
				f.flag("unlisted "+u.ID, true)
			}
			return err
		}
		f.listOut(func(list []kit.User) []kit.User {
			return slices.DeleteFunc(list, func(u kit.User) bool { return f.has("unlisted " + u.ID) })
		})
	}},
	{name: "takes ? in a prefix for a wildcard", by: "users/list/by-email", alter: wild("?", ".")},
	{name: "takes a prefix for a pattern of a shell", by: "users/list/by-email", alter: searches(func(u kit.User, prefix string) bool {
		matched, err := path.Match(kit.EmailKey(prefix)+"*", kit.EmailKey(u.Email))
		return matched || err != nil && strings.HasPrefix(kit.EmailKey(u.Email), kit.EmailKey(prefix))
	})},
	{name: "cuts a prefix to 250 bytes", by: "users/list/by-email", alter: searches(func(u kit.User, prefix string) bool {
		key := kit.EmailKey(prefix)
		return strings.HasPrefix(kit.EmailKey(u.Email), key[:min(len(key), 250)])
	})},
	{name: "trims the space from a prefix", by: "users/list/by-email", alter: searches(func(u kit.User, prefix string) bool {
		return strings.HasPrefix(kit.EmailKey(u.Email), strings.TrimSpace(kit.EmailKey(prefix)))
	})},
}

// everybody returns all users whose address begins with prefix, by address.
func (f *fake) everybody(ctx context.Context, prefix string) (all []kit.User, err error) {
	if err := f.gate(ctx); err != nil {
		return nil, err
	}
	for at := ""; ; at = all[len(all)-1].Email {
		page, err := f.users.ListByEmail(ctx, prefix, at, 1000)
		if all = append(all, page...); err != nil || len(page) < 1000 {
			return all, err
		}
	}
}
