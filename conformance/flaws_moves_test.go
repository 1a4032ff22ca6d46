package conformance

import (
	"context"
	"errors"
	"time"

	"myauth.internal/kit"
)

// tokenMoveFlaws are about records that others move while a call is looking at them.
var tokenMoveFlaws = []flaw{
	{name: "finds expired tokens and then deletes them by their IDs", by: "tokens/delete-expired/beside-updates", racy: true, alter: func(f *fake) {
		f.remember()
		f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
			if err := f.gate(ctx); err != nil {
				return 0, err
			}
			var found []string
			for _, t := range f.everyToken() {
				if expired(t, before) && len(found) < limit {
					found = append(found, t.ID)
				}
			}
			n := 0
			for _, id := range found {
				yield()
				if f.drop(id) {
					n++
				}
			}
			return n, nil
		}
	}},
	{name: "writes an updated token back though a purge has removed it", by: "tokens/delete-expired/beside-updates", racy: true, alter: resurrects},
}

func resurrects(f *fake) {
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
		if err := update(ctx, t); !errors.Is(err, kit.ErrNotFound) {
			return err
		}
		t.Version++
		return f.tokens.Create(ctx, t)
	}
}

// userMoveFlaws are the same for users.
var userMoveFlaws = []flaw{
	{name: "looks up whose an address is, and then reads that user", by: "users/by-email/moving-address", racy: true, alter: func(f *fake) {
		byEmail := f.byEmail
		f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
			owner, err := byEmail(ctx, email)
			if err != nil {
				return kit.User{}, err
			}
			yield()
			return f.users.ByID(ctx, owner.ID)
		}
	}},
}
