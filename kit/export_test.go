package kit

import "context"

// StartSession is a login after the password was found right.
func (s *Service) StartSession(ctx context.Context, u User) (Tokens, error) {
	tokens, _, err := s.startSession(ctx, u)
	return tokens, err
}

// RefreshTokenOf and ResetTokenOf are the tokens that somebody could make who knows the
// ID of a row and takes these bytes for its secret.
func RefreshTokenOf(rowID string, secret []byte) string { return tokenOf(refreshPrefix, rowID, secret) }

func ResetTokenOf(rowID string, secret []byte) string { return tokenOf(resetPrefix, rowID, secret) }

func tokenOf(prefix, rowID string, secret []byte) string {
	var t opaqueToken
	if n, err := rowIDEncoding.Decode(t.id[:], []byte(rowID)); err != nil || n != len(t.id) {
		panic("not the ID of a row: " + rowID)
	}
	copy(t.secret[:], secret)
	return string(t.encode(prefix))
}
