package conformance

import (
	"context"
	"errors"
	"slices"
	"sync"

	"myauth.internal/kit"
)

// userCallerFlaws are about memory shared with callers, and callers that meet.
var userCallerFlaws = []flaw{
	{name: "keeps the Roles given to Create", by: "users/memory/in", alter: func(f *fake) {
		f.shareIn(true, func(own *kit.User, given kit.User) { own.Roles = given.Roles })
	}},
	{name: "keeps the Settings given to Create", by: "users/memory/in", alter: func(f *fake) {
		f.shareIn(true, func(own *kit.User, given kit.User) { own.Settings = given.Settings })
	}},
	{name: "keeps the Roles given to Update", by: "users/memory/in", alter: func(f *fake) {
		f.shareIn(false, func(own *kit.User, given kit.User) { own.Roles = given.Roles })
	}},
	{name: "keeps the Settings given to Update", by: "users/memory/in", alter: func(f *fake) {
		f.shareIn(false, func(own *kit.User, given kit.User) { own.Settings = given.Settings })
	}},
	{name: "returns its own Roles from ByID", by: "users/memory/out", alter: func(f *fake) {
		after(&f.byID, func(u *kit.User) { u.Roles = f.own(*u).Roles })
	}},
	{name: "returns its own Settings from ByID", by: "users/memory/out", alter: func(f *fake) {
		after(&f.byID, func(u *kit.User) { u.Settings = f.own(*u).Settings })
	}},
	{name: "returns its own Roles from ByEmail", by: "users/memory/out", alter: func(f *fake) {
		after(&f.byEmail, func(u *kit.User) { u.Roles = f.own(*u).Roles })
	}},
	{name: "returns its own Settings from ByEmail", by: "users/memory/out", alter: func(f *fake) {
		after(&f.byEmail, func(u *kit.User) { u.Settings = f.own(*u).Settings })
	}},
	{name: "sorts the caller's Roles in place", by: "users/memory/in", alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			kept := u.Clone()
			slices.Sort(u.Roles)
			return create(ctx, kept)
		}
	}},
	{name: "appends to the caller's Roles", by: "users/memory/in", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			_ = append(u.Roles, "mark")
			return update(ctx, u)
		}
	}},
	{name: "ends the caller's Settings with a line break", by: "users/memory/in", alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			line := append(u.Settings, '\n') // written to a file of lines
			u.Settings = line[:len(line)-1]
			return create(ctx, u)
		}
	}},

	{name: "checks the user and then creates", by: "users/create/one-winner-address", racy: true, alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			if _, err := f.byID(ctx, u.ID); err == nil {
				return kit.ErrUserExists
			}
			yield()
			if err := create(ctx, u); !errors.Is(err, kit.ErrUserExists) {
				return err
			}
			return nil
		}
	}},
	{name: "checks the address and then creates", by: "users/create/one-winner-address", racy: true, alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			_, err := f.byEmail(ctx, u.Email)
			if err == nil {
				return kit.ErrUserExists
			}
			if !isNotFound(err) {
				return err
			}
			yield()
			if err := create(ctx, u); errors.Is(err, kit.ErrUserExists) {
				return nil
			} else {
				return err
			}
		}
	}},
	{name: "checks the ID and then creates", by: "users/create/one-winner-id", racy: true, alter: func(f *fake) {
		create := f.create
		f.create = func(ctx context.Context, u kit.User) error {
			if _, err := f.byID(ctx, u.ID); err == nil {
				return kit.ErrUserExists
			}
			yield()
			_ = f.users.Delete(ctx, u.ID)
			return create(ctx, u)
		}
	}},
	{name: "checks the address and then updates", by: "users/update/one-winner-address", racy: true, alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			if owner, err := f.byEmail(ctx, u.Email); err == nil && owner.ID != u.ID {
				return kit.ErrUserExists
			}
			yield()
			if owner, err := f.users.ByEmail(ctx, u.Email); err == nil && owner.ID != u.ID {
				owner.Email += ".twin"
				_ = f.users.Update(ctx, owner)
			}
			return update(ctx, u)
		}
	}},
	{name: "checks the Version and then updates a user", by: "users/update/one-winner", racy: true, alter: looseUpdate},
	{name: "checks for a user and then deletes", by: "users/delete/one-winner", racy: true, alter: func(f *fake) {
		remove := f.remove
		f.remove = func(ctx context.Context, id string) error {
			if _, err := f.byID(ctx, id); err != nil {
				return err
			}
			yield()
			_ = remove(ctx, id)
			return nil
		}
	}},
	{name: "reads a user in two steps", by: "users/concurrent/linearizable", racy: true, alter: func(f *fake) {
		byID := f.byID
		f.byID = func(ctx context.Context, id string) (kit.User, error) {
			u, err := byID(ctx, id)
			yield()
			if later, err := byID(ctx, id); err == nil {
				u.Settings = later.Settings
			}
			return u, err
		}
	}},
	{name: "reads a user by address in two steps in the first process", by: "users/concurrent/linearizable", racy: true, alter: func(f *fake) {
		if f.number > 1 {
			return
		}
		byEmail := f.byEmail
		f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
			u, err := byEmail(ctx, email)
			yield()
			if later, err := byEmail(ctx, email); err == nil {
				u.Roles = later.Roles
			}
			return u, err
		}
	}},
	{name: "reads a user by address from a copy that lags", by: "users/concurrent/linearizable", racy: true, alter: func(f *fake) {
		byEmail := f.byEmail
		f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
			f.mu.Lock()
			lagging, ok := f.users1[email]
			f.mu.Unlock()
			u, err := byEmail(ctx, email)
			if err == nil {
				f.mu.Lock()
				f.users1[email] = u.Clone()
				f.mu.Unlock()
				if ok && lagging.Version < u.Version {
					return lagging.Clone(), nil
				}
			}
			return u, err
		}
	}},
	{name: "locks two addresses in the order of the call", by: "users/concurrent/no-deadlock", racy: true, hangs: "fakeUsers.Update", alter: func(f *fake) {
		lock := func(email string) *sync.Mutex {
			f.mu.Lock()
			defer f.mu.Unlock()
			m := f.locks[email]
			if m == nil {
				m = new(sync.Mutex)
				f.locks[email] = m
			}
			return m
		}
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			old, err := f.byID(ctx, u.ID)
			if err != nil {
				return err
			}
			first, second := lock(old.Email), lock(u.Email)
			first.Lock()
			defer first.Unlock()
			if first != second {
				yield()
				second.Lock()
				defer second.Unlock()
			}
			return update(ctx, u)
		}
	}},
	{name: "keeps its lock after a conflict", by: "users/update/version", hangs: "fakeUsers.Update", alter: func(f *fake) {
		update := f.update
		f.update = func(ctx context.Context, u kit.User) error {
			f.busy.Lock()
			err := update(ctx, u)
			if err == nil {
				f.busy.Unlock()
			}
			return err
		}
	}},
	{name: "panics where there is no user", by: "users/by-id/exact", alter: func(f *fake) {
		byID := f.byID
		f.byID = func(ctx context.Context, id string) (kit.User, error) {
			u, err := byID(ctx, id)
			if isNotFound(err) {
				panic("assignment to entry in nil map")
			}
			return u, err
		}
	}},
}

