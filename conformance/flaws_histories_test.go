package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit"
)

// flawsOfHistories are flaws of stores that look for what became of a write whose
// answer was lost, or make it again, and draw the wrong conclusion when others write as
// well.
func flawsOfHistories(k kind) []flaw {
	name := func(what string) string { return fmt.Sprintf("%s (%s)", what, k.name) }
	followed, linearizable := k.name+"/network/followed", k.name+"/network/linearizable"
	return []flaw{
		{name: name("takes a lost create for refused when another has followed it"), by: followed, alter: afterLost(opCreate, func(w lostWrite) error {
			switch value, _, err := w.look(); {
			case err == nil && value == w.value:
				return nil
			case err == nil:
				return w.taken // though that may have been made of its own
			}
			return w.err
		})},
		{name: name("makes a lost create again when it finds nothing"), by: followed, alter: afterLost(opCreate, func(w lostWrite) error {
			switch value, _, err := w.look(); {
			case err == nil && value == w.value:
				return nil
			case isNotFound(err):
				return w.again() // though another may have removed it
			}
			return w.err
		})},
		{name: name("takes a lost update for refused when another has followed it"), by: followed, alter: afterLost(opUpdate, func(w lostWrite) error {
			switch value, version, err := w.look(); {
			case err == nil && version == w.version+1 && value == w.value:
				return nil
			case err == nil && version > w.version:
				return kit.ErrConflict // though its own may have come first
			}
			return w.err
		})},
		{name: name("takes a lost update for accepted when the Version has moved on"), by: followed, alter: afterLost(opUpdate, func(w lostWrite) error {
			if _, version, err := w.look(); err == nil && version > w.version {
				return nil // though that may have been another's
			}
			return w.err
		})},
		{name: name("takes a lost update for refused when there is nothing"), by: followed, alter: afterLost(opUpdate, func(w lostWrite) error {
			if _, _, err := w.look(); isNotFound(err) {
				return err // though another may have removed it behind the update
			}
			return w.err
		})},
		{name: name("makes a lost update again"), by: followed, alter: afterLost(opUpdate, func(w lostWrite) error {
			if w.again() == nil { // though another may have made the record anew
				return nil
			}
			return w.err
		})},
		{name: name("makes a lost delete again when it finds something"), by: followed, alter: afterLost(opDelete, func(w lostWrite) error {
			if _, _, err := w.look(); err == nil {
				return w.again() // though another may have added it
			}
			return w.err
		})},
		{name: name("takes a lost delete for done when there is nothing"), by: linearizable, racy: true, alter: afterLost(opDelete, func(w lostWrite) error {
			<-time.After(time.Millisecond) // the network is a real one, and so is the pause before another try
			if _, _, err := w.look(); isNotFound(err) {
				return nil // though another may have removed it
			}
			return w.err
		})},
	}
}

// lostWrite is a write whose answer was lost, and what its store can do about it.
type lostWrite struct {
	err            error // what a store that is right answers
	taken          error // what a create answers where there is a record
	value, version int64 // as they were presented: see register
	again          func() error
	look           func() (value, version int64, err error)
}

// afterLost lets conclude answer one kind of write when its answer was lost.
func afterLost(what opKind, conclude func(w lostWrite) error) func(f *fake) {
	return func(f *fake) {
		if f.wire == nil {
			return
		}
		user := func(ctx context.Context, u kit.User, write func() error) error {
			err := write()
			if !errors.Is(err, kit.ErrUnavailable) {
				return err
			}
			return conclude(lostWrite{err: err, taken: kit.ErrUserExists, value: u.SessionEpoch, version: u.Version, again: write, look: func() (int64, int64, error) {
				now, err := f.byID(ctx, u.ID)
				return now.SessionEpoch, now.Version, err
			}})
		}
		token := func(ctx context.Context, t kit.Token, write func() error) error {
			err := write()
			if !errors.Is(err, kit.ErrUnavailable) {
				return err
			}
			return conclude(lostWrite{err: err, taken: kit.ErrConflict, value: t.Epoch, version: t.Version, again: write, look: func() (int64, int64, error) {
				now, err := f.tokenByID(ctx, t.ID)
				return now.Epoch, now.Version, err
			}})
		}
		switch what {
		case opCreate:
			create, createToken := f.create, f.createToken
			f.create = func(ctx context.Context, u kit.User) error {
				return user(ctx, u, func() error { return create(ctx, u) })
			}
			f.createToken = func(ctx context.Context, t kit.Token) error {
				return token(ctx, t, func() error { return createToken(ctx, t) })
			}
		case opUpdate:
			update, updateToken := f.update, f.updateToken
			f.update = func(ctx context.Context, u kit.User) error {
				return user(ctx, u, func() error { return update(ctx, u) })
			}
			f.updateToken = func(ctx context.Context, t kit.Token) error {
				return token(ctx, t, func() error { return updateToken(ctx, t) })
			}
		case opDelete:
			remove, removeToken := f.remove, f.removeToken
			f.remove = func(ctx context.Context, id string) error {
				return user(ctx, kit.User{ID: id}, func() error { return remove(ctx, id) })
			}
			f.removeToken = func(ctx context.Context, at idAt) error {
				return token(ctx, kit.Token{ID: at.id, Version: at.version}, func() error { return removeToken(ctx, at) })
			}
		}
	}
}
