package kit

import (
	"context"
	"errors"
)

// DeleteUser removes the account, and then its tokens; access tokens already
// handed out are refused from then on wherever the user is checked. When removing
// the tokens fails they are dead all the same, and expire by themselves.
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
		_, err := s.tokens.Delete(ctx, t.ID)
		return err
	})
	if err != nil {
		s.opts.Logger.WarnContext(ctx, "myauth: the tokens of a deleted user remain until they expire", "user_id", id, "err", err)
	}
	return nil
}
