package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit"
)

// flawsOfHistories are flaws of stores that look for what became of a write whose
// answer was lost, and draw the wrong conclusion when others write as well.
func flawsOfHistories(k kind) []flaw {
	name := func(what string) string { return fmt.Sprintf("%s (%s)", what, k.name) }
	return []flaw{
		{name: name("takes a lost update for refused when another has followed it"), by: k.name + "/network/followed", alter: lookAfterUpdate(func(now, presented int64, own bool) error {
			switch {
			case own:
				return nil
			case now > presented:
				return kit.ErrConflict // though its own may have come first
			}
			return kit.ErrUnavailable
		})},
		{name: name("takes a lost update for accepted when the Version has moved on"), by: k.name + "/network/followed", alter: lookAfterUpdate(func(now, presented int64, _ bool) error {
			if now > presented {
				return nil // though that may have been somebody else's
			}
			return kit.ErrUnavailable
		})},
		{name: name("makes a lost create again when it finds nothing"), by: k.name + "/network/followed", alter: createAgain},
		{name: name("makes a lost delete again when it finds something"), by: k.name + "/network/followed", alter: deleteAgain},
		{name: name("takes a lost delete for done when there is nothing"), by: k.name + "/network/linearizable", racy: true, alter: lookAfterDelete},
		{name: name("takes a lost create for refused when another has followed it"), by: k.name + "/network/followed", alter: lookAfterCreate},
		{name: name("takes a lost update for refused when there is nothing"), by: k.name + "/network/followed", alter: missAfterUpdate},
		{name: name("makes a lost update again"), by: k.name + "/network/followed", alter: updateAgain},
	}
}

// lookAfterUpdate reads the record when the answer to an update was lost, and lets
// judge say what that means.
func lookAfterUpdate(judge func(now, presented int64, own bool) error) func(f *fake) {
	return func(f *fake) {
		update, updateToken := f.update, f.updateToken
		f.update = func(ctx context.Context, u kit.User) error {
			err := update(ctx, u)
			if !errors.Is(err, kit.ErrUnavailable) || f.wire == nil {
				return err
			}
			backOff(ctx)
			if now, err := f.byID(ctx, u.ID); err == nil {
				return judge(now.Version, u.Version, now.Version == u.Version+1 && now.SessionEpoch == u.SessionEpoch)
			}
			return err
		}
		f.updateToken = func(ctx context.Context, t kit.Token) error {
			err := updateToken(ctx, t)
			if !errors.Is(err, kit.ErrUnavailable) || f.wire == nil {
				return err
			}
			backOff(ctx)
			if now, err := f.tokenByID(ctx, t.ID); err == nil {
				return judge(now.Version, t.Version, now.Version == t.Version+1 && now.Epoch == t.Epoch)
			}
			return err
		}
	}
}

// backOff waits a little, as clients do before they try again.
func backOff(ctx context.Context) {
	select {
	case <-time.After(time.Millisecond):
	case <-ctx.Done():
	}
}

// lookAfterDelete reports a delete whose answer was lost as its own when the record
// is gone: somebody else may have removed it.
func lookAfterDelete(f *fake) {
	remove, removeToken := f.remove, f.removeToken
	f.remove = func(ctx context.Context, id string) error {
		err := remove(ctx, id)
		if errors.Is(err, kit.ErrUnavailable) && f.wire != nil {
			backOff(ctx)
			if _, look := f.byID(ctx, id); isNotFound(look) {
				return nil
			}
		}
		return err
	}
	f.removeToken = func(ctx context.Context, id string) (bool, error) {
		removed, err := removeToken(ctx, id)
		if errors.Is(err, kit.ErrUnavailable) && f.wire != nil {
			backOff(ctx)
			if _, look := f.tokenByID(ctx, id); isNotFound(look) {
				return true, nil
			}
		}
		return removed, err
	}
}

