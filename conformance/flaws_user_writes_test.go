package conformance

import (
	"context"
	"errors"
	"strings"

	"myauth.internal/kit"
)

// userWriteFlaws are about Update and Delete.
var userWriteFlaws = []flaw{
	{name: "starts every user at Version 1", by: "users/create/keeps-version", alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error { u.Version = 1; return create(ctx, u) }
	}},
	{name: "updates without regard to Version", by: "users/update/version", alter: func(f *fake) {
		f.withOld(func(u *kit.User, old kit.User) { u.Version = old.Version })
	}},
	{name: "accepts an Update from a later Version", by: "users/update/version", alter: func(f *fake) {
		f.withOld(func(u *kit.User, old kit.User) {
			if u.Version > old.Version {
				u.Version = old.Version
			}
		})
	}},
	{name: "swallows the conflict of an Update", by: "users/update/version", alter: func(f *fake) { instead(&f.update, kit.ErrConflict, nil) }},
	{name: "answers a conflict with ErrNotFound", by: "users/update/version", alter: func(f *fake) { instead(&f.update, kit.ErrConflict, kit.ErrNotFound) }},
	{name: "wraps two errors in a conflict", by: "users/update/version", alter: func(f *fake) {
		f.userErrors(func(_ context.Context, err error) error {
			if errors.Is(err, kit.ErrConflict) {
				return errors.Join(err, kit.ErrNotFound)
			}
			return err
		})
	}},
	{name: "reports a conflict and updates all the same", by: "users/update/conflict-changes-nothing", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			err := update(ctx, u)
			if old, find := f.users.ByID(ctx, u.ID); errors.Is(err, kit.ErrConflict) && find == nil {
				u.Version = old.Version
				_ = update(ctx, u)
			}
			return err
		}
	}},
	{name: "keeps the Version of an Update", by: "users/update/version", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			err := update(ctx, u)
			if err == nil {
				_ = f.users.Delete(ctx, u.ID)
				_ = f.users.Create(ctx, u)
			}
			return err
		}
	}},
	{name: "adds two to the Version", by: "users/update/version", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			err := update(ctx, u)
			if err == nil {
				u.Version++
				_ = f.users.Update(ctx, u)
			}
			return err
		}
	}},
	{name: "inserts what an Update does not find", by: "users/update/absent", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if err := update(ctx, u); !isNotFound(err) {
				return err
			}
			return f.users.Create(ctx, u)
		}
	}},
	{name: "folds the case of the ID in an Update", by: "users/update/absent", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			id := u.ID
			err := update(ctx, u)
			if u.ID = strings.ToLower(id); isNotFound(err) && u.ID != id {
				return update(ctx, u)
			}
			return err
		}
	}},
	{name: "answers the Update of an absent user with ErrConflict", by: "users/update/absent", alter: func(f *fake) { instead(&f.update, kit.ErrNotFound, kit.ErrConflict) }},
	{name: "updates only the fields that are not empty", by: "users/update/replaces", alter: func(f *fake) {
		f.withOld(func(u *kit.User, old kit.User) {
			if u.Username == "" {
				u.Username = old.Username
			}
			if u.Settings == nil {
				u.Settings = old.Settings
			}
		})
	}},
	{name: "forgets Roles in an Update", by: "users/update/replaces", alter: func(f *fake) {
		f.withOld(func(u *kit.User, old kit.User) { u.Roles = old.Roles })
	}},
	{name: "forgets SessionEpoch in an Update", by: "users/update/replaces", alter: func(f *fake) {
		f.withOld(func(u *kit.User, old kit.User) { u.SessionEpoch = old.SessionEpoch })
	}},
	{name: "never updates CreatedAt", by: "users/update/replaces", alter: func(f *fake) {
		f.withOld(func(u *kit.User, old kit.User) { u.CreatedAt = old.CreatedAt })
	}},
	{name: "finds a user by an address given up", by: "users/update/moves-email", alter: func(f *fake) {
		update, byEmail := f.update, f.byEmail
		f.update = func(ctx context.Context, u kit.User) error {
			old, _ := f.users.ByID(ctx, u.ID)
			err := update(ctx, u)
			if err == nil && kit.EmailKey(old.Email) != kit.EmailKey(u.Email) {
				f.mu.Lock()
				f.users1[kit.EmailKey(old.Email)] = u
				f.mu.Unlock()
			}
			return err
		}
		f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
			u, err := byEmail(ctx, email)
			f.mu.Lock()
			defer f.mu.Unlock()
			if moved, ok := f.users1[kit.EmailKey(email)]; ok && isNotFound(err) {
				return f.users.ByID(ctx, moved.ID)
			}
			return u, err
		}
	}},
	{name: "does not find a user by the address moved to", by: "users/update/moves-email", alter: func(f *fake) {
		update, byEmail := f.update, f.byEmail
		f.update = func(ctx context.Context, u kit.User) error {
			old, _ := f.users.ByID(ctx, u.ID)
			err := update(ctx, u)
			if err == nil && kit.EmailKey(old.Email) != kit.EmailKey(u.Email) {
				f.flag(kit.EmailKey(u.Email), true)
			}
			return err
		}
		f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
			f.mu.Lock()
			moved := f.flags[kit.EmailKey(email)]
			f.mu.Unlock()
			if moved {
				return kit.User{}, kit.ErrNotFound
			}
			return byEmail(ctx, email)
		}
	}},
	{name: "never frees an address that a user moves away from", by: "users/update/moves-email", alter: func(f *fake) {
		create, update := f.create, f.update
		f.update = func(ctx context.Context, u kit.User) error {
			old, _ := f.users.ByID(ctx, u.ID)
			err := update(ctx, u)
			if err == nil && kit.EmailKey(old.Email) != kit.EmailKey(u.Email) {
				f.flag(kit.EmailKey(old.Email), true)
			}
			return err
		}
		f.create = func(ctx context.Context, u kit.User) error {
			f.mu.Lock()
			kept := f.flags[kit.EmailKey(u.Email)]
			f.mu.Unlock()
			if kept {
				return kit.ErrUserExists
			}
			return create(ctx, u)
		}
	}},
	{name: "lets an Update take another user's address", by: "users/update/taken-email", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if owner, err := f.users.ByEmail(ctx, u.Email); err == nil && owner.ID != u.ID {
				owner.Email = "evicted." + owner.Email
				_ = f.users.Update(ctx, owner)
			}
			return update(ctx, u)
		}
	}},
	{name: "answers an Update to another user's address with ErrConflict", by: "users/update/taken-email", alter: func(f *fake) { instead(&f.update, kit.ErrUserExists, kit.ErrConflict) }},
	{name: "updates everything but the address when that is taken", by: "users/update/taken-email", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			err := update(ctx, u)
			if old, find := f.users.ByID(ctx, u.ID); errors.Is(err, kit.ErrUserExists) && find == nil {
				u.Email = old.Email
				_ = update(ctx, u)
			}
			return err
		}
	}},
	{name: "adds one to the Version when the address is taken", by: "users/update/taken-email", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			err := update(ctx, u)
			if old, find := f.users.ByID(ctx, u.ID); errors.Is(err, kit.ErrUserExists) && find == nil {
				_ = update(ctx, old)
			}
			return err
		}
	}},
	{name: "takes another spelling of one's own address for a stranger's", by: "users/update/taken-email", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if old, err := f.users.ByEmail(ctx, u.Email); err == nil && old.Email != u.Email {
				return kit.ErrUserExists
			}
			return update(ctx, u)
		}
	}},
	{name: "folds the address of an Update as package strings does", by: "users/by-email/no-other-folding", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if old, err := f.users.ByEmail(ctx, fold(u.Email)); err == nil && old.ID != u.ID {
				return kit.ErrUserExists
			}
			return update(ctx, u)
		}
	}},
	{name: "answers a stale Update to a taken address with ErrNotFound", by: "users/update/stale-and-taken", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if old, err := f.users.ByEmail(ctx, u.Email); err == nil && old.ID != u.ID {
				if own, err := f.users.ByID(ctx, u.ID); err == nil && own.Version != u.Version {
					return kit.ErrNotFound
				}
			}
			return update(ctx, u)
		}
	}},

	{name: "says that it deleted a user that never was", by: "users/delete/absent", alter: func(f *fake) { instead(&f.remove, kit.ErrNotFound, nil) }},
	{name: "deletes nothing", by: "users/delete/removes", alter: func(f *fake) {
		f.remove = func(ctx context.Context, id string) error {
			_, err := f.byID(ctx, id)
			return err
		}
	}},
	{name: "finds deleted users by their address", by: "users/delete/removes", alter: func(f *fake) {
		remove, byEmail := f.remove, f.byEmail
		f.remove = func(ctx context.Context, id string) error {
			old, _ := f.users.ByID(ctx, id)
			err := remove(ctx, id)
			if err == nil {
				f.mu.Lock()
				f.users1[kit.EmailKey(old.Email)] = old
				f.mu.Unlock()
			}
			return err
		}
		f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
			u, err := byEmail(ctx, email)
			f.mu.Lock()
			defer f.mu.Unlock()
			if old, ok := f.users1[kit.EmailKey(email)]; ok && isNotFound(err) {
				return old.Clone(), nil
			}
			return u, err
		}
	}},
	{name: "never frees the address of a deleted user", by: "users/delete/frees-address", alter: func(f *fake) {
		create, remove := f.create, f.remove
		f.remove = func(ctx context.Context, id string) error {
			old, _ := f.users.ByID(ctx, id)
			err := remove(ctx, id)
			if err == nil {
				f.flag(kit.EmailKey(old.Email), true)
			}
			return err
		}
		f.create = func(ctx context.Context, u kit.User) error {
			f.mu.Lock()
			kept := f.flags[kit.EmailKey(u.Email)]
			f.mu.Unlock()
			if kept {
				return kit.ErrUserExists
			}
			return create(ctx, u)
		}
	}},
	{name: "deletes a user only at its first Version", by: "users/delete/removes", alter: func(f *fake) {
		remove := f.remove
		f.remove = func(ctx context.Context, id string) error {
			if old, err := f.users.ByID(ctx, id); err == nil && old.Version > 1 {
				return kit.ErrConflict
			}
			return remove(ctx, id)
		}
	}},
	{name: "deletes by the beginning of the ID", by: "users/delete/absent", alter: func(f *fake) {
		create, remove := f.create, f.remove
		f.create = func(ctx context.Context, u kit.User) error {
			f.flag("id "+u.ID, true)
			return create(ctx, u)
		}
		f.remove = func(ctx context.Context, id string) error { // WHERE id LIKE 'user-an%'
			err := remove(ctx, id)
			for _, one := range f.flagged("id ") {
				if isNotFound(err) && strings.HasPrefix(one, id) {
					err = remove(ctx, one)
				}
			}
			return err
		}
	}},
}