// looseUpdate makes Update read, compare and write in steps of their own.
func looseUpdate(f *fake) {
	update := f.update
	f.update = func(ctx context.Context, u kit.User) error {
		old, err := f.byID(ctx, u.ID)
		if err != nil {
			return err
		}
		if old.Version != u.Version {
			return kit.ErrConflict
		}
		yield()
		for {
			now, err := f.users.ByID(ctx, u.ID)
			if err != nil {
				return err
			}
			next := u
			next.Version = now.Version
			if err := update(ctx, next); !errors.Is(err, kit.ErrConflict) {
				return err
			}
		}
	}
}

// shareIn lets a store keep a slice that the caller gave to Create or to Update.
func (f *fake) shareIn(atCreate bool, share func(own *kit.User, given kit.User)) {
	create, update := f.create, f.update
	keep := func(u kit.User, err error, version int64) {
		if err == nil {
			f.mu.Lock()
			u.Version = version
			f.users1[u.ID] = u
			f.mu.Unlock()
		}
	}
	if atCreate {
		f.create = func(ctx context.Context, u kit.User) error {
			err := create(ctx, u)
			keep(u, err, u.Version)
			return err
		}
	} else {
		f.update = func(ctx context.Context, u kit.User) error {
			err := update(ctx, u)
			keep(u, err, u.Version+1)
			return err
		}
	}
	f.userOut(func(u *kit.User) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if given, ok := f.users1[u.ID]; ok && given.Version == u.Version {
			share(u, given.Clone())
		}
	})
}

// own returns the one copy of a record that a store with shared memory has.
func (f *fake) own(u kit.User) kit.User {
	f.mu.Lock()
	defer f.mu.Unlock()
	if kept, ok := f.users1[u.ID]; ok && kept.Version == u.Version {
		return kept
	}
	f.users1[u.ID] = u.Clone()
	return f.users1[u.ID]
}
