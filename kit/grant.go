package kit

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"time"

	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/internal/opaque"
)

// The prefixes of the tokens of package opaque.
const (
	refreshPrefix = "myauth_rt_"
	resetPrefix   = "myauth_pr_"
)

// TokenPair is the result of a login or a refresh.
type TokenPair struct {
	// AccessToken is a JWT (RFC 9068), valid for ExpiresIn.
	AccessToken Secret
	ExpiresIn   time.Duration
	// RefreshToken replaces the one that was presented. The session ends after
	// RefreshTokenExpiresIn if it is not refreshed before.
	RefreshToken          Secret
	RefreshTokenExpiresIn time.Duration
	// User is the account as it was when the tokens were made.
	User User
}

// grant is the one door to a session: every way to log in ends here. It refuses a user who
// may not log in.
func (s *Service) grant(ctx context.Context, u User) (TokenPair, error) {
	if err := s.mayLogin(ctx, u); err != nil {
		s.emit(ctx, Event{Kind: EventLoginFailed, UserID: u.ID, Err: err})
		return TokenPair{}, err
	}
	now := s.now()
	token := opaque.New(now)
	session := Token{
		ID:         token.RowID(),
		Type:       RefreshToken,
		UserID:     u.ID,
		SessionID:  rand.Text(),
		Epoch:      u.SessionEpoch,
		SecretHash: token.Hash(),
		CreatedAt:  now,
		ExpiresAt:  s.sessionExpiry(now, now),
		Version:    1,
	}
	if err := s.createToken(ctx, session); err != nil {
		return TokenPair{}, err
	}
	tokens, err := s.issue(u, session, token, now)
	if err != nil {
		return TokenPair{}, err
	}
	s.emit(ctx, Event{Kind: EventLoggedIn, UserID: u.ID, SessionID: session.SessionID})
	if hook := s.opts.Hooks.AfterLogin; hook != nil {
		hook(ctx, u)
	}
	return tokens, nil
}

// mayLogin checks what the account's state and the application's hook say.
func (s *Service) mayLogin(ctx context.Context, u User) error {
	switch {
	case !u.Active:
		return ErrAccountDisabled
	case s.opts.RequireVerifiedEmail && !u.Verified:
		return ErrEmailNotVerified
	}
	if hook := s.opts.Hooks.BeforeLogin; hook != nil {
		return hook(ctx, u)
	}
	return nil
}

// sessionExpiry returns the end of the idle lifetime from now on, or of the absolute one.
func (s *Service) sessionExpiry(createdAt, now time.Time) time.Time {
	expiry := now.Add(s.opts.RefreshTokenTTL)
	if s.opts.SessionMaxAge > 0 {
		if end := createdAt.Add(s.opts.SessionMaxAge); end.Before(expiry) {
			return end
		}
	}
	return expiry
}

// issue makes the tokens of a session whose current refresh token is token.
func (s *Service) issue(u User, session Token, token opaque.Token, now time.Time) (TokenPair, error) {
	issuedAt := now.Truncate(time.Second)
	// No access token outlives the session's absolute end. Whole seconds, at least one.
	lifetime := s.opts.AccessTokenTTL
	if s.opts.SessionMaxAge > 0 {
		end := session.CreatedAt.Add(s.opts.SessionMaxAge)
		lifetime = min(lifetime, max(end.Sub(issuedAt).Truncate(time.Second), time.Second))
	}
	access, err := s.signer.Sign(accesstoken.Claims{
		Subject:   u.ID,
		SessionID: session.SessionID,
		TokenID:   rand.Text(),
		ClientID:  s.opts.ClientID,
		Roles:     u.Roles,
		Epoch:     u.SessionEpoch,
		IssuedAt:  issuedAt,
		ExpiresAt: issuedAt.Add(lifetime),
	})
	if err != nil {
		return TokenPair{}, err
	}
	return TokenPair{
		AccessToken:           Secret(access),
		ExpiresIn:             lifetime,
		RefreshToken:          Secret(token.Encode(refreshPrefix)),
		RefreshTokenExpiresIn: session.ExpiresAt.Sub(now),
		User:                  u,
	}, nil
}

// createToken stores t. When the answer is lost, it looks whether the row is stored: no other
// call knows its ID.
func (s *Service) createToken(ctx context.Context, t Token) error {
	err := s.tokens.Create(ctx, t)
	if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrConflict) {
		stored, readErr := s.tokens.ByID(ctx, t.ID)
		switch {
		case readErr == nil && sameHash(stored.SecretHash, t.SecretHash):
			return nil
		case errors.Is(readErr, ErrUnavailable):
			return readErr
		}
	}
	return err
}

// sameHash compares in constant time.
func sameHash(a, b []byte) bool { return len(a) > 0 && subtle.ConstantTimeCompare(a, b) == 1 }
