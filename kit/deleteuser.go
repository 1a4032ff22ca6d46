package kit

import (
	"context"
	"errors"
)

// DeleteUser deletes an account with everything that belongs to it. The first write deactivates
// it, ends its sessions and voids its credentials. Then the credentials go, the tokens, and the
// user last, so that a call which was interrupted leaves an account that cannot log in, and
// whose deletion can be repeated; nothing is left without its user.
//
// Errors: [ErrUserNotFound].
func (s *Service) DeleteUser(ctx context.Context, id string) error {
	u, _, err := s.changeUser(ctx, id, func(u *User) error {
		u.Active = false
		u.SessionEpoch++
		u.CredentialEpoch++
		return nil
	})
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	for _, store := range []guardedTokens{s.credentials, s.tokens} {
		if err := removeAll(ctx, store, u.ID); err != nil {
			return err
		}
	}
	err = s.users.Delete(ctx, id)
	if errors.Is(err, ErrUnavailable) {
		if _, readErr := s.users.ByID(ctx, id); errors.Is(readErr, ErrNotFound) {
			err = nil
		}
	}
	if err != nil {
		return userError(err)
	}
	s.emit(ctx, Event{Kind: EventUserDeleted, UserID: id})
	return nil
}

// removeAll deletes the records of a user in a store.
func removeAll(ctx context.Context, store guardedTokens, userID string) error {
	return eachToken(ctx, store, userID, func(t Token) error { return remove(ctx, store, t) })
}

// remove deletes a record, whatever has become of it since it was read. A record of another
// user under the same key is another one, which took the place of a void one.
func remove(ctx context.Context, store guardedTokens, t Token) error {
	for range casRounds {
		err := store.Delete(ctx, t.ID, t.Version)
		if err == nil || errors.Is(err, ErrNotFound) {
			return nil
		}
		if !errors.Is(err, ErrConflict) {
			return err
		}
		stored, err := store.ByID(ctx, t.ID)
		if errors.Is(err, ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		if stored.UserID != t.UserID {
			return nil
		}
		t = stored
	}
	return errContention
}
