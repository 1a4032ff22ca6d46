package conformance

import (
	"context"
	"errors"
	"time"

	"myauth.internal/kit"
)

// flawsTogether show only where a user meets a token.
var flawsTogether = []flaw{
	{name: "deletes a user's tokens with the user", by: "together/no-cascade", alter: func(f *fake) {
		remove := f.remove
		f.remove = func(ctx context.Context, id string) error {
			err := remove(ctx, id)
			if err == nil {
				for _, t := range f.allTokens(id) {
					f.drop(t.ID)
				}
			}
			return err
		}
	}},
	{name: "keeps users and tokens under one key", by: "together/one-id", alter: func(f *fake) {
		createToken := f.createToken
		f.createToken = func(ctx context.Context, t kit.Token) error {
			_ = f.users.Delete(ctx, t.ID)
			return createToken(ctx, t)
		}
	}},
	{name: "deletes whatever has the ID of a deleted user", by: "together/one-id", alter: func(f *fake) {
		remove := f.remove
		f.remove = func(ctx context.Context, id string) error {
			err := remove(ctx, id)
			if err == nil {
				f.drop(id)
			}
			return err
		}
	}},
	{name: "loses users and tokens when it is opened again", by: "together/durable", alter: func(f *fake) {
		if f.number == 3 {
			f.reset()
		}
	}},
}

// keepsOld lets an Update keep of the stored user what the flaw says.
func keepsOld(keep func(old kit.User, u *kit.User)) func(f *fake) {
	return func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if old, err := f.users.ByID(ctx, u.ID); err == nil {
				u = u.Clone()
				keep(old, &u)
			}
			return update(ctx, u)
		}
	}
}

// listsTokens changes what ByUser returns, and nothing else.
func listsTokens(change func(*kit.Token)) func(f *fake) {
	return func(f *fake) {
		byUser := f.byUser
		f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
			list, err := byUser(ctx, userID, after, limit)
			for i := range list {
				change(&list[i])
			}
			return list, err
		}
	}
}

// serviceFlaws are flaws that end a session of a [kit.Service] wrongly, or let it live.
var serviceFlaws = []flaw{
	{name: "loses the end of a session", by: "together/sessions", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) { t.RevokedAt = time.Time{} })
	}},
	{name: "loses the hash before the last rotation", by: "together/sessions", alter: func(f *fake) {
		f.tokenIn(func(t *kit.Token) { t.PreviousHash = nil })
	}},
	{name: "loses the end of a session that was reused", by: "tokens/values/every-field", alter: func(f *fake) {
		f.tokenOut(func(t *kit.Token) { t.RevokedAt = time.Time{} })
	}},
	{name: "loses the epoch of a user", by: "together/epoch", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.SessionEpoch = 0 })
	}},
	{name: "says that it registered an address twice", by: "users/create/unique", alter: func(f *fake) { instead(&f.create, kit.ErrUserExists, nil) }},
	{name: "lists tokens without RevokedAt", by: "tokens/by-user/of-that-user", alter: listsTokens(func(t *kit.Token) { t.RevokedAt = time.Time{} })},
	{name: "lists tokens without RotatedAt", by: "tokens/by-user/of-that-user", alter: listsTokens(func(t *kit.Token) { t.RotatedAt = time.Time{} })},
	{name: "lists the first page of a user's tokens only", by: "tokens/by-user/limit", alter: func(f *fake) {
		byUser := f.byUser
		f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
			if after != "" {
				return nil, nil
			}
			return byUser(ctx, userID, after, limit)
		}
	}},
	{name: "lists tokens without SessionID", by: "tokens/by-user/of-that-user", alter: listsTokens(func(t *kit.Token) { t.SessionID = "" })},
	{name: "leaves a field alone that an Update sets to false", by: "users/update/replaces", alter: keepsOld(func(old kit.User, u *kit.User) {
		u.Active, u.Verified = u.Active || old.Active, u.Verified || old.Verified
	})},
	{name: "never makes a user active again", by: "together/epoch", alter: keepsOld(func(old kit.User, u *kit.User) { u.Active = u.Active && old.Active })},
	{name: "forgets the password hash in an Update", by: "users/update/replaces", alter: keepsOld(func(old kit.User, u *kit.User) { u.PasswordHash = old.PasswordHash })},
	{name: "finds a user by the address from before an Update", by: "users/update/moves-email", alter: func(f *fake) {
		create, byEmail := f.create, f.byEmail
		f.create = func(ctx context.Context, u kit.User) error {
			err := create(ctx, u)
			if err == nil {
				f.mu.Lock()
				f.users1[kit.EmailKey(u.Email)] = u.Clone()
				f.mu.Unlock()
			}
			return err
		}
		f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
			f.mu.Lock()
			entry, ok := f.users1[kit.EmailKey(email)]
			f.mu.Unlock()
			if ok {
				return f.byID(ctx, entry.ID)
			}
			return byEmail(ctx, email)
		}
	}},
	{name: "deletes a token by its ID and the type of a session", by: "together/delete", alter: func(f *fake) {
		remove := f.removeToken
		f.removeToken = func(ctx context.Context, at idAt) error {
			if t, err := f.tokens.ByID(ctx, at.id); err == nil && t.Type != kit.RefreshToken {
				return kit.ErrNotFound
			}
			return remove(ctx, at)
		}
	}},
	{name: "purges fewer tokens at once than it is told to", by: "tokens/delete-expired/limit", alter: func(f *fake) {
		purge := f.deleteExpired
		f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
			return purge(ctx, before, min(limit, 500))
		}
	}},
	{name: "purges what was revoked along with what has expired", by: "together/purge", alter: func(f *fake) {
		purge, update := f.deleteExpired, f.updateToken
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			err := update(ctx, t)
			if err == nil && !t.RevokedAt.IsZero() {
				f.mu.Lock()
				f.tokens1[t.ID] = t.Clone()
				f.mu.Unlock()
			}
			return err
		}
		f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
			n, err := purge(ctx, before, limit)
			f.mu.Lock()
			defer f.mu.Unlock()
			for id := range f.tokens1 {
				if f.drop(id) && n < limit {
					n++
				}
			}
			return n, err
		}
	}},
	{name: "says that a lost write of a Service succeeded", by: "together/network/lost-request", alter: func(f *fake) {
		if f.wire != nil {
			f.wire.fault = func(error, bool) error { return nil }
		}
	}},
	{name: "answers a lost answer to a Service with ErrNotFound", by: "together/network/lost-answer", alter: func(f *fake) {
		if f.wire != nil {
			f.wire.fault = func(error, bool) error { return kit.ErrNotFound }
		}
	}},
	{name: "takes its own lost Update of an address for somebody else's", by: "users/network/lost-answer", alter: func(f *fake) {
		if f.wire == nil {
			return
		}
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			old, findErr := f.users.ByID(ctx, u.ID)
			err := update(ctx, u)
			if errors.Is(err, kit.ErrUnavailable) && findErr == nil && old.Email != u.Email {
				// It is tried again, with the addresses of all others in mind.
				if _, find := f.users.ByEmail(ctx, u.Email); find == nil {
					return kit.ErrUserExists
				}
			}
			return err
		}
	}},
	{name: "answers a purge whose answer was lost with ErrNotFound", by: "tokens/network/lost-answer", alter: func(f *fake) {
		if f.wire == nil {
			return
		}
		purge := f.deleteExpired
		f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
			n, err := purge(ctx, before, limit)
			if errors.Is(err, kit.ErrUnavailable) {
				return 0, kit.ErrNotFound
			}
			return n, err
		}
	}},
}
