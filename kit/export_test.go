package kit

import "context"

// Grant is a login after the password was found right.
func (s *Service) Grant(ctx context.Context, u User) (TokenPair, error) { return s.grant(ctx, u) }
