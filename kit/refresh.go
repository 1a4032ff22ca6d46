package kit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/internal/opaque"
	"myauth.internal/kit/throttle"
)

// Refresh exchanges a refresh token for new tokens. A session rotates at most once in
// Options.RefreshGrace:
//   - the current token is replaced by a successor;
//   - within the grace after that, the replaced token is answered with the same successor,
//     any number of times, and the successor is answered with itself;
//   - any older token, and the replaced token after the grace, is a reuse, which is the sign
//     of a stolen token (RFC 9700 section 4.14.2). The session ends.
//
// So a client whose answer was lost can repeat the call within the grace, and tabs that
// share a storage all end up with one token. Without a grace each use rotates, exactly one
// use of each token succeeds, and any other use ends the session.
//
// Each answer has a new access token. An answer without a rotation writes nothing, unless
// the grace is more than a tenth of RefreshTokenTTL.
//
// After [ErrUnavailable] the token may or may not have been replaced. Repeating the call is
// safe within the grace. Later, or without a grace, the repetition may count as a reuse.
//
// Errors: [ErrInvalidToken], [ErrExpiredToken], [ErrRevokedToken],
// [ErrAccountDisabled] (and the session ends), a [throttle.LimitError].
func (s *Service) Refresh(ctx context.Context, refreshToken string) (_ TokenPair, err error) {
	if err := s.enter(ctx); err != nil {
		return TokenPair{}, err
	}
	presented, ok := opaque.Parse(refreshPrefix, refreshToken)
	if !ok {
		return TokenPair{}, s.refuseToken(ctx, "refresh", "", ErrInvalidToken)
	}
	c, err := s.attempt(ctx, throttle.Attempt{Action: throttle.ActionRefresh}, "")
	if err != nil {
		return TokenPair{}, err
	}
	defer c.end(ctx, &err)
	return s.refresh(ctx, presented)
}

func (s *Service) refresh(ctx context.Context, presented opaque.Token) (TokenPair, error) {
	found, err := s.ownedRow(ctx, presented, RefreshToken)
	if err != nil {
		return TokenPair{}, s.refuseToken(ctx, "refresh", "", err)
	}
	session := found.token
	if err := s.checkRow(session, s.now()); err != nil {
		return TokenPair{}, err
	}
	u, err := s.liveOwner(ctx, found)
	data, corrupt := decodeSession(session.Data) // which no refresh changes
	if corrupt != nil {
		return TokenPair{}, fmt.Errorf("kit: the data of session %s: %w", session.SessionID, corrupt)
	}
	// From here on the work is finished even if the client goes: its rotation would have an
	// unknown outcome.
	ctx = context.WithoutCancel(ctx)
	lacksFactor := err == nil && data.lacksFactor(u)
	if lacksFactor || errors.Is(err, ErrAccountDisabled) {
		if err := s.revoke(ctx, session); err != nil {
			return TokenPair{}, err
		}
	}
	switch {
	case lacksFactor:
		return TokenPair{}, ErrRevokedToken
	case err != nil:
		return TokenPair{}, err
	}
	wasCurrent := false
	for range casRounds {
		now := s.now()
		if err := s.checkRow(session, now); err != nil {
			return TokenPair{}, err
		}
		if !sameHash(presented.Hash(), session.SecretHash) {
			return s.refreshParent(ctx, session, u, data, presented, wasCurrent, now)
		}
		if s.withinGrace(session.RotatedAt, now) {
			return s.refreshed(ctx, u, s.renewed(ctx, session, now), data, presented, now)
		}
		next, rotated := s.rotation(session, presented, now)
		// Before the rotation, because Options.Claims may fail for longer than the grace lasts,
		// and then the repetition would count as a reuse.
		tokens, err := s.issue(ctx, u, rotated, data, next, now)
		if err != nil {
			return TokenPair{}, err
		}
		err = s.tokens.Update(ctx, rotated)
		if err == nil {
			return s.announced(ctx, tokens, rotated)
		}
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrUnavailable) {
			return TokenPair{}, revokedIfGone(err)
		}
		// Another call was first, or the answer was lost, perhaps after the write. The salt in
		// the stored row tells whose write it is. It may be this call's although the session
		// was ended since: the rotation came first.
		stored, readErr := s.tokens.ByID(ctx, session.ID)
		switch {
		case readErr != nil:
			return TokenPair{}, revokedIfGone(readErr)
		case sameHash(stored.Salt, rotated.Salt):
			return s.announced(ctx, tokens, rotated)
		case sameHash(stored.PreviousHash, rotated.SecretHash):
			// The write happened, and the successor was replaced meanwhile.
			presented = next
		case errors.Is(err, ErrUnavailable) && stored.Version == session.Version:
			return TokenPair{}, err // the write may still happen
		}
		session, wasCurrent = stored, true
	}
	return TokenPair{}, errContention
}

