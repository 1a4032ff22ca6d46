package conformance

import (
	"context"
	"slices"
	"time"

	"myauth.internal/kit"
)

// has reads a flag.
func (d *dataset) has(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.flags[name]
}

// inTwo lets a far store do a write in two requests. The second runs only when the
// first has succeeded, and never when its answer was lost.
func (f *fake) inTwo(ctx context.Context, first, second func() error) error {
	if err := f.wire.do(ctx, first); err != nil {
		return err
	}
	return f.wire.do(ctx, second)
}

// refuseReserved lets Create and Update refuse addresses that are reserved.
func (f *fake) refuseReserved() {
	create := f.create
	f.create = func(ctx context.Context, u kit.User) error {
		if f.has("reserved " + kit.EmailKey(u.Email)) {
			return kit.ErrUserExists
		}
		return create(ctx, u)
	}
}

// remainsFlaws are flaws of stores that write a record and its indexes one after
// the other.
var remainsFlaws = []flaw{
	{name: "reserves an address and then creates its user", by: "users/network/lost-answer", alter: func(f *fake) {
		if f.wire == nil {
			return
		}
		f.create = func(ctx context.Context, u kit.User) error {
			reserved := "reserved " + kit.EmailKey(u.Email)
			return f.inTwo(ctx, func() error {
				if _, err := f.users.ByEmail(context.Background(), u.Email); err == nil || f.flag(reserved, true) {
					return kit.ErrUserExists
				}
				return nil
			}, func() error {
				f.flag(reserved, false)
				return f.users.Create(context.Background(), u)
			})
		}
	}},
	{name: "updates a user and then frees the address of before", by: "users/network/lost-answer", alter: func(f *fake) {
		if f.wire == nil {
			return
		}
		f.refuseReserved()
		f.update = func(ctx context.Context, u kit.User) error {
			var reserved string
			return f.inTwo(ctx, func() error {
				old, err := f.users.ByID(context.Background(), u.ID)
				if err != nil {
					return err
				}
				if err := f.users.Update(context.Background(), u); err != nil {
					return err
				}
				reserved = "reserved " + kit.EmailKey(old.Email)
				f.flag(reserved, kit.EmailKey(old.Email) != kit.EmailKey(u.Email))
				return nil
			}, func() error { f.flag(reserved, false); return nil })
		}
	}},
	{name: "deletes a user and then frees the address", by: "users/network/lost-answer", alter: func(f *fake) {
		if f.wire == nil {
			return
		}
		f.refuseReserved()
		f.remove = func(ctx context.Context, id string) error {
			var reserved string
			return f.inTwo(ctx, func() error {
				old, err := f.users.ByID(context.Background(), id)
				if err != nil {
					return err
				}
				reserved = "reserved " + kit.EmailKey(old.Email)
				f.flag(reserved, true)
				return f.users.Delete(context.Background(), id)
			}, func() error { f.flag(reserved, false); return nil })
		}
	}},
	{name: "creates a token and then lists it", by: "tokens/network/lost-answer", alter: func(f *fake) {
		if f.wire == nil {
			return
		}
		f.createToken = func(ctx context.Context, t kit.Token) error {
			return f.inTwo(ctx, func() error {
				if err := f.tokens.Create(context.Background(), t); err != nil {
					return err
				}
				f.flag("unlisted "+t.ID, true)
				return nil
			}, func() error { f.flag("unlisted "+t.ID, false); return nil })
		}
		byUser := f.byUser
		f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
			list, err := byUser(ctx, userID, after, limit)
			return slices.DeleteFunc(list, func(t kit.Token) bool { return f.has("unlisted " + t.ID) }), err
		}
	}},
	{name: "creates a token and then notes when it expires", by: "tokens/network/lost-answer", alter: func(f *fake) {
		if f.wire == nil {
			return
		}
		f.createToken = func(ctx context.Context, t kit.Token) error {
			return f.inTwo(ctx, func() error {
				if err := f.tokens.Create(context.Background(), t); err != nil {
					return err
				}
				f.flag("unnoted "+t.ID, true)
				return nil
			}, func() error { f.flag("unnoted "+t.ID, false); return nil })
		}
		f.purge(func(t kit.Token, before time.Time) bool { return !f.has("unnoted "+t.ID) && expired(t, before) })
	}},
	{name: "updates a token and then notes when it expires", by: "tokens/network/lost-answer", alter: func(f *fake) {
		if f.wire == nil {
			return
		}
		noted := func(id string) (time.Time, bool) {
			f.mu.Lock()
			defer f.mu.Unlock()
			old, ok := f.tokens1[id]
			return old.ExpiresAt, ok
		}
		f.purge(func(t kit.Token, before time.Time) bool {
			if at, ok := noted(t.ID); ok && at.After(before) {
				return false // it is not come to
			}
			return expired(t, before)
		})
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			return f.inTwo(ctx, func() error {
				old, err := f.tokens.ByID(context.Background(), t.ID)
				if err != nil {
					return err
				}
				if err := f.tokens.Update(context.Background(), t); err != nil {
					return err
				}
				f.mu.Lock()
				defer f.mu.Unlock()
				f.tokens1[t.ID] = old
				return nil
			}, func() error {
				f.mu.Lock()
				defer f.mu.Unlock()
				delete(f.tokens1, t.ID)
				return nil
			})
		}
	}},
}
