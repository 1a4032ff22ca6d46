package kit

import (
	"context"
	"errors"

	"myauth.internal/kit/accesstoken"
)

// Authenticate checks an access token against the user as stored: that the account
// exists and is active, and that no reset, change of password or deactivation has
// ended its sessions since. It costs one look-up. A logout is not seen by it: that
// ends the session's refresh token, and its access tokens run out by themselves.
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

// JWKS returns the JWK Set (RFC 7517) with the public keys that verify access
// tokens: an empty set under HMAC.
func (s *Service) JWKS() []byte { return s.keys.JWKS() }
