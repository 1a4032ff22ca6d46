package kit

import (
	"context"
	"errors"
	"time"

	"myauth.internal/kit/accesstoken"
)

// Authenticate verifies an access token and looks up its user: the account must exist and be
// active, and no password change, reset or deactivation may have ended its sessions since. It
// does not see a logout, which ends only the session's refresh token: access tokens stay valid
// until they expire. [Service.AuthenticateLive] does.
//
// Errors: [ErrInvalidToken], [ErrExpiredToken], [ErrRevokedToken] (also for a
// deleted user), [ErrAccountDisabled].
func (s *Service) Authenticate(ctx context.Context, accessToken string) (User, accesstoken.Claims, error) {
	if err := s.enter(ctx); err != nil {
		return User{}, accesstoken.Claims{}, err
	}
	claims, err := s.verifier.Verify(accessToken)
	if err != nil {
		if errors.Is(err, accesstoken.ErrExpired) {
			return User{}, accesstoken.Claims{}, ErrExpiredToken
		}
		return User{}, accesstoken.Claims{}, ErrInvalidToken
	}
	u, err := s.liveUser(ctx, claims.Subject, claims.Epoch)
	if err != nil {
		return User{}, accesstoken.Claims{}, err
	}
	return u, claims, nil
}

// AuthenticateLive is [Service.Authenticate] that sees the end of one session too, by a logout for
// example. It costs one more read of the store, the list of the user's tokens.
func (s *Service) AuthenticateLive(ctx context.Context, accessToken string) (User, accesstoken.Claims, error) {
	u, claims, err := s.Authenticate(ctx, accessToken)
	if err == nil {
		_, err = s.liveSession(ctx, claims)
	}
	if err != nil {
		return User{}, accesstoken.Claims{}, err
	}
	return u, claims, nil
}

// CheckRecent returns nil if a login is recent enough for what could take the account away:
// at most Options.RecentLogin ago, and with a second factor if the account has one.
// Otherwise it returns [ErrReauthenticationRequired].
func (s *Service) CheckRecent(u User, claims accesstoken.Claims) error {
	ago := s.now().Sub(claims.AuthTime)
	if claims.AuthTime.IsZero() || ago > s.opts.RecentLogin || ago < -accesstoken.ClockSkew || factorDue(u, claims.AMR) {
		return ErrReauthenticationRequired
	}
	return nil
}

// RecentLogin returns Options.RecentLogin, for HTTP layers.
func (s *Service) RecentLogin() time.Duration { return s.opts.RecentLogin }

// RefreshGrace is Options.RefreshGrace; negative if each refresh token is good for one call.
func (s *Service) RefreshGrace() time.Duration { return s.opts.RefreshGrace }

// JWKS returns the JWK Set (RFC 7517) of the public keys that verify access tokens. It is
// empty under HMAC.
func (s *Service) JWKS() []byte { return s.keys.JWKS() }

// KeyLifetime is how long a signing key must verify after another has taken its place: the longest
// lifetime of access tokens, links of verification mails, and states in the hands of clients. It
// is what [accesstoken.NewRotation] asks for. A state that a feature seals for longer ends with
// its key.
func (s *Service) KeyLifetime() time.Duration {
	return max(s.opts.AccessTokenTTL, s.opts.EmailVerificationTTL, stateTTL)
}
