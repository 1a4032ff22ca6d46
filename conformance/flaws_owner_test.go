package conformance

import (
	"context"
	"errors"

	"myauth.internal/kit"
)

// ownerFlaws are those of a [kit.OwnedTokenStore].
var ownerFlaws = []flaw{
	{name: "looks a token up with the user of another one", by: "tokens/owner/as-by-id", alter: func(f *fake) {
		f.ownerOut(func(_ *kit.Token, u *kit.User) {
			if other, err := f.byID(context.Background(), "user-bob"); err == nil {
				*u = other
			}
		})
	}},
	{name: "leaves a column of the token out of the look-up with its user", by: "tokens/owner/as-by-id", alter: func(f *fake) {
		f.ownerOut(func(t *kit.Token, _ *kit.User) { t.PreviousHash = nil })
	}},
	{name: "has no look-up for its own users", by: "tokens/owner/as-by-id", alter: func(f *fake) {
		f.isOwner = func(kit.UserStore) bool { return false }
	}},
	{name: "looks a token up whose user is not there", by: "tokens/owner/absent", alter: func(f *fake) {
		whole := f.withOwner
		f.withOwner = func(ctx context.Context, id string) (kit.Token, kit.User, error) {
			t, u, err := whole(ctx, id)
			if t.ID != "" && errors.Is(err, kit.ErrNotFound) {
				err = nil
			}
			return t, u, err
		}
	}},
	{name: "looks a token up whose user a newer version wrote", by: "tokens/owner/newer", alter: func(f *fake) {
		whole := f.withOwner
		f.withOwner = func(ctx context.Context, id string) (kit.Token, kit.User, error) {
			t, u, err := whole(ctx, id)
			if errors.Is(err, kit.ErrNewerRecord) {
				u, err = f.users.ByID(ctx, t.UserID)
			}
			return t, u, err
		}
	}},
	{name: "looks a token up with a user whom a wrapper does not see", by: "tokens/owner/elsewhere", alter: func(f *fake) {
		f.isOwner = func(kit.UserStore) bool { return true }
	}},
}

// ownerOut changes what the look-up of a token with its user returns.
func (f *fake) ownerOut(change func(*kit.Token, *kit.User)) {
	whole := f.withOwner
	f.withOwner = func(ctx context.Context, id string) (kit.Token, kit.User, error) {
		t, u, err := whole(ctx, id)
		if err == nil {
			change(&t, &u)
		}
		return t, u, err
	}
}
