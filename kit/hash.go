package kit

import (
	"context"
	"errors"
	"fmt"

	"myauth.internal/kit/password"
)

// hash and compare are the only calls of bcrypt. Both wait for their turn in the hasher's
// queue, and the tracers hear how long that took.
func (s *Service) hash(ctx context.Context, pw string) (Secret, error) {
	inner, span := s.tracing.begin(ctx, Operation{OperationHash, "hash"})
	var outcome string
	defer span.end(ctx, &outcome)
	hash, err := s.hasher.Hash(inner, pw)
	err = hasherError(ctx, err)
	outcome = workOutcome(err)
	return Secret(hash), err
}

func (s *Service) compare(ctx context.Context, hash Secret, pw string) (matched, outdated bool, err error) {
	inner, span := s.tracing.begin(ctx, Operation{OperationHash, "compare"})
	var outcome string
	defer span.end(ctx, &outcome)
	m, err := s.hasher.Verify(inner, string(hash), pw)
	err = hasherError(ctx, err)
	outcome = workOutcome(err)
	return m.OK, m.NeedsRehash, err
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
