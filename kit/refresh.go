package kit

import (
	"context"
	"errors"
	"time"

	"myauth.internal/kit/accesstoken"
)

// Refresh exchanges a refresh token for new tokens. The presented one is replaced;
// its direct successor is the answer to it for Options.RefreshGrace longer, as often
// and from as many places as it is presented. Anything older is a reuse, by RFC
// 9700 section 4.14.2 the sign of a stolen token: the session ends.
//
// Errors: [ErrInvalidToken], [ErrExpiredToken], [ErrRevokedToken],
// [ErrAccountDisabled] (and the session ends), a [LimitError].
func (s *Service) Refresh(ctx context.Context, refreshToken string) (Tokens, error) {
	if err := s.enter(ctx); err != nil {
		return Tokens{}, err
	}
	presented, err := parseOpaqueToken(refreshPrefix, refreshToken)
	if err != nil {
		return Tokens{}, err
	}
	if err := s.limit(ctx, ActionRefresh, ""); err != nil {
		return Tokens{}, err
	}
	session, err := s.sessionOf(ctx, presented)
	if err != nil {
		return Tokens{}, err
	}
	u, err := s.users.ByID(ctx, session.UserID)
	if errors.Is(err, ErrNotFound) {
		return Tokens{}, ErrRevokedToken
	} else if err != nil {
		return Tokens{}, err
	}

	// From here on the work is finished even if the client goes: a rotation whose
	// answer nobody waits for would otherwise be an unknown outcome.
	ctx = context.WithoutCancel(ctx)
	for range casRounds {
		now := s.now()
		if err := s.judgeSession(ctx, session, u, now); err != nil {
			return Tokens{}, err
		}
		if !sameHash(presented.hash(), session.SecretHash) {
			return s.refreshParent(ctx, session, u, presented, now)
		}
		next, rotated := s.rotation(session, presented, now)
		err := s.tokens.Update(ctx, rotated)
		if err == nil {
			s.unconfirmed.settle(session.ID)
			s.emit(ctx, Event{Kind: EventSessionRefreshed, UserID: u.ID, SessionID: session.SessionID})
			return s.issue(u, rotated, next, now)
		}
		if errors.Is(err, ErrNotFound) {
			return Tokens{}, ErrRevokedToken
		}
		if !errors.Is(err, ErrConflict) {
			s.unconfirmed.add(session.ID, presented.hash())
			if !errors.Is(err, ErrUnavailable) {
				return Tokens{}, err
			}
		}
		// Another call was first, or the answer was lost, perhaps after the
		// write. What is stored now tells.
		stored, readErr := s.tokens.ByID(ctx, session.ID)
		if errors.Is(readErr, ErrNotFound) {
			return Tokens{}, ErrRevokedToken
		} else if readErr != nil {
			return Tokens{}, readErr
		}
		if sameHash(stored.Salt, rotated.Salt) {
			s.unconfirmed.settle(session.ID)
			return s.issue(u, stored, next, now)
		}
		if errors.Is(err, ErrUnavailable) && stored.Version == session.Version {
			return Tokens{}, err // and the write may still land
		}
		session = stored
	}
	return Tokens{}, errContention
}

// refreshParent answers a token that is not the session's current one: with the
// successor that it already has, or as a reuse.
func (s *Service) refreshParent(ctx context.Context, session Token, u User, presented opaqueToken, now time.Time) (Tokens, error) {
	if sameHash(presented.hash(), session.PreviousHash) &&
		(s.withinGrace(session.RotatedAt, now) || s.unconfirmed.excuses(session.ID, presented.hash(), now, s.opts.RefreshGrace)) {
		if next := successor(session.Salt, presented); sameHash(next.hash(), session.SecretHash) {
			return s.issue(u, session, next, now)
		}
	}
	s.emit(ctx, Event{Kind: EventSessionReused, UserID: session.UserID, SessionID: session.SessionID})
	if err := s.endSession(ctx, session); err != nil {
		return Tokens{}, err
	}
	return Tokens{}, ErrRevokedToken
}

// sessionOf reads the session that a presented token belongs to.
func (s *Service) sessionOf(ctx context.Context, presented opaqueToken) (Token, error) {
	session, err := s.tokens.ByID(ctx, presented.rowID())
	if errors.Is(err, ErrNotFound) || err == nil && session.Type != RefreshToken {
		return Token{}, ErrInvalidToken
	}
	return session, err
}

// judgeSession says whether a session is still one, and ends it when it has
// outlived its user's account.
func (s *Service) judgeSession(ctx context.Context, session Token, u User, now time.Time) error {
	if err := s.judge(session, now); err != nil {
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

// judge says whether a session is live by its own record.
func (s *Service) judge(session Token, now time.Time) error {
	switch {
	case !session.RevokedAt.IsZero():
		return ErrRevokedToken
	case !now.Before(session.ExpiresAt), s.opts.SessionMaxAge > 0 && !now.Before(session.CreatedAt.Add(s.opts.SessionMaxAge)):
		return ErrExpiredToken
	}
	return nil
}

// rotation returns the next token of the session, and the session with it.
func (s *Service) rotation(session Token, presented opaqueToken, now time.Time) (opaqueToken, Token) {
	salt := newSalt()
	next := successor(salt, presented)
	session.PreviousHash = session.SecretHash
	session.SecretHash = next.hash()
	session.Salt = salt
	session.RotatedAt = now
	session.ExpiresAt = s.sessionExpiry(session.CreatedAt, now)
	return next, session
}

// withinGrace allows for the clock of the instance that rotated to be a little
// ahead, as access tokens do: the parent is then answered for so much longer. A clock
// that was set back further opens nothing.
func (s *Service) withinGrace(rotatedAt, now time.Time) bool {
	elapsed := now.Sub(rotatedAt)
	return s.opts.RefreshGrace >= 0 && -accesstoken.ClockSkew <= elapsed && elapsed <= s.opts.RefreshGrace
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
