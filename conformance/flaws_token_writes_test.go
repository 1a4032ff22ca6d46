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

// tokenFlaws are the flaws of a store of tokens.
var tokenFlaws = slices.Concat(tokenWriteFlaws, tokenListFlaws, tokenCallerFlaws, tokenMoveFlaws)

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
	var all []kit.Token
	for _, userID := range f.flagged("user ") {
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
				f.drop(t.ID)
				n++
			}
		}
		return n, nil
	}
}

func expired(t kit.Token, before time.Time) bool { return !t.ExpiresAt.After(before) }

// now is what a clock of the store's own would say: any time but the caller's.
var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// tokenWriteFlaws are about the methods for one token.
var tokenWriteFlaws = []flaw{
	{name: "says that it created a token and does not", by: "tokens/create/adds", alter: func(f *fake) {
		f.createToken = func(ctx context.Context, t kit.Token) error { return f.gate(ctx) }
	}},
	{name: "refuses to read a token without a user", by: "tokens/values/no-user", alter: func(f *fake) {
		byID := f.tokenByID
		f.tokenByID = func(ctx context.Context, id string) (kit.Token, error) {
			t, err := byID(ctx, id)
			if err == nil && t.UserID == "" {
				err = errors.New("a token has no user")
			}
			return t, err
		}
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
	{name: "ignores a duplicate ID", by: "tokens/create/unique-id", alter: func(f *fake) { instead(&f.createToken, kit.ErrConflict, nil) }},
	{name: "answers a duplicate ID with ErrUserExists", by: "tokens/create/unique-id", alter: func(f *fake) { instead(&f.createToken, kit.ErrConflict, kit.ErrUserExists) }},
	{name: "overwrites the token with a duplicate ID", by: "tokens/create/unique-id", alter: func(f *fake) {
		create := f.createToken
		f.createToken = func(ctx context.Context, t kit.Token) error {
			err := create(ctx, t)
			if errors.Is(err, kit.ErrConflict) {
				f.drop(t.ID)
				_ = f.tokens.Create(ctx, t)
			}
			return err
		}
	}},
	{name: "starts every token at Version 0", by: "tokens/create/keeps-version", alter: func(f *fake) {
		create := f.createToken
		f.createToken = func(ctx context.Context, t kit.Token) error { t.Version = 0; return create(ctx, t) }
	}},
	{name: "refuses a token that has expired", by: "tokens/values/every-field", alter: func(f *fake) {
		create := f.createToken
		f.createToken = func(ctx context.Context, t kit.Token) error {
			if expired(t, now) {
				return errors.New("the token has expired")
			}
			return create(ctx, t)
		}
	}},
	{name: "refuses a token whose user it does not know", by: "tokens/create/no-user-needed", alter: func(f *fake) {
		create := f.createToken
		f.createToken = func(ctx context.Context, t kit.Token) error {
			if _, err := f.users.ByID(ctx, t.UserID); isNotFound(err) {
				return errors.New("violates foreign key constraint")
			}
			return create(ctx, t)
		}
	}},

	{name: "hides expired tokens from ByID", by: "tokens/by-id/expired-and-revoked", alter: func(f *fake) {
		f.hide(func(t kit.Token) bool { return expired(t, now) })
	}},
	{name: "hides revoked tokens from ByID", by: "tokens/by-id/expired-and-revoked", alter: func(f *fake) {
		f.hide(func(t kit.Token) bool { return !t.RevokedAt.IsZero() })
	}},
	{name: "compares token IDs without regard to case", by: "tokens/by-id/exact", alter: func(f *fake) {
		f.remember()
		byID := f.tokenByID
		f.tokenByID = func(ctx context.Context, id string) (kit.Token, error) {
			t, err := byID(ctx, id)
			if isNotFound(err) {
				for _, other := range f.everyToken() {
					if strings.EqualFold(id, other.ID) {
						return byID(ctx, other.ID)
					}
				}
			}
			return t, err
		}
	}},
	{name: "finds no token: nil error and an empty token", by: "tokens/by-id/exact", alter: func(f *fake) { insteadOf(&f.tokenByID, kit.ErrNotFound, nil) }},
	{name: "takes two IDs for one that differ only in - and _", by: "tokens/by-id/exact", alter: func(f *fake) {
		key := func(id string) string { return "id " + strings.ReplaceAll(id, "-", "_") }
		create, remove := f.createToken, f.removeToken
		f.createToken = func(ctx context.Context, t kit.Token) error {
			err := create(ctx, t)
			if err == nil && f.flag(key(t.ID), true) {
				f.drop(t.ID)
				return kit.ErrConflict
			}
			return err
		}
		f.removeToken = func(ctx context.Context, at idAt) error {
			f.flag(key(at.id), false)
			return remove(ctx, at)
		}
	}},

	{name: "updates a token without regard to Version", by: "tokens/update/version", alter: func(f *fake) {
		f.withOldToken(func(t *kit.Token, old kit.Token) { t.Version = old.Version })
	}},
	{name: "answers a token's conflict with ErrNotFound", by: "tokens/update/version", alter: func(f *fake) { instead(&f.updateToken, kit.ErrConflict, kit.ErrNotFound) }},
	{name: "swallows the conflict of a token", by: "tokens/update/version", alter: func(f *fake) { instead(&f.updateToken, kit.ErrConflict, nil) }},
	{name: "moves the expiry of a token in a refused Update", by: "tokens/update/conflict-changes-nothing", alter: func(f *fake) {
		update := f.updateToken
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			err := update(ctx, t)
			if old, find := f.tokens.ByID(ctx, t.ID); errors.Is(err, kit.ErrConflict) && find == nil {
				expires := t.ExpiresAt
				f.drop(t.ID)
				old.ExpiresAt = expires
				_ = f.tokens.Create(ctx, old)
			}
			return err
		}
	}},
	{name: "keeps the Version of a token's Update", by: "tokens/update/version", alter: func(f *fake) {
		update := f.updateToken
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			err := update(ctx, t)
			if err == nil {
				f.drop(t.ID)
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
	{name: "folds the case of the ID of a token in an Update", by: "tokens/update/absent", alter: func(f *fake) {
		update := f.updateToken
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			err := update(ctx, t)
			if !isNotFound(err) {
				return err
			}
			alike, _ := f.tokens.ByUser(ctx, t.UserID, "", 1000)
			for _, other := range alike {
				if strings.EqualFold(other.ID, t.ID) {
					t.ID = other.ID
					return update(ctx, t)
				}
			}
			return err
		}
	}},
	{name: "cuts the spaces off the ID of a token in an Update", by: "tokens/update/absent", alter: func(f *fake) {
		update := f.updateToken
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			t.ID = strings.TrimRight(t.ID, " ")
			return update(ctx, t)
		}
	}},
	{name: "answers the Update of an absent token with ErrConflict", by: "tokens/update/absent", alter: func(f *fake) { instead(&f.updateToken, kit.ErrNotFound, kit.ErrConflict) }},
	{name: "never takes RevokedAt away again", by: "tokens/update/replaces", alter: func(f *fake) {
		f.withOldToken(func(t *kit.Token, old kit.Token) {
			if t.RevokedAt.IsZero() {
				t.RevokedAt = old.RevokedAt
			}
		})
	}},
	{name: "cuts Data at 4 KiB", by: "tokens/values/data", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) { t.Data = t.Data[:min(len(t.Data), 4096)] })
	}},
	{name: "keeps Data as text", by: "tokens/values/data", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) { t.Data = bytes.ToValidUTF8(t.Data, []byte("\ufffd")) })
	}},
	{name: "cuts white space off Data", by: "tokens/values/data", alter: func(f *fake) { f.tokenIn(func(t *kit.Token) { t.Data = bytes.TrimSpace(t.Data) }) }},
	{name: "knows no Data", by: "tokens/values/every-field", alter: func(f *fake) { f.tokenOut(func(t *kit.Token) { t.Data = nil }) }},
	{name: "forgets Data in an Update", by: "tokens/update/replaces", alter: func(f *fake) {
		f.withOldToken(func(t *kit.Token, old kit.Token) { t.Data = old.Data })
	}},
	{name: "forgets PreviousHash in an Update", by: "tokens/update/replaces", alter: func(f *fake) {
		f.withOldToken(func(t *kit.Token, old kit.Token) { t.PreviousHash = old.PreviousHash })
	}},
	{name: "changes Type in an Update", by: "tokens/update/identity-stays", alter: func(f *fake) {
		update := f.updateToken
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			err := update(ctx, t)
			if err == nil {
				f.drop(t.ID)
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

	{name: "always says that it deleted a token", by: "tokens/delete/absent", alter: func(f *fake) { instead(&f.removeToken, kit.ErrNotFound, nil) }},
	{name: "never says that it deleted a token", by: "tokens/delete/removes", alter: func(f *fake) { instead(&f.removeToken, nil, kit.ErrNotFound) }},
	{name: "answers the Delete of an absent token with ErrConflict", by: "tokens/delete/absent", alter: func(f *fake) { instead(&f.removeToken, kit.ErrNotFound, kit.ErrConflict) }},
	{name: "deletes a token without regard to Version", by: "tokens/delete/version", alter: func(f *fake) {
		remove := f.removeToken
		f.removeToken = func(ctx context.Context, at idAt) error {
			if old, err := f.tokens.ByID(ctx, at.id); err == nil {
				at.version = old.Version
			}
			return remove(ctx, at)
		}
	}},
	{name: "answers the conflict of a Delete with ErrNotFound", by: "tokens/delete/version", alter: func(f *fake) { instead(&f.removeToken, kit.ErrConflict, kit.ErrNotFound) }},
	{name: "swallows the conflict of a Delete", by: "tokens/delete/version", alter: func(f *fake) { instead(&f.removeToken, kit.ErrConflict, nil) }},
	{name: "deletes only refresh tokens", by: "tokens/delete/removes", alter: func(f *fake) {
		remove := f.removeToken
		f.removeToken = func(ctx context.Context, at idAt) error {
			if t, err := f.tokens.ByID(ctx, at.id); err == nil && t.Type != kit.RefreshToken {
				return kit.ErrNotFound
			}
			return remove(ctx, at)
		}
	}},
	{name: "lists deleted tokens", by: "tokens/delete/removes", alter: func(f *fake) {
		remove, byUser := f.removeToken, f.byUser
		f.removeToken = func(ctx context.Context, at idAt) error {
			t, _ := f.tokens.ByID(ctx, at.id)
			err := remove(ctx, at)
			if err == nil {
				f.mu.Lock()
				f.tokens1[t.UserID] = t
				f.mu.Unlock()
			}
			return err
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
}
