package kit

import (
	"context"
	"errors"
	"time"
)

// DeleteUser deletes an account with everything that belongs to it. The first write deactivates
// it, ends its sessions, voids its credentials and frees its address. Then the credentials go, the
// tokens, and the user last, so nothing is left without its user. What a call leaves that was
// interrupted has no address of anybody's; repeating the call finishes it, and so does
// [Service.PurgeExpired] if the store is a [UserLister].
//
// Errors: [ErrUserNotFound].
func (s *Service) DeleteUser(ctx context.Context, id string) error {
	u, _, err := s.changeUser(ctx, id, func(u *User) error {
		u.Active = false
		u.Email = deletedAddress(u.ID)
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

// deletedPrefix begins the addresses of accounts whose deletion has begun. Nobody has them: RFC
// 2606 reserves the top-level domain.
const deletedPrefix = "deleted-"

func deletedAddress(userID string) string {
	id, _ := derivedID("deleted", userID)
	return deletedPrefix + id + "@myauth.invalid"
}

// finishDeletions deletes the accounts whose deletion was interrupted before the given time.
func (s *Service) finishDeletions(ctx context.Context, before time.Time) error {
	for after := ""; ; {
		users, err := s.UsersByEmail(ctx, deletedPrefix, after, purgeBatch)
		if errors.Is(err, errors.ErrUnsupported) {
			return nil
		} else if err != nil {
			return err
		}
		for _, u := range users {
			after = EmailKey(u.Email)
			if u.Active || u.Email != deletedAddress(u.ID) || !u.UpdatedAt.Before(before) {
				continue
			}
			if err := s.DeleteUser(ctx, u.ID); err != nil && !errors.Is(err, ErrUserNotFound) {
				return err
			}
		}
		if len(users) < purgeBatch {
			return nil
		}
	}
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
