package kit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// casRounds bounds how often a compare-and-swap is tried again after losing. Each
// loss means that another call's write went through, so more than a few in a row are
// not seen outside of an attack on one record.
const casRounds = 32

var errContention = fmt.Errorf("%w: too many changes of one record at once", ErrUnavailable)

// errUnchanged ends changeUser without a write and without an error.
var errUnchanged = errors.New("kit: nothing to change")

// changeUser is the one way to change a stored user: read, change, compare and
// swap, and read again after losing to somebody else. change may refuse, and may
// be called more than once, also after its own write when somebody else wrote right
// behind it: it returns errUnchanged when it finds its work done. When the answer of
// a write is lost, the stored record tells whether it happened.
func (s *Service) changeUser(ctx context.Context, id string, change func(*User) error) (User, error) {
	if err := s.enter(ctx); err != nil {
		return User{}, err
	}
	u, err := s.users.ByID(ctx, id)
	// A change that was begun is finished even if the caller goes, so that what
	// belongs to it, an event or a mail, is not left out.
	ctx = context.WithoutCancel(ctx)
	for range casRounds {
		if err != nil {
			return User{}, userError(err)
		}
		want := u.Clone()
		if err := change(&want); errors.Is(err, errUnchanged) {
			return u, nil
		} else if err != nil {
			return User{}, err
		}
		// Never the same instant twice, so that a record tells whose write it is.
		if want.UpdatedAt = s.now(); !want.UpdatedAt.After(u.UpdatedAt) {
			want.UpdatedAt = u.UpdatedAt.Add(time.Microsecond)
		}
		writeErr := s.users.Update(ctx, want)
		want.Version++
		if writeErr == nil {
			return want, nil
		}
		if !errors.Is(writeErr, ErrConflict) && !errors.Is(writeErr, ErrUnavailable) {
			return User{}, userError(writeErr)
		}
		read := u.Version
		if u, err = s.users.ByID(ctx, id); err != nil {
			if errors.Is(err, ErrNotFound) {
				return User{}, ErrUserNotFound
			}
			return User{}, err
		}
		if sameUser(u, want) {
			return want, nil
		}
		if errors.Is(writeErr, ErrUnavailable) && u.Version == read {
			return User{}, writeErr
		}
	}
	return User{}, errContention
}

// sameUser reports whether the stored record is the one that was to be written.
func sameUser(stored, want User) bool {
	return stored.Version == want.Version && stored.SessionEpoch == want.SessionEpoch &&
		stored.PasswordHash == want.PasswordHash && stored.UpdatedAt.Equal(want.UpdatedAt) &&
		stored.Email == want.Email && stored.Username == want.Username &&
		stored.Verified == want.Verified && stored.Active == want.Active &&
		slices.Equal(stored.Roles, want.Roles) && slices.Equal(stored.Settings, want.Settings)
}

func userError(err error) error {
	if errors.Is(err, ErrNotFound) {
		return ErrUserNotFound
	}
	return err
}

// createUser stores u. When the answer is lost, or the driver's own repetition met
// the first attempt's row, it looks whether that very record is there.
func (s *Service) createUser(ctx context.Context, u User) error {
	err := s.users.Create(ctx, u)
	if errors.Is(err, ErrUserExists) || errors.Is(err, ErrUnavailable) {
		stored, readErr := s.users.ByID(ctx, u.ID)
		switch {
		case readErr == nil && unchanged(stored, u):
			return nil
		case errors.Is(readErr, ErrUnavailable):
			return readErr
		}
	}
	return err
}

// unchanged reports whether the stored record is u as it was created. Its version says
// nothing of that: createConcealed counts it up and changes nothing else.
func unchanged(stored, u User) bool {
	stored.Version = u.Version
	return sameUser(stored, u) && stored.CreatedAt.Equal(u.CreatedAt)
}
