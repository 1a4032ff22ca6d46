package conformance

import (
	"context"
	"slices"
	"strings"
	"time"

	"myauth.internal/kit"
)

// tokenListFlaws are about ByUser and DeleteExpired.
var tokenListFlaws = []flaw{
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
	{name: "lists the token that after names", by: "tokens/by-user/byte-order", alter: func(f *fake) {
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
	{name: "lists from the beginning, whatever after says", by: "tokens/by-user/byte-order", alter: func(f *fake) {
		byUser := f.byUser
		f.byUser = func(ctx context.Context, userID, _ string, limit int) ([]kit.Token, error) {
			return byUser(ctx, userID, "", limit)
		}
	}},
	{name: "lists nothing when after names no token", by: "tokens/by-user/byte-order", alter: func(f *fake) {
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
	{name: "lists at most 100 tokens", by: "tokens/by-user/limit", alter: func(f *fake) {
		byUser := f.byUser
		f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
			return byUser(ctx, userID, after, min(limit, 100))
		}
	}},
	{name: "lists no expired tokens", by: "tokens/by-user/every-type", alter: func(f *fake) {
		f.filterList(func(t kit.Token) bool { return !expired(t, now) })
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
	{name: "lists tokens without their hashes", by: "tokens/by-user/of-that-user", alter: func(f *fake) {
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
	{name: "rounds the time of a purge to its own precision", by: "tokens/delete-expired/spares-the-live", alter: func(f *fake) {
		deleteExpired := f.deleteExpired
		f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
			return deleteExpired(ctx, before.Round(time.Microsecond), limit)
		}
	}},
	{name: "compares times of a purge as text in their zones", by: "tokens/delete-expired/boundary", alter: func(f *fake) {
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
			return expired(t, before) || !t.RevokedAt.IsZero() && !t.RevokedAt.After(before)
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
	{name: "purges at most 100 tokens", by: "tokens/delete-expired/limit", alter: func(f *fake) {
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
				f.drop(id)
			}
			return len(found), nil
		}
	}},
}
