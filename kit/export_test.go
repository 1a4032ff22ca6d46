package kit

import "context"

// GrantPassword is a login after the password was found right.
func (s *Service) GrantPassword(ctx context.Context, u User) (TokenPair, error) {
	return s.grant(ctx, Login{User: u, AMR: passwordAMR})
}
