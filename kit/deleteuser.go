package kit

import (
	"context"
	"errors"
)

// DeleteUser deletes the account, and then its tokens. Its access tokens are refused wherever
// the user is looked up. Tokens that could not be deleted are invalid too, and remain until
// they are purged.
//
// Errors: [ErrUserNotFound].
func (s *Service) DeleteUser(ctx context.Context, id string) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	err := s.users.Delete(ctx, id)
	if errors.Is(err, ErrUnavailable) {
		if _, readErr := s.users.ByID(ctx, id); errors.Is(readErr, ErrNotFound) {
			err = nil
		}
	}
	if err != nil {
		return userError(err)
	}
	s.emit(ctx, Event{Kind: EventUserDeleted, UserID: id})
	err = s.eachToken(ctx, id, func(t Token) error {
		return s.tokens.Delete(ctx, t.ID, t.Version)
	})
	if err != nil {
		s.opts.Logger.WarnContext(ctx, "myauth: the tokens of a deleted user remain until they expire", "user_id", id, "err", err)
	}
	return nil
}
