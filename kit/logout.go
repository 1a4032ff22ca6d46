package kit

import (
	"context"
	"errors"

	"myauth.internal/kit/internal/opaque"
)

// Logout ends the session of a refresh token. A token that is unknown, expired or already
// revoked is no error. The session's access tokens stay valid until they expire, within
// Options.AccessTokenTTL.
//
// Any token of the session works, also one that was replaced long ago and whose secret can no
// longer be checked: like a reuse, it has the ID of the session's row.
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
	// The client often goes at once, and that must not cancel the logout.
	if err := s.revoke(context.WithoutCancel(ctx), session); err != nil {
		return err
	}
	s.emit(ctx, Event{Kind: EventLoggedOut, UserID: session.UserID, SessionID: session.SessionID})
	return nil
}

// SameSession reports whether two refresh tokens are of one session, whatever has become of it. It
// asks no store.
func SameSession(a, b string) bool {
	x, ok := opaque.Parse(refreshPrefix, a)
	y, ok2 := opaque.Parse(refreshPrefix, b)
	return ok && ok2 && x.RowID() == y.RowID()
}
