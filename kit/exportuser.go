package kit

import (
	"context"
	"errors"
)

// Export returns an account, of which u is an earlier reading, such as one of [Service.Users], with its
// live credentials as they are stored: for [Service.Import] of another MyAuth. The two belong
// together: if the account changes while its credentials are read, both are read again. Sessions,
// pending resets and void credentials are left out.
//
// Whoever has the result has the password hash, and what the application keeps in Private.
//
// Errors: [ErrUserNotFound], also while the account is being deleted.
func (s *Service) Export(ctx context.Context, u User) (User, []Token, error) {
	for range casRounds {
		if err := s.enter(ctx); err != nil {
			return User{}, nil, err
		}
		credentials, err := s.liveCredentials(ctx, u)
		if err != nil {
			return User{}, nil, err
		}
		stored, err := s.users.ByID(ctx, u.ID)
		switch {
		case errors.Is(err, ErrNotFound) || err == nil && stored.Email == deletedAddress(stored.ID):
			return User{}, nil, ErrUserNotFound
		case err != nil:
			return User{}, nil, err
		case stored.Version == u.Version:
			return stored, credentials, nil
		}
		u = stored
	}
	return User{}, nil, errContention
}

func (s *Service) liveCredentials(ctx context.Context, u User) (live []Token, err error) {
	now := s.now()
	err = eachToken(ctx, s.credentials, u.ID, func(t Token) error {
		if t.RevokedAt.IsZero() && now.Before(t.ExpiresAt) && (t.Epoch == u.CredentialEpoch || t.Type == onceType) {
			live = append(live, t)
		}
		return nil
	})
	return live, err
}
