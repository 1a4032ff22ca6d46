package kit

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"time"

	"myauth.internal/kit/accesstoken"
)

// Tokens is what a login and a refresh hand out.
type Tokens struct {
	// AccessToken is a JWT (RFC 9068), valid for ExpiresIn.
	AccessToken Secret
	ExpiresIn   time.Duration
	// RefreshToken replaces the one that was presented. RefreshTokenExpiresIn
	// is what is left of the session's time if it is not used again.
	RefreshToken          Secret
	RefreshTokenExpiresIn time.Duration
	// User is the account as it was when the tokens were made.
	User User
}

// startSession stores a new session of u and returns its first tokens.
func (s *Service) startSession(ctx context.Context, u User) (Tokens, Token, error) {
	now := s.now()
	token := newOpaqueToken(now)
	session := Token{
		ID:         token.rowID(),
		Type:       RefreshToken,
		UserID:     u.ID,
		SessionID:  randomID(),
		Epoch:      u.SessionEpoch,
		SecretHash: token.hash(),
		CreatedAt:  now,
		ExpiresAt:  s.sessionExpiry(now, now),
		Version:    1,
	}
	if err := s.createToken(ctx, session); err != nil {
		return Tokens{}, Token{}, err
	}
	tokens, err := s.issue(u, session, token, now)
	return tokens, session, err
}

// createToken stores t. When the answer is lost it looks whether the record is
// there: nobody else knows its ID, so then it is this call's.
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

// sessionExpiry is the idle lifetime from now on, cut off at the absolute one.
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
func (s *Service) issue(u User, session Token, token opaqueToken, now time.Time) (Tokens, error) {
	issuedAt := now.Truncate(time.Second)
	// No access token outlives the session's absolute end; whole seconds, at
	// least one.
	lifetime := s.opts.AccessTokenTTL
	if s.opts.SessionMaxAge > 0 {
		end := session.CreatedAt.Add(s.opts.SessionMaxAge)
		lifetime = min(lifetime, max(end.Sub(issuedAt).Truncate(time.Second), time.Second))
	}
	access, err := s.signer.Sign(accesstoken.Claims{
		Subject:   u.ID,
		SessionID: session.SessionID,
		TokenID:   randomID(),
		ClientID:  s.opts.ClientID,
		Roles:     u.Roles,
		Epoch:     u.SessionEpoch,
		IssuedAt:  issuedAt,
		ExpiresAt: issuedAt.Add(lifetime),
	})
	if err != nil {
		return Tokens{}, err
	}
	return Tokens{
		AccessToken:           Secret(access),
		ExpiresIn:             lifetime,
		RefreshToken:          token.encode(refreshPrefix),
		RefreshTokenExpiresIn: session.ExpiresAt.Sub(now),
		User:                  u,
	}, nil
}

// successor derives the next secret of a session. Whoever holds the presented
// token can be answered with it again; the store, which has the salt but no
// secret, cannot.
func successor(salt []byte, presented opaqueToken) opaqueToken {
	mac := hmac.New(sha256.New, salt)
	mac.Write(presented.secret[:])
	next := opaqueToken{id: presented.id}
	mac.Sum(next.secret[:0])
	return next
}

// newSalt draws the salt of one rotation.
func newSalt() []byte {
	salt := make([]byte, 32)
	rand.Read(salt)
	return salt
}

// sameHash compares in constant time.
func sameHash(a, b []byte) bool { return len(a) > 0 && subtle.ConstantTimeCompare(a, b) == 1 }

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
