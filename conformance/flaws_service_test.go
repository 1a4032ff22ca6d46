package conformance

import (
	"context"
	"errors"
	"time"

	"myauth.internal/kit"
)

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

// serviceAccountFlaws are flaws as they show where a Service changes an account or
// lists its sessions.
var serviceAccountFlaws = []flaw{
	{name: "lists tokens without RevokedAt", by: "service/sessions/live", alter: listsTokens(func(t *kit.Token) { t.RevokedAt = time.Time{} })},
	{name: "lists tokens without RotatedAt", by: "service/sessions/live", alter: listsTokens(func(t *kit.Token) { t.RotatedAt = time.Time{} })},
	{name: "lists the first page of a user's tokens only", by: "service/sessions/live", alter: func(f *fake) {
		byUser := f.byUser
		f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
			if after != "" {
				return nil, nil
			}
			return byUser(ctx, userID, after, limit)
		}
	}},
	{name: "lists tokens without SessionID", by: "service/sessions/end-one", alter: listsTokens(func(t *kit.Token) { t.SessionID = "" })},
	{name: "leaves a field alone that an Update sets to false", by: "service/account/deactivate", alter: keepsOld(func(old kit.User, u *kit.User) {
		u.Active, u.Verified = u.Active || old.Active, u.Verified || old.Verified
	})},
	{name: "never makes a user active again", by: "service/account/activate", alter: keepsOld(func(old kit.User, u *kit.User) { u.Active = u.Active && old.Active })},
	{name: "forgets the password hash in an Update", by: "service/password/change", alter: keepsOld(func(old kit.User, u *kit.User) { u.PasswordHash = old.PasswordHash })},
	{name: "finds a user by the address from before an Update", by: "service/email/change", alter: func(f *fake) {
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
	{name: "deletes a token by its ID and the type of a session", by: "service/account/delete", alter: func(f *fake) {
		remove := f.removeToken
		f.removeToken = func(ctx context.Context, id string) (bool, error) {
			if t, err := f.tokens.ByID(ctx, id); err == nil && t.Type != kit.RefreshToken {
				return false, nil
			}
			return remove(ctx, id)
		}
	}},
	{name: "purges fewer tokens at once than it is told to", by: "service/purge/batches", alter: func(f *fake) {
		purge := f.deleteExpired
		f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
			return purge(ctx, before, min(limit, 500))
		}
	}},
	{name: "purges what was revoked along with what has expired", by: "service/purge/spares-the-live", alter: func(f *fake) {
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
				if ok, _ := f.tokens.Delete(ctx, id); ok && n < limit {
					n++
				}
			}
			return n, err
		}
	}},
}

// serviceUseFlaws are about the answers that a Service needs when a server is far away.
var serviceUseFlaws = []flaw{
	{name: "takes its own lost Update of an address for somebody else's", by: "service/network/lost-answer", alter: func(f *fake) {
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
	{name: "answers a purge whose answer was lost with ErrNotFound", by: "service/network/lost-answer", alter: func(f *fake) {
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
