package kit

import "context"

// StartSession is a login after the password was found right.
func (s *Service) StartSession(ctx context.Context, u User) (TokenPair, error) {
	tokens, _, err := s.startSession(ctx, u)
	return tokens, err
}
