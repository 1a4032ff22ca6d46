package conformance

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"myauth.internal/kit"
)

// filterList drops what keep refuses from every list.
func (f *fake) filterList(keep func(kit.Token) bool) {
	f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
		if err := f.gate(ctx); err != nil {
			return nil, err
		}
		list := slices.DeleteFunc(f.allTokens(userID), func(t kit.Token) bool { return t.ID <= after || !keep(t) })
		return list[:min(len(list), limit)], nil
	}
}

// sortList puts every list into another order.
func (f *fake) sortList(compare func(a, b kit.Token) int) {
	f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
		if err := f.gate(ctx); err != nil {
			return nil, err
		}
		list := slices.DeleteFunc(f.allTokens(userID), func(t kit.Token) bool { return t.ID <= after })
		slices.SortStableFunc(list, compare)
		return list[:min(len(list), limit)], nil
	}
}

// hide makes ByID not find what it is told to.
func (f *fake) hide(hidden func(kit.Token) bool) {
	byID := f.tokenByID
	f.tokenByID = func(ctx context.Context, id string) (kit.Token, error) {
		t, err := byID(ctx, id)
		if err == nil && hidden(t) {
			return kit.Token{}, kit.ErrNotFound
		}
		return t, err
	}
}

// remember keeps the users of all tokens, for flaws that look at all of them.
func (f *fake) remember() {
	create := f.createToken
	f.createToken = func(ctx context.Context, t kit.Token) error {
		f.flag("user "+t.UserID, true)
		return create(ctx, t)
	}
}

// everyToken reads the tokens of every user; it needs remember.
func (f *fake) everyToken() []kit.Token {
	f.mu.Lock()
	var users []string
	for flag := range f.flags {
		if userID, ok := strings.CutPrefix(flag, "user "); ok {
			users = append(users, userID)
		}
	}
	f.mu.Unlock()
	slices.Sort(users)
	var all []kit.Token
	for _, userID := range users {
		all = append(all, f.allTokens(userID)...)
	}
	return all
}

// purge replaces DeleteExpired by one that removes what due says.
func (f *fake) purge(due func(t kit.Token, before time.Time) bool) {
	f.remember()
	f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
		if err := f.gate(ctx); err != nil {
			return 0, err
		}
		n := 0
		for _, t := range f.everyToken() {
			if n < limit && due(t, before) {
				_, _ = f.tokens.Delete(context.Background(), t.ID)
				n++
			}
		}
		return n, nil
	}
}

func expired(t kit.Token, before time.Time) bool { return !t.ExpiresAt.After(before) }

// now is what a clock of the store's own would say: any time but the caller's.
var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

