package kit

import (
	"context"
	"errors"
)

// An account without a password keeps a credential that logs in to it. So a removal first writes
// another one, unchanged but for its version, and then ends its own at the version that it had before.
// Of two removals that count on each other's credential at most one ends it: the write of the other
// came between. No clock takes part in that, and a write that a store makes late does nothing.

// ErrLastCredential refuses to remove the credential without which nothing could log in to the account.
var ErrLastCredential = NewProblem(409, "last_credential", "Last way to log in", "Without this nothing could log in to the account. Set a password or add another way to log in first.")

// Revoke ends a credential, and deletes its record. Of calls at once one returns nil, and the
// others [ErrNotFound].
func (c *Core) Revoke(ctx context.Context, t Token) error {
	return c.svc.endCredential(ctx, t, func(Token) error { return nil })
}

// RemoveWayIn is [Core.Revoke] for a credential that logs in to its user's account. It refuses
// the last one of an account without a password, by asking each Extension.WaysIn.
//
// Errors: [ErrLastCredential], [ErrNotFound], [ErrUserNotFound], [ErrUnavailable] also if too many
// calls change the credentials of the account at once.
func (c *Core) RemoveWayIn(ctx context.Context, t Token) error { return c.svc.removeWayIn(ctx, t) }

func (s *Service) removeWayIn(ctx context.Context, t Token) error {
	u, err := s.users.ByID(ctx, t.UserID)
	if err != nil {
		return userError(err)
	}
	ctx = context.WithoutCancel(ctx)
	for range casRounds {
		if err := s.keepWayIn(ctx, u, t.ID); err != nil {
			return err
		}
		err := s.endCredential(ctx, t, func(now Token) error {
			if u.PasswordHash == "" && now.Version != t.Version {
				return errCountedOn
			}
			return nil
		})
		if !errors.Is(err, errCountedOn) {
			return err
		}
		if t, err = s.credentials.ByID(ctx, t.ID); err != nil {
			return err
		} else if t.UserID != u.ID {
			return ErrNotFound // it was removed, and is another user's
		}
	}
	return errContention
}

// errCountedOn: a credential was written since it was read, perhaps by a removal that counts on it.
var errCountedOn = errors.New("kit: another removal counts on this credential")

// keepWayIn returns nil if something but one credential logs in to the account of u, and will do so
// after each removal that has begun.
func (s *Service) keepWayIn(ctx context.Context, u User, but string) error {
	if u.PasswordHash != "" {
		return nil
	}
	for _, waysIn := range s.waysIn {
		rows, err := waysIn(ctx, u)
		if err != nil {
			return err
		}
		for _, other := range rows {
			if other.ID == but {
				continue
			}
			_, err := s.changeRecord(ctx, s.credentials, other, func(t *Token) error {
				if !t.RevokedAt.IsZero() || t.Epoch != u.CredentialEpoch {
					return ErrNotFound
				}
				return nil
			})
			if !errors.Is(err, ErrNotFound) {
				return err
			}
		}
	}
	return ErrLastCredential
}

// endCredential ends a credential, unless may refuses it as it is at the write.
func (s *Service) endCredential(ctx context.Context, t Token, may func(Token) error) error {
	ctx = context.WithoutCancel(ctx)
	t, err := s.changeRecord(ctx, s.credentials, t, func(t *Token) error {
		if !t.RevokedAt.IsZero() {
			return ErrNotFound
		}
		if err := may(*t); err != nil {
			return err
		}
		t.RevokedAt = s.now()
		t.ExpiresAt = t.RevokedAt // a purge deletes it, should that fail below
		return nil
	})
	if err != nil {
		return err
	}
	if err := remove(ctx, s.credentials, t); err != nil {
		s.opts.Logger.WarnContext(ctx, "myauth: a credential that was revoked remains until the next purge", "user_id", t.UserID, "err", err)
	}
	return nil
}
