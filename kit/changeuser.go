package kit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// casRounds bounds how often a compare-and-swap is repeated after losing. Each loss means
// that another call's write succeeded, so many in a row happen only when one record is under
// attack.
const casRounds = 32

var errContention = fmt.Errorf("%w: too many changes of one record at once", ErrUnavailable)

// ErrUnchanged is what the change of [Core.ChangeUser] returns when it finds its work done:
// nothing is written, and it is no error.
var ErrUnchanged = errors.New("kit: nothing to change")

// changeUser is the one way to change a stored user: read, change, compare and swap, and
// read again after losing. change may refuse with an error. It may be called more than once,
// also after its own write if another call wrote right after it: it returns ErrUnchanged
// when it finds its work done. changed reports whether this call has changed the record. When
// a write's answer is lost, the stored record tells, but for a record that another call has
// written since: then changed is true.
func (s *Service) changeUser(ctx context.Context, id string, change func(*User) error) (u User, changed bool, err error) {
	if err := s.enter(ctx); err != nil {
		return User{}, false, err
	}
	if u, err = s.users.ByID(ctx, id); err != nil {
		return User{}, false, userError(err)
	}
	// A change that was begun is finished even if the caller goes, so that its event and
	// mail are not left out.
	ctx = context.WithoutCancel(ctx)
	left := false // the administrators
	defer func() {
		switch {
		case err == nil && isAdmin(u):
			s.joinAdmins(ctx, id)
		case err == nil && left:
			s.leaveAdmins(ctx, id)
		}
	}()
	for range casRounds {
		want := u.Clone()
		if err := change(&want); errors.Is(err, ErrUnchanged) {
			return u, changed, nil
		} else if err != nil {
			return User{}, false, err
		}
		if isAdmin(u) && !isAdmin(want) {
			if err := s.keepAdmin(ctx, id); err != nil {
				return User{}, false, err
			}
			left = true
		}
		// Never the same instant twice, so that a record tells whose write it is.
		if want.UpdatedAt = s.now(); !want.UpdatedAt.After(u.UpdatedAt) {
			want.UpdatedAt = u.UpdatedAt.Add(time.Microsecond)
		}
		err := s.users.Update(ctx, want)
		want.Version++
		if err == nil {
			return want, true, nil
		}
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrUnavailable) {
			return User{}, false, userError(err)
		}
		stored, readErr := s.users.ByID(ctx, id)
		switch {
		case readErr != nil:
			return User{}, false, userError(readErr)
		case sameUser(stored, want):
			return want, errors.Is(err, ErrUnavailable), nil // by contract, a conflict is with another call
		case errors.Is(err, ErrUnavailable) && stored.Version == u.Version:
			return User{}, false, err
		}
		u, changed = stored, errors.Is(err, ErrUnavailable)
	}
	return User{}, false, errContention
}

// sameUser reports whether the stored record is want.
func sameUser(stored, want User) bool {
	return stored.Version == want.Version && stored.SessionEpoch == want.SessionEpoch &&
		stored.PasswordHash == want.PasswordHash && stored.UpdatedAt.Equal(want.UpdatedAt) &&
		stored.Email == want.Email && stored.Username == want.Username &&
		stored.Verified == want.Verified && stored.Active == want.Active &&
		stored.CredentialEpoch == want.CredentialEpoch &&
		slices.Equal(stored.Roles, want.Roles) && slices.Equal(stored.Factors, want.Factors) &&
		slices.Equal(stored.Settings, want.Settings) && slices.Equal(stored.Private, want.Private)
}

func userError(err error) error {
	if errors.Is(err, ErrNotFound) {
		return ErrUserNotFound
	}
	return err
}

// createUser stores u. When the answer is lost, or the driver repeated its own call and found
// the row of its first attempt, it looks whether this record is stored.
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

// unchanged reports whether the stored record is u as it was created, whatever its version:
// createConcealed increments that and changes nothing else.
func unchanged(stored, u User) bool {
	stored.Version = u.Version
	return sameUser(stored, u) && stored.CreatedAt.Equal(u.CreatedAt)
}