var tokenFlaws = []flaw{
	{name: "says that it created a token and does not", by: "tokens/create/adds", alter: func(f *fake) {
		f.createToken = func(ctx context.Context, t kit.Token) error { return f.gate(ctx) }
	}},
	{name: "holds at most 5,000 tokens", by: "tokens/scale/ten-thousand", alter: func(f *fake) {
		create := f.createToken
		f.createToken = func(ctx context.Context, t kit.Token) error {
			if f.count.Add(1) > 5000 {
				return nil
			}
			return create(ctx, t)
		}
	}},

	// Create.
	{name: "keeps IDs apart by type", by: "tokens/create/unique-id", alter: func(f *fake) {
		create := f.createToken
		f.createToken = func(ctx context.Context, t kit.Token) error {
			if old, err := f.tokens.ByID(ctx, t.ID); err == nil && old.Type != t.Type {
				return nil
			}
			return create(ctx, t)
		}
	}},
	{name: "keeps IDs apart by user", by: "tokens/create/unique-id", alter: func(f *fake) {
		create := f.createToken
		f.createToken = func(ctx context.Context, t kit.Token) error {
			if old, err := f.tokens.ByID(ctx, t.ID); err == nil && old.UserID != t.UserID {
				return nil
			}
			return create(ctx, t)
		}
	}},
	{name: "ignores a duplicate ID", by: "tokens/create/unique-id", alter: func(f *fake) {
		create := f.createToken
		f.createToken = func(ctx context.Context, t kit.Token) error {
			if err := create(ctx, t); !errors.Is(err, kit.ErrConflict) {
				return err
			}
			return nil
		}
	}},
	{name: "answers a duplicate ID with ErrUserExists", by: "tokens/create/unique-id", alter: func(f *fake) {
		create := f.createToken
		f.createToken = func(ctx context.Context, t kit.Token) error {
			if err := create(ctx, t); !errors.Is(err, kit.ErrConflict) {
				return err
			}
			return kit.ErrUserExists
		}
	}},
	{name: "overwrites the token with a duplicate ID", by: "tokens/create/refused-changes-nothing", alter: func(f *fake) {
		create := f.createToken
		f.createToken = func(ctx context.Context, t kit.Token) error {
			err := create(ctx, t)
			if errors.Is(err, kit.ErrConflict) {
				_, _ = f.tokens.Delete(ctx, t.ID)
				_ = f.tokens.Create(ctx, t)
			}
			return err
		}
	}},
	{name: "starts every token at Version 0", by: "tokens/create/keeps-version", alter: func(f *fake) {
		create := f.createToken
		f.createToken = func(ctx context.Context, t kit.Token) error { t.Version = 0; return create(ctx, t) }
	}},
	{name: "refuses a token that has expired", by: "tokens/create/expired-already", alter: func(f *fake) {
		create := f.createToken
		f.createToken = func(ctx context.Context, t kit.Token) error {
			if t.ExpiresAt.Before(time.Unix(1, 0)) {
				return errors.New("the token has expired")
			}
			return create(ctx, t)
		}
	}},
	{name: "refuses a token whose user it does not know", by: "tokens/create/no-user-needed", alter: func(f *fake) {
		create := f.createToken
		f.createToken = func(ctx context.Context, t kit.Token) error {
			if strings.Contains(t.UserID, "no store knows") {
				return errors.New("violates foreign key constraint")
			}
			return create(ctx, t)
		}
	}},

	// ByID.
	{name: "hides expired tokens from ByID", by: "tokens/by-id/expired-and-revoked", alter: func(f *fake) {
		f.hide(func(t kit.Token) bool { return !t.ExpiresAt.IsZero() && t.ExpiresAt.Before(time.Unix(1, 0)) })
	}},
	{name: "hides revoked tokens from ByID", by: "tokens/by-id/expired-and-revoked", alter: func(f *fake) {
		f.hide(func(t kit.Token) bool { return t.RevokedAt.Equal(epoch) })
	}},
	{name: "compares token IDs without regard to case", by: "tokens/by-id/absent", alter: func(f *fake) {
		byID := f.tokenByID
		f.tokenByID = func(ctx context.Context, id string) (kit.Token, error) {
			t, err := byID(ctx, id)
			if isNotFound(err) {
				for _, name := range []string{"one", "two"} {
					if strings.EqualFold(id, tokenID(name)) {
						return byID(ctx, tokenID(name))
					}
				}
			}
			return t, err
		}
	}},
	{name: "finds no token: nil error and an empty token", by: "tokens/by-id/absent", alter: func(f *fake) {
		byID := f.tokenByID
		f.tokenByID = func(ctx context.Context, id string) (kit.Token, error) {
			t, err := byID(ctx, id)
			if isNotFound(err) {
				return kit.Token{}, nil
			}
			return t, err
		}
	}},
	{name: "reads the last two characters of an ID as one", by: "tokens/by-id/exact", alter: func(f *fake) {
		cut := strings.NewReplacer("18a-", "18a_", "18-a", "18_a", "18--", "18__")
		f.tokenIn(func(t *kit.Token) { t.ID = cut.Replace(t.ID) })
		byID := f.tokenByID
		f.tokenByID = func(ctx context.Context, id string) (kit.Token, error) { return byID(ctx, cut.Replace(id)) }
	}},

	// Update.
	{name: "updates a token without regard to Version", by: "tokens/update/conflict", alter: func(f *fake) {
		update := f.updateToken
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			if old, err := f.tokens.ByID(ctx, t.ID); err == nil {
				t.Version = old.Version
			}
			return update(ctx, t)
		}
	}},
	{name: "answers a token's conflict with ErrNotFound", by: "tokens/update/conflict", alter: func(f *fake) {
		update := f.updateToken
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			if err := update(ctx, t); !errors.Is(err, kit.ErrConflict) {
				return err
			}
			return kit.ErrNotFound
		}
	}},
	{name: "swallows the conflict of a token", by: "tokens/update/conflict", alter: func(f *fake) {
		update := f.updateToken
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			if err := update(ctx, t); !errors.Is(err, kit.ErrConflict) {
				return err
			}
			return nil
		}
	}},
	{name: "moves the expiry of a token in a refused Update", by: "tokens/update/conflict-changes-nothing", alter: func(f *fake) {
		update := f.updateToken
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			err := update(ctx, t)
			if old, find := f.tokens.ByID(ctx, t.ID); errors.Is(err, kit.ErrConflict) && find == nil {
				expires := t.ExpiresAt
				_, _ = f.tokens.Delete(ctx, t.ID)
				old.ExpiresAt = expires
				_ = f.tokens.Create(ctx, old)
			}
			return err
		}
	}},
	{name: "keeps the Version of a token's Update", by: "tokens/update/adds-one-to-version", alter: func(f *fake) {
		update := f.updateToken
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			err := update(ctx, t)
			if err == nil {
				_, _ = f.tokens.Delete(ctx, t.ID)
				_ = f.tokens.Create(ctx, t)
			}
			return err
		}
	}},
	{name: "inserts a token that an Update does not find", by: "tokens/update/absent", alter: func(f *fake) {
		update := f.updateToken
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			if err := update(ctx, t); !isNotFound(err) {
				return err
			}
			return f.tokens.Create(ctx, t)
		}
	}},
	{name: "answers the Update of an absent token with ErrConflict", by: "tokens/update/absent", alter: func(f *fake) {
		update := f.updateToken
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			if err := update(ctx, t); !isNotFound(err) {
				return err
			}
			return kit.ErrConflict
		}
	}},
	{name: "never takes RevokedAt away again", by: "tokens/update/replaces-by-empty", alter: func(f *fake) {
		update := f.updateToken
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			if old, err := f.tokens.ByID(ctx, t.ID); err == nil && t.RevokedAt.IsZero() {
				t.RevokedAt = old.RevokedAt
			}
			return update(ctx, t)
		}
	}},
	{name: "forgets PreviousHash in an Update", by: "tokens/update/replaces", alter: func(f *fake) {
		update := f.updateToken
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			if old, err := f.tokens.ByID(ctx, t.ID); err == nil {
				t.PreviousHash = old.PreviousHash
			}
			return update(ctx, t)
		}
	}},
	{name: "changes Type in an Update", by: "tokens/update/identity-stays", alter: func(f *fake) {
		update := f.updateToken
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			err := update(ctx, t)
			if err == nil {
				_, _ = f.tokens.Delete(ctx, t.ID)
				t.Version++
				_ = f.tokens.Create(ctx, t)
			}
			return err
		}
	}},
	{name: "purges by the ExpiresAt from before an Update", by: "tokens/update/moves-expiry", alter: func(f *fake) {
		f.purge(func(t kit.Token, before time.Time) bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			return expired(f.tokens1[t.ID], before)
		})
		remember := f.createToken
		f.createToken = func(ctx context.Context, t kit.Token) error {
			err := remember(ctx, t)
			if err == nil {
				f.mu.Lock()
				f.tokens1[t.ID] = t.Clone()
				f.mu.Unlock()
			}
			return err
		}
	}},

	// Delete.
	{name: "always says that it deleted a token", by: "tokens/delete/absent", alter: func(f *fake) {
		remove := f.removeToken
		f.removeToken = func(ctx context.Context, id string) (bool, error) {
			_, err := remove(ctx, id)
			return err == nil, err
		}
	}},
	{name: "never says that it deleted a token", by: "tokens/delete/reports-this-call", alter: func(f *fake) {
		remove := f.removeToken
		f.removeToken = func(ctx context.Context, id string) (bool, error) {
			_, err := remove(ctx, id)
			return false, err
		}
	}},
	{name: "answers the Delete of an absent token with ErrNotFound", by: "tokens/delete/absent", alter: func(f *fake) {
		remove := f.removeToken
		f.removeToken = func(ctx context.Context, id string) (bool, error) {
			removed, err := remove(ctx, id)
			if err == nil && !removed {
				err = kit.ErrNotFound
			}
			return removed, err
		}
	}},
	{name: "deletes only refresh tokens", by: "tokens/delete/any-version", alter: func(f *fake) {
		remove := f.removeToken
		f.removeToken = func(ctx context.Context, id string) (bool, error) {
			if t, err := f.tokens.ByID(ctx, id); err == nil && t.Type != kit.RefreshToken {
				return false, nil
			}
			return remove(ctx, id)
		}
	}},
	{name: "lists deleted tokens", by: "tokens/delete/removes", alter: func(f *fake) {
		remove, byUser := f.removeToken, f.byUser
		f.removeToken = func(ctx context.Context, id string) (bool, error) {
			t, _ := f.tokens.ByID(ctx, id)
			removed, err := remove(ctx, id)
			if removed {
				f.mu.Lock()
				f.tokens1[t.UserID] = t
				f.mu.Unlock()
			}
			return removed, err
		}
		f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
			list, err := byUser(ctx, userID, after, limit)
			f.mu.Lock()
			defer f.mu.Unlock()
			if t, ok := f.tokens1[userID]; ok && err == nil && after == "" {
				list = append(list, t.Clone())
			}
			return list, err
		}
	}},

	// ByUser.
	{name: "lists tokens in the order of creation", by: "tokens/by-user/byte-order", alter: func(f *fake) {
		f.sortList(func(a, b kit.Token) int { return a.CreatedAt.Compare(b.CreatedAt) })
	}},
	{name: "lists tokens in the order of expiry", by: "tokens/by-user/byte-order", alter: func(f *fake) {
		f.sortList(func(a, b kit.Token) int { return a.ExpiresAt.Compare(b.ExpiresAt) })
	}},
	{name: "lists tokens in the order of a collation", by: "tokens/by-user/byte-order", alter: func(f *fake) {
		f.sortList(func(a, b kit.Token) int { return strings.Compare(strings.ToLower(a.ID), strings.ToLower(b.ID)) })
	}},
	{name: "lists tokens in descending order", by: "tokens/by-user/byte-order", alter: func(f *fake) {
		f.sortList(func(a, b kit.Token) int { return strings.Compare(b.ID, a.ID) })
	}},
	{name: "lists the token that after names", by: "tokens/by-user/after", alter: func(f *fake) {
		byUser := f.byUser
		f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
			list, err := byUser(ctx, userID, after, limit)
			if t, find := f.tokens.ByID(ctx, after); find == nil && err == nil && t.UserID == userID {
				list = append([]kit.Token{t}, list...)
				list = list[:min(len(list), limit)]
			}
			return list, err
		}
	}},
	{name: "lists from the beginning, whatever after says", by: "tokens/by-user/after", alter: func(f *fake) {
		byUser := f.byUser
		f.byUser = func(ctx context.Context, userID, _ string, limit int) ([]kit.Token, error) {
			return byUser(ctx, userID, "", limit)
		}
	}},
	{name: "lists nothing when after names no token", by: "tokens/by-user/after", alter: func(f *fake) {
		byUser := f.byUser
		f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
			list, err := byUser(ctx, userID, after, limit)
			if _, find := f.tokens.ByID(ctx, after); after != "" && find != nil && err == nil {
				return nil, nil
			}
			return list, err
		}
	}},
	{name: "lists everything, whatever the limit", by: "tokens/by-user/limit", alter: func(f *fake) {
		f.byUser = func(ctx context.Context, userID, after string, _ int) ([]kit.Token, error) {
			if err := f.gate(ctx); err != nil {
				return nil, err
			}
			return slices.DeleteFunc(f.allTokens(userID), func(t kit.Token) bool { return t.ID <= after }), nil
		}
	}},
	{name: "applies the limit before after", by: "tokens/by-user/limit", alter: func(f *fake) {
		byUser := f.byUser
		f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
			list, err := byUser(ctx, userID, "", limit)
			return slices.DeleteFunc(list, func(t kit.Token) bool { return t.ID <= after }), err
		}
	}},
	{name: "lists at most 100 tokens", by: "tokens/by-user/pages", alter: func(f *fake) {
		byUser := f.byUser
		f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
			return byUser(ctx, userID, after, min(limit, 100))
		}
	}},
	{name: "lists no expired tokens", by: "tokens/by-user/every-type", alter: func(f *fake) {
		f.filterList(func(t kit.Token) bool { return t.ExpiresAt.After(time.Unix(0, 0)) })
	}},
	{name: "lists no revoked tokens", by: "tokens/by-user/every-type", alter: func(f *fake) {
		f.filterList(func(t kit.Token) bool { return t.RevokedAt.IsZero() })
	}},
	{name: "lists no reset tokens", by: "tokens/by-user/every-type", alter: func(f *fake) {
		f.filterList(func(t kit.Token) bool { return t.Type == kit.RefreshToken })
	}},
	{name: "lists tokens of users whose ID begins alike", by: "tokens/by-user/of-that-user", alter: func(f *fake) {
		f.remember()
		f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
			if err := f.gate(ctx); err != nil {
				return nil, err
			}
			var list []kit.Token
			for _, t := range f.everyToken() {
				if strings.HasPrefix(t.UserID, userID) && t.ID > after {
					list = append(list, t)
				}
			}
			slices.SortFunc(list, func(a, b kit.Token) int { return strings.Compare(a.ID, b.ID) })
			return list[:min(len(list), limit)], nil
		}
	}},
	{name: "lists tokens without their hashes", by: "tokens/by-user/whole-records", alter: func(f *fake) {
		byUser := f.byUser
		f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
			list, err := byUser(ctx, userID, after, limit)
			for i := range list {
				list[i].SecretHash, list[i].PreviousHash, list[i].Salt = nil, nil, nil
			}
			return list, err
		}
	}},
	{name: "answers an empty list with ErrNotFound", by: "tokens/by-user/none", alter: func(f *fake) {
		byUser := f.byUser
		f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
			list, err := byUser(ctx, userID, after, limit)
			if err == nil && len(list) == 0 {
				err = kit.ErrNotFound
			}
			return list, err
		}
	}},

	// DeleteExpired.
	{name: "purges by a clock of its own", by: "tokens/delete-expired/no-clock", alter: func(f *fake) {
		deleteExpired := f.deleteExpired
		f.deleteExpired = func(ctx context.Context, _ time.Time, limit int) (int, error) { return deleteExpired(ctx, now, limit) }
	}},
	{name: "purges only what its own clock calls expired", by: "tokens/delete-expired/no-clock", alter: func(f *fake) {
		f.purge(func(t kit.Token, before time.Time) bool { return expired(t, before) && expired(t, now) })
	}},
	{name: "spares a token that expires at that very time", by: "tokens/delete-expired/boundary", alter: func(f *fake) {
		f.purge(func(t kit.Token, before time.Time) bool { return t.ExpiresAt.Before(before) })
	}},
	{name: "purges a token one step too early", by: "tokens/delete-expired/boundary", alter: func(f *fake) {
		f.purge(func(t kit.Token, before time.Time) bool { return expired(t, before.Add(time.Microsecond)) })
	}},
	{name: "purges by whole seconds", by: "tokens/delete-expired/boundary", alter: func(f *fake) {
		f.purge(func(t kit.Token, before time.Time) bool {
			return expired(t, before.Truncate(time.Second).Add(time.Second-1))
		})
	}},
	{name: "rounds the time of a purge to its own precision", by: "tokens/delete-expired/finer-before", alter: func(f *fake) {
		deleteExpired := f.deleteExpired
		f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
			return deleteExpired(ctx, before.Round(time.Microsecond), limit)
		}
	}},
	{name: "compares times of a purge as text in their zones", by: "tokens/delete-expired/zone", alter: func(f *fake) {
		f.purge(func(t kit.Token, before time.Time) bool {
			const layout = "2006-01-02T15:04:05.000000000"
			return t.ExpiresAt.Format(layout) <= before.Format(layout)
		})
	}},
	{name: "never purges a token without ExpiresAt", by: "tokens/delete-expired/extremes", alter: func(f *fake) {
		f.purge(func(t kit.Token, before time.Time) bool { return !t.ExpiresAt.IsZero() && expired(t, before) })
	}},
	{name: "purges by nanoseconds in an int64", by: "tokens/delete-expired/extremes", alter: func(f *fake) {
		f.purge(func(t kit.Token, before time.Time) bool { return t.ExpiresAt.UnixNano() <= before.UnixNano() })
	}},
	{name: "purges only refresh tokens", by: "tokens/delete-expired/every-type", alter: func(f *fake) {
		f.purge(func(t kit.Token, before time.Time) bool { return t.Type == kit.RefreshToken && expired(t, before) })
	}},
	{name: "never purges revoked tokens", by: "tokens/delete-expired/every-type", alter: func(f *fake) {
		f.purge(func(t kit.Token, before time.Time) bool { return t.RevokedAt.IsZero() && expired(t, before) })
	}},
	{name: "purges revoked tokens before they expire", by: "tokens/delete-expired/spares-the-live", alter: func(f *fake) {
		f.purge(func(t kit.Token, before time.Time) bool {
			return expired(t, before) || t.RevokedAt.Equal(time.Unix(1, 0))
		})
	}},
	{name: "purges everything, whatever the limit", by: "tokens/delete-expired/limit", alter: func(f *fake) {
		deleteExpired := f.deleteExpired
		f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
			n, err := deleteExpired(ctx, before, limit)
			for more := n; more > 0; {
				more, _ = f.tokens.DeleteExpired(ctx, before, 1000)
			}
			return n, err
		}
	}},
	{name: "purges at most 100 tokens", by: "tokens/delete-expired/batches", alter: func(f *fake) {
		deleteExpired := f.deleteExpired
		f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
			return deleteExpired(ctx, before, min(limit, 100))
		}
	}},
	{name: "always reports a full batch", by: "tokens/delete-expired/returns-how-many", alter: func(f *fake) {
		deleteExpired := f.deleteExpired
		f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
			n, err := deleteExpired(ctx, before, limit)
			if n > 0 {
				n = limit
			}
			return n, err
		}
	}},
	{name: "reports no removals", by: "tokens/delete-expired/returns-how-many", alter: func(f *fake) {
		deleteExpired := f.deleteExpired
		f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
			_, err := deleteExpired(ctx, before, limit)
			return 0, err
		}
	}},
	{name: "stops before the batch is full", by: "tokens/delete-expired/returns-how-many", alter: func(f *fake) {
		deleteExpired := f.deleteExpired
		f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
			return deleteExpired(ctx, before, (limit+1)/2)
		}
	}},
	{name: "counts what it found rather than what it removed", by: "tokens/delete-expired/counts-under-race", racy: true, alter: func(f *fake) {
		f.remember()
		f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
			var found []string
			for _, t := range f.everyToken() {
				if expired(t, before) && len(found) < limit {
					found = append(found, t.ID)
				}
			}
			yield()
			for _, id := range found {
				_, _ = f.tokens.Delete(ctx, id)
			}
			return len(found), nil
		}
	}},

	// Values.
	{name: "drops PreviousHash", by: "tokens/values/every-field", alter: func(f *fake) { f.tokenIn(func(t *kit.Token) { t.PreviousHash = nil }) }},
	{name: "drops Salt", by: "tokens/values/every-field", alter: func(f *fake) { f.tokenIn(func(t *kit.Token) { t.Salt = nil }) }},
	{name: "drops RevokedAt", by: "tokens/values/every-field", alter: func(f *fake) { f.tokenIn(func(t *kit.Token) { t.RevokedAt = time.Time{} }) }},
	{name: "drops SessionID", by: "tokens/values/every-field", alter: func(f *fake) { f.tokenIn(func(t *kit.Token) { t.SessionID = "" }) }},
	{name: "mixes PreviousHash and SecretHash up", by: "tokens/values/every-field", alter: func(f *fake) {
		f.tokenOut(func(t *kit.Token) {
			if t.PreviousHash != nil {
				t.PreviousHash, t.SecretHash = t.SecretHash, t.PreviousHash
			}
		})
	}},
	{name: "keeps only the two types as a flag of the session", by: "tokens/values/every-field", alter: func(f *fake) {
		f.tokenOut(func(t *kit.Token) { t.Type = kit.RefreshToken })
	}},
	{name: "invents a SessionID", by: "tokens/values/fills-in-nothing", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) {
			if t.SessionID == "" {
				t.SessionID = "s-" + t.ID
			}
		})
	}},
	{name: "keeps hashes as text", by: "tokens/values/bytes", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) { t.SecretHash = bytes.ToValidUTF8(t.SecretHash, []byte("\ufffd")) })
	}},
	{name: "cuts PreviousHash at a NUL", by: "tokens/values/bytes", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) { t.PreviousHash, _, _ = bytes.Cut(t.PreviousHash, []byte{0}) })
	}},
	{name: "strips zeros from the end of Salt", by: "tokens/values/bytes", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) { t.Salt = bytes.TrimRight(t.Salt, "\x00") })
	}},
	{name: "strips spaces from the end of SecretHash", by: "tokens/values/bytes", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) { t.SecretHash = bytes.TrimRight(t.SecretHash, " ") })
	}},
	{name: "turns no Salt into 32 zeros", by: "tokens/values/empty-slices", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) {
			if len(t.Salt) == 0 {
				t.Salt = make([]byte, 32)
			}
		})
	}},
	{name: "trims SessionID", by: "tokens/values/unicode", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) { t.SessionID = strings.TrimSpace(t.SessionID) })
	}},
	{name: "cuts SessionID at a NUL", by: "tokens/values/nul", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) { t.SessionID, _, _ = strings.Cut(t.SessionID, "\x00") })
	}},
	{name: "keeps Epoch in an int32", by: "tokens/values/integers", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) { t.Epoch = int64(int32(t.Epoch)) })
	}},
	{name: "keeps Epoch in a float64", by: "tokens/values/integers", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) { t.Epoch = int64(float64(t.Epoch)) })
	}},
	{name: "compares versions of tokens as int32", by: "tokens/values/neighbouring-versions", alter: func(f *fake) {
		update := f.updateToken
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			if old, err := f.tokens.ByID(ctx, t.ID); err == nil && int32(old.Version) == int32(t.Version) {
				t.Version = old.Version
			}
			return update(ctx, t)
		}
	}},

	// Memory.
	{name: "keeps the SecretHash given to Create", by: "tokens/memory/create", alter: func(f *fake) {
		f.shareTokenIn(true, func(own *kit.Token, given kit.Token) { own.SecretHash = given.SecretHash })
	}},
	{name: "keeps the PreviousHash given to Create", by: "tokens/memory/create", alter: func(f *fake) {
		f.shareTokenIn(true, func(own *kit.Token, given kit.Token) { own.PreviousHash = given.PreviousHash })
	}},
	{name: "keeps the Salt given to Create", by: "tokens/memory/create", alter: func(f *fake) {
		f.shareTokenIn(true, func(own *kit.Token, given kit.Token) { own.Salt = given.Salt })
	}},
	{name: "keeps the SecretHash given to Update", by: "tokens/memory/update", alter: func(f *fake) {
		f.shareTokenIn(false, func(own *kit.Token, given kit.Token) { own.SecretHash = given.SecretHash })
	}},
	{name: "keeps the PreviousHash given to Update", by: "tokens/memory/update", alter: func(f *fake) {
		f.shareTokenIn(false, func(own *kit.Token, given kit.Token) { own.PreviousHash = given.PreviousHash })
	}},
	{name: "keeps the Salt given to Update", by: "tokens/memory/update", alter: func(f *fake) {
		f.shareTokenIn(false, func(own *kit.Token, given kit.Token) { own.Salt = given.Salt })
	}},
	{name: "returns its own SecretHash from ByID", by: "tokens/memory/by-id", alter: func(f *fake) {
		f.shareTokenByID(func(out *kit.Token, own kit.Token) { out.SecretHash = own.SecretHash })
	}},
	{name: "returns its own PreviousHash from ByID", by: "tokens/memory/by-id", alter: func(f *fake) {
		f.shareTokenByID(func(out *kit.Token, own kit.Token) { out.PreviousHash = own.PreviousHash })
	}},
	{name: "returns its own Salt from ByID", by: "tokens/memory/by-id", alter: func(f *fake) {
		f.shareTokenByID(func(out *kit.Token, own kit.Token) { out.Salt = own.Salt })
	}},
	{name: "returns its own hashes from ByUser", by: "tokens/memory/by-user", alter: func(f *fake) {
		byUser := f.byUser
		f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
			list, err := byUser(ctx, userID, after, limit)
			for i := range list {
				list[i].SecretHash = f.ownToken(list[i]).SecretHash
			}
			return list, err
		}
	}},
	{name: "wipes the caller's SecretHash", by: "tokens/memory/arguments", alter: func(f *fake) {
		create := f.createToken
		f.createToken = func(ctx context.Context, t kit.Token) error {
			kept := t.Clone()
			clear(t.SecretHash)
			return create(ctx, kept)
		}
	}},

	// Callers that meet.
	{name: "checks the ID and then creates a token", by: "tokens/create/one-winner", racy: true, alter: looseCreateToken},
	{name: "checks the ID of each type and then creates", by: "tokens/create/one-winner-type", racy: true, alter: looseCreateToken},
	{name: "checks the Version and then updates a token", by: "tokens/update/one-winner", racy: true, alter: looseUpdateToken},
	{name: "loses updates of a token", by: "tokens/update/no-lost-update", racy: true, alter: looseUpdateToken},
	{name: "checks for a token and then deletes", by: "tokens/delete/one-winner", racy: true, alter: func(f *fake) {
		remove := f.removeToken
		f.removeToken = func(ctx context.Context, id string) (bool, error) {
			if _, err := f.tokenByID(ctx, id); err != nil {
				return false, nil
			}
			yield()
			_, err := remove(ctx, id)
			return err == nil, err
		}
	}},
	{name: "reads a token in two steps", by: "tokens/concurrent/whole-records", racy: true, alter: func(f *fake) {
		byID := f.tokenByID
		f.tokenByID = func(ctx context.Context, id string) (kit.Token, error) {
			t, err := byID(ctx, id)
			yield()
			if later, err := byID(ctx, id); err == nil {
				t.SecretHash = later.SecretHash
			}
			return t, err
		}
	}},
	{name: "lists tokens from a copy that lags", by: "tokens/concurrent/linearizable", racy: true, alter: func(f *fake) {
		byUser := f.byUser
		f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
			list, err := byUser(ctx, userID, after, limit)
			if err == nil && len(list) == 1 {
				f.mu.Lock()
				defer f.mu.Unlock()
				lagging, ok := f.tokens1[userID]
				f.tokens1[userID] = list[0].Clone()
				if ok && lagging.Version < list[0].Version {
					return []kit.Token{lagging.Clone()}, nil
				}
			}
			return list, err
		}
	}},
	{name: "purges and updates under two locks in two orders", by: "tokens/concurrent/no-deadlock", racy: true, hangs: true, alter: func(f *fake) {
		update, deleteExpired := f.updateToken, f.deleteExpired
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			f.busy.Lock()
			defer f.busy.Unlock()
			yield()
			f.busy2.Lock()
			defer f.busy2.Unlock()
			return update(ctx, t)
		}
		f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
			f.busy2.Lock()
			defer f.busy2.Unlock()
			yield()
			f.busy.Lock()
			defer f.busy.Unlock()
			return deleteExpired(ctx, before, limit)
		}
	}},
}

