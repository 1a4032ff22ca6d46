package kit

import (
	"context"
	"errors"
	"time"
)

// An account without a password keeps a credential that logs in to it. Whether another one is
// left can be said only while none of them is removed. So one removal at a time holds a record of
// the account.

const wayInType TokenType = "way_in"

// removalLease is how long a removal keeps others from beginning, should it not end.
const removalLease = time.Minute

// ErrLastCredential: without this credential nothing could log in to the account.
var ErrLastCredential = NewProblem(409, "last_credential", "Last way to log in", "Without this nothing could log in to the account. Set a password or add another way to log in first.")

// Revoke ends a credential, and deletes its record. Of calls at once one returns nil, and the
// others [ErrNotFound].
func (c *Core) Revoke(ctx context.Context, t Token) error {
	return c.svc.endCredential(ctx, t, never)
}

// RemoveWayIn is [Core.Revoke] for a credential that logs in to its user's account. It refuses
// the last one of an account without a password, by asking each Extension.WayIn.
//
// Errors: [ErrLastCredential], [ErrNotFound], [ErrUserNotFound], [ErrUnavailable] also while another
// removal has not ended.
func (c *Core) RemoveWayIn(ctx context.Context, t Token) error { return c.svc.removeWayIn(ctx, t) }

func (s *Service) removeWayIn(ctx context.Context, t Token) error {
	u, err := s.users.ByID(ctx, t.UserID)
	if err != nil {
		return userError(err)
	}
	if u.PasswordHash != "" {
		return s.endCredential(ctx, t, never)
	}
	ctx = context.WithoutCancel(ctx)
	now := s.now()
	lease := derivedRecord(wayInType, u.ID)
	lease.UserID, lease.Epoch = u.ID, u.CredentialEpoch
	lease.CreatedAt, lease.ExpiresAt = now, now.Add(removalLease)
	if err := s.createUnique(ctx, lease); errors.Is(err, ErrConflict) {
		return ErrUnavailable
	} else if err != nil {
		return err
	}
	if err = s.anotherWayIn(ctx, u, t); err == nil {
		if err = s.endCredential(ctx, t, now.Add(removalLease/2)); errors.Is(err, ErrUnavailable) {
			return err // it may still happen, so the lease runs out
		}
	}
	if err := ignoreLoss(s.credentials.Delete(ctx, lease.ID, lease.Version)); err != nil {
		s.opts.Logger.WarnContext(ctx, "myauth: for a minute no credential of the account can be removed", "user_id", u.ID, "err", err)
	}
	return err
}

// anotherWayIn returns nil if something but t logs in to the account of u.
func (s *Service) anotherWayIn(ctx context.Context, u User, t Token) error {
	for _, wayIn := range s.waysIn {
		if found, err := wayIn(ctx, u, t.ID); err != nil || found {
			return err
		}
	}
	return ErrLastCredential
}

// endCredential ends a credential, if it does so before a time.
func (s *Service) endCredential(ctx context.Context, t Token, before time.Time) error {
	ctx = context.WithoutCancel(ctx)
	t, err := s.changeRecord(ctx, s.credentials, t, func(t *Token) error {
		now := s.now()
		switch {
		case !t.RevokedAt.IsZero():
			return ErrNotFound
		case !now.Before(before):
			return ErrUnavailable // another removal may soon begin
		}
		t.RevokedAt = now
		t.ExpiresAt = now // a purge deletes it, should that fail below
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