// refreshed returns the tokens of a session whose current refresh token is token.
func (s *Service) refreshed(ctx context.Context, u User, session Token, data sessionData, token opaque.Token, now time.Time) (TokenPair, error) {
	tokens, err := s.issue(ctx, u, session, data, token, now)
	if err != nil {
		return TokenPair{}, err
	}
	return s.announced(ctx, tokens, session)
}

// announced returns the tokens of a session, with the event.
func (s *Service) announced(ctx context.Context, tokens TokenPair, session Token) (TokenPair, error) {
	s.emit(ctx, Event{Kind: EventSessionRefreshed, UserID: session.UserID, SessionID: session.SessionID})
	return tokens, nil
}

// refreshParent answers a token that is not the session's current one: with the successor
// that it already has, or as a reuse. A token that this call has seen as the current one
// (wasCurrent) is within its grace, if there is one, however slow the store was.
func (s *Service) refreshParent(ctx context.Context, session Token, u User, data sessionData, presented opaque.Token, wasCurrent bool, now time.Time) (TokenPair, error) {
	inTime := s.withinGrace(session.RotatedAt, now) || wasCurrent && s.opts.RefreshGrace >= 0
	if inTime && sameHash(presented.Hash(), session.PreviousHash) {
		if next := presented.Successor(session.Salt); sameHash(next.Hash(), session.SecretHash) {
			return s.refreshed(ctx, u, s.renewed(ctx, session, now), data, next, now)
		}
	}
	s.emit(ctx, Event{Kind: EventSessionReused, UserID: session.UserID, SessionID: session.SessionID})
	if err := s.revoke(ctx, session); err != nil {
		return TokenPair{}, err
	}
	return TokenPair{}, ErrRevokedToken
}

// renewed starts the idle lifetime of a session anew without rotating it. It writes only when
// that gains more than a tenth of the lifetime, so only if RefreshTokenTTL is less than ten
// times the grace. When the write fails, the session keeps its lifetime.
func (s *Service) renewed(ctx context.Context, session Token, now time.Time) Token {
	renewed := session
	renewed.ExpiresAt = s.sessionExpiry(session.CreatedAt, now)
	if renewed.ExpiresAt.Sub(session.ExpiresAt) <= s.opts.RefreshTokenTTL/10 || s.tokens.Update(ctx, renewed) != nil {
		return session
	}
	return renewed
}

// rotation returns the next token of a session, and the row with it.
func (s *Service) rotation(session Token, presented opaque.Token, now time.Time) (opaque.Token, Token) {
	salt := opaque.NewSalt()
	next := presented.Successor(salt)
	session.PreviousHash = session.SecretHash
	session.SecretHash = next.Hash()
	session.Salt = salt
	session.RotatedAt = now
	session.ExpiresAt = s.sessionExpiry(session.CreatedAt, now)
	return next, session
}

// withinGrace reports whether now is within the grace after a rotation. The clock of the
// instance that rotated may be ahead by as much as for access tokens; the grace is then so
// much longer. Under a clock that was set back further nothing is within the grace.
func (s *Service) withinGrace(rotatedAt, now time.Time) bool {
	elapsed := now.Sub(rotatedAt)
	return s.opts.RefreshGrace >= 0 && -accesstoken.ClockSkew <= elapsed && elapsed <= s.opts.RefreshGrace
}