func looseCreateToken(f *fake) {
	create := f.createToken
	f.createToken = func(ctx context.Context, t kit.Token) error {
		if _, err := f.tokenByID(ctx, t.ID); err == nil {
			return kit.ErrConflict
		}
		yield()
		if err := create(ctx, t); !errors.Is(err, kit.ErrConflict) {
			return err
		}
		return nil
	}
}

func looseUpdateToken(f *fake) {
	update := f.updateToken
	f.updateToken = func(ctx context.Context, t kit.Token) error {
		old, err := f.tokenByID(ctx, t.ID)
		if err != nil {
			return err
		}
		if old.Version != t.Version {
			return kit.ErrConflict
		}
		yield()
		for {
			now, err := f.tokens.ByID(ctx, t.ID)
			if err != nil {
				return err
			}
			next := t
			next.Version = now.Version
			if err := update(ctx, next); !errors.Is(err, kit.ErrConflict) {
				return err
			}
		}
	}
}

// shareTokenIn lets a store keep a slice that the caller gave to Create or to
// Update.
func (f *fake) shareTokenIn(atCreate bool, share func(own *kit.Token, given kit.Token)) {
	create, update := f.createToken, f.updateToken
	keep := func(t kit.Token, err error, version int64) {
		if err == nil {
			f.mu.Lock()
			t.Version = version
			f.tokens1[t.ID] = t
			f.mu.Unlock()
		}
	}
	if atCreate {
		f.createToken = func(ctx context.Context, t kit.Token) error {
			err := create(ctx, t)
			keep(t, err, t.Version)
			return err
		}
	} else {
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			err := update(ctx, t)
			keep(t, err, t.Version+1)
			return err
		}
	}
	f.tokenOut(func(t *kit.Token) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if given, ok := f.tokens1[t.ID]; ok && given.Version == t.Version {
			share(t, given.Clone())
		}
	})
}

// shareTokenByID lets ByID return a slice of the store's own copy.
func (f *fake) shareTokenByID(share func(out *kit.Token, own kit.Token)) {
	byID := f.tokenByID
	f.tokenByID = func(ctx context.Context, id string) (kit.Token, error) {
		t, err := byID(ctx, id)
		if err == nil {
			share(&t, f.ownToken(t))
		}
		return t, err
	}
}

// ownToken returns the one copy of a record that a store with shared memory has.
func (f *fake) ownToken(t kit.Token) kit.Token {
	f.mu.Lock()
	defer f.mu.Unlock()
	if kept, ok := f.tokens1[t.ID]; ok && kept.Version == t.Version {
		return kept
	}
	f.tokens1[t.ID] = t.Clone()
	return f.tokens1[t.ID]
}
