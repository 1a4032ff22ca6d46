package kit

import (
	"context"
	"errors"

	"myauth.internal/kit/internal/opaque"
)

// Logout ends the session of a refresh token, its own only. A token that is
// unknown, expired or already revoked is no error: after Logout there is no such
// session either way. The session's access tokens run out by themselves, within
// Options.AccessTokenTTL.
//
// Any token of the session will do, also one that was replaced long ago, of which
// nothing is stored to check it by: the session's ID in it is enough to end the session,
// as it is for a reuse.
func (s *Service) Logout(ctx context.Context, refreshToken string) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	presented, ok := opaque.Parse(refreshPrefix, refreshToken)
	if !ok {
		return nil
	}
	session, err := s.tokenRow(ctx, presented, RefreshToken)
	if errors.Is(err, ErrInvalidToken) {
		return nil
	} else if err != nil {
		return err
	}
	if !session.RevokedAt.IsZero() {
		return nil
	}
	// A page that logs out often leaves at once: that must not cancel it.
	if err := s.endSession(context.WithoutCancel(ctx), session); err != nil {
		return err
	}
	s.emit(ctx, Event{Kind: EventLoggedOut, UserID: session.UserID, SessionID: session.SessionID})
	return nil
}
