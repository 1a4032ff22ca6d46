package kit

import (
	"context"
	"errors"
	"time"

	"myauth.internal/kit/internal/opaque"
)

// Session is what may be shown of one session, in a list of devices for example.
type Session struct {
	// ID is the sid of the session's access tokens.
	ID string
	// CreatedAt is the login, LastUsedAt the last rotation, which is at most a grace
	// before the last refresh, and ExpiresAt the end if it is not refreshed again.
	CreatedAt, LastUsedAt, ExpiresAt time.Time
}

// Sessions lists the user's live sessions, in no particular order. Errors:
// [ErrUserNotFound].
func (s *Service) Sessions(ctx context.Context, userID string) ([]Session, error) {
	u, err := s.UserByID(ctx, userID)
	if err != nil {
		return nil, err
	}
	var sessions []Session
	err = s.eachSession(ctx, userID, func(t Token) error {
		if s.checkLive(t, s.now()) == nil && checkEpoch(u, t.Epoch) == nil {
			session := Session{ID: t.SessionID, CreatedAt: t.CreatedAt, LastUsedAt: t.RotatedAt, ExpiresAt: t.ExpiresAt}
			if t.RotatedAt.IsZero() {
				session.LastUsedAt = t.CreatedAt
			}
			sessions = append(sessions, session)
		}
		return nil
	})
	return sessions, err
}

// EndSession ends one session of a user by its ID, as a logout would. One that is
// unknown or over is no error.
func (s *Service) EndSession(ctx context.Context, userID, sessionID string) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	return s.eachSession(ctx, userID, func(t Token) error {
		if t.SessionID != sessionID || !t.RevokedAt.IsZero() {
			return nil
		}
		if err := s.endSession(context.WithoutCancel(ctx), t); err != nil {
			return err
		}
		s.emit(ctx, Event{Kind: EventSessionEnded, UserID: userID, SessionID: sessionID})
		return nil
	})
}

// EndAllSessions ends every session, access token and reset token of a user in one
// write. Errors: [ErrUserNotFound].
func (s *Service) EndAllSessions(ctx context.Context, userID string) error {
	_, _, err := s.changeUser(ctx, userID, func(u *User) error {
		u.SessionEpoch++
		return nil
	})
	if err == nil {
		s.emit(ctx, Event{Kind: EventSessionsEnded, UserID: userID})
	}
	return err
}

func (s *Service) eachSession(ctx context.Context, userID string, do func(Token) error) error {
	const page = 100
	for after := ""; ; {
		tokens, err := s.tokens.ByUser(ctx, userID, after, page)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		for _, t := range tokens {
			after = t.ID
			if t.Type != RefreshToken {
				continue
			}
			if err := do(t); err != nil {
				return err
			}
		}
		if len(tokens) < page {
			return nil
		}
	}
}

// sessionOf reads the session that a presented token belongs to.
func (s *Service) sessionOf(ctx context.Context, presented opaque.Token) (Token, error) {
	session, err := s.tokens.ByID(ctx, presented.RowID())
	if errors.Is(err, ErrNotFound) || err == nil && session.Type != RefreshToken {
		return Token{}, ErrInvalidToken
	}
	return session, err
}

// checkSession returns nil for a live session of a user who may have one. It ends the
// session of a deactivated account.
func (s *Service) checkSession(ctx context.Context, session Token, u User, now time.Time) error {
	if err := s.checkLive(session, now); err != nil {
		return err
	}
	err := checkEpoch(u, session.Epoch)
	if errors.Is(err, ErrAccountDisabled) {
		if err := s.endSession(ctx, session); err != nil {
			return err
		}
	}
	return err
}

// checkLive returns nil if the session is live by its own record.
func (s *Service) checkLive(session Token, now time.Time) error {
	switch {
	case !session.RevokedAt.IsZero():
		return ErrRevokedToken
	case !now.Before(session.ExpiresAt), s.opts.SessionMaxAge > 0 && !now.Before(session.CreatedAt.Add(s.opts.SessionMaxAge)):
		return ErrExpiredToken
	}
	return nil
}

// checkEpoch checks a token made under epoch against the user as stored. The
// last thing that a deactivation ends says so; whatever ended before it, and
// everything that ended otherwise, was revoked.
func checkEpoch(u User, epoch int64) error {
	switch {
	case u.Active && epoch == u.SessionEpoch:
		return nil
	case !u.Active && (epoch == u.SessionEpoch || epoch == u.SessionEpoch-1):
		return ErrAccountDisabled
	default:
		return ErrRevokedToken
	}
}

// endSession marks a session or reset token as revoked. The record stays until it
// expires, so that its holder is told what happened.
func (s *Service) endSession(ctx context.Context, session Token) error {
	for range casRounds {
		if !session.RevokedAt.IsZero() {
			return nil
		}
		session.RevokedAt = s.now()
		err := s.tokens.Update(ctx, session)
		switch {
		case err == nil, errors.Is(err, ErrNotFound):
			return nil
		case !errors.Is(err, ErrConflict) && !errors.Is(err, ErrUnavailable):
			return err
		}
		stored, readErr := s.tokens.ByID(ctx, session.ID)
		if errors.Is(readErr, ErrNotFound) {
			return nil
		} else if readErr != nil {
			return readErr
		}
		if stored.RevokedAt.IsZero() && errors.Is(err, ErrUnavailable) {
			return err
		}
		session = stored
	}
	return errContention
}

// revokedIfGone is err, but for a record that no longer exists: what belonged to it was
// ended.
func revokedIfGone(err error) error {
	if errors.Is(err, ErrNotFound) {
		return ErrRevokedToken
	}
	return err
}