// createAgain adds what it does not find after its answer was lost: somebody else may
// have removed it.
func createAgain(f *fake) {
	create, createToken := f.create, f.createToken
	f.create = func(ctx context.Context, u kit.User) error {
		err := create(ctx, u)
		if errors.Is(err, kit.ErrUnavailable) && f.wire != nil {
			if now, look := f.byID(ctx, u.ID); isNotFound(look) {
				return create(ctx, u)
			} else if look == nil && now.SessionEpoch == u.SessionEpoch {
				return nil
			}
		}
		return err
	}
	f.createToken = func(ctx context.Context, t kit.Token) error {
		err := createToken(ctx, t)
		if errors.Is(err, kit.ErrUnavailable) && f.wire != nil {
			if now, look := f.tokenByID(ctx, t.ID); isNotFound(look) {
				return createToken(ctx, t)
			} else if look == nil && now.Epoch == t.Epoch {
				return nil
			}
		}
		return err
	}
}

// deleteAgain removes what it finds after its answer was lost: somebody else may have
// added it.
func deleteAgain(f *fake) {
	remove, removeToken := f.remove, f.removeToken
	f.remove = func(ctx context.Context, id string) error {
		err := remove(ctx, id)
		if errors.Is(err, kit.ErrUnavailable) && f.wire != nil {
			if _, look := f.byID(ctx, id); look == nil {
				return remove(ctx, id)
			}
		}
		return err
	}
	f.removeToken = func(ctx context.Context, id string) (bool, error) {
		removed, err := removeToken(ctx, id)
		if errors.Is(err, kit.ErrUnavailable) && f.wire != nil {
			if _, look := f.tokenByID(ctx, id); look == nil {
				return removeToken(ctx, id)
			}
		}
		return removed, err
	}
}

// lookAfterCreate takes what it finds after its answer was lost for another's unless it
// is what it has written: somebody else may have changed that.
func lookAfterCreate(f *fake) {
	create, createToken := f.create, f.createToken
	f.create = func(ctx context.Context, u kit.User) error {
		err := create(ctx, u)
		if errors.Is(err, kit.ErrUnavailable) && f.wire != nil {
			if now, look := f.byID(ctx, u.ID); look == nil && now.SessionEpoch == u.SessionEpoch {
				return nil
			} else if look == nil {
				return kit.ErrUserExists
			}
		}
		return err
	}
	f.createToken = func(ctx context.Context, t kit.Token) error {
		err := createToken(ctx, t)
		if errors.Is(err, kit.ErrUnavailable) && f.wire != nil {
			if now, look := f.tokenByID(ctx, t.ID); look == nil && now.Epoch == t.Epoch {
				return nil
			} else if look == nil {
				return kit.ErrConflict
			}
		}
		return err
	}
}

// missAfterUpdate says of a record that is gone, after its answer was lost, that it was
// not there: somebody else may have removed it behind the update.
func missAfterUpdate(f *fake) {
	update, updateToken := f.update, f.updateToken
	f.update = func(ctx context.Context, u kit.User) error {
		err := update(ctx, u)
		if errors.Is(err, kit.ErrUnavailable) && f.wire != nil {
			if _, look := f.byID(ctx, u.ID); isNotFound(look) {
				return look
			}
		}
		return err
	}
	f.updateToken = func(ctx context.Context, t kit.Token) error {
		err := updateToken(ctx, t)
		if errors.Is(err, kit.ErrUnavailable) && f.wire != nil {
			if _, look := f.tokenByID(ctx, t.ID); isNotFound(look) {
				return look
			}
		}
		return err
	}
}

// updateAgain makes an update again whose answer was lost: somebody else may have made
// the record anew, and that has the Version of before.
func updateAgain(f *fake) {
	update, updateToken := f.update, f.updateToken
	f.update = func(ctx context.Context, u kit.User) error {
		err := update(ctx, u)
		if errors.Is(err, kit.ErrUnavailable) && f.wire != nil && update(ctx, u) == nil {
			return nil
		}
		return err
	}
	f.updateToken = func(ctx context.Context, t kit.Token) error {
		err := updateToken(ctx, t)
		if errors.Is(err, kit.ErrUnavailable) && f.wire != nil && updateToken(ctx, t) == nil {
			return nil
		}
		return err
	}
}
