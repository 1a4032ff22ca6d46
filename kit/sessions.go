package kit

import (
	"context"
	"errors"
	"time"
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
	_, err := s.changeUser(ctx, userID, func(u *User) error {
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
