package kit

import (
	"context"
	"errors"
	"fmt"

	"myauth.internal/kit/password"
)

// hash and compare are the only calls of bcrypt. Both wait for their turn in the hasher's
// queue.
func (s *Service) hash(ctx context.Context, pw string) (Secret, error) {
	hash, err := s.hasher.Hash(ctx, pw)
	return Secret(hash), hasherError(ctx, err)
}

func (s *Service) compare(ctx context.Context, hash Secret, pw string) (matched, outdated bool, err error) {
	m, err := s.hasher.Verify(ctx, string(hash), pw)
	return m.OK, m.NeedsRehash, hasherError(ctx, err)
}

func hasherError(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, password.ErrBusy):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case ctx.Err() != nil:
		return fmt.Errorf("kit: waiting to hash: %w", ctx.Err())
	default:
		return fmt.Errorf("kit: %w", err)
	}
}
