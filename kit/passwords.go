package kit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"myauth.internal/kit/password"
)

// hash and compare are the only ways from the Service to bcrypt. Both wait for their
// turn in the hasher's queue.
func (s *Service) hash(ctx context.Context, pw string) (PasswordHash, error) {
	hash, err := s.hasher.Hash(ctx, pw)
	return PasswordHash(hash), hasherError(ctx, err)
}

func (s *Service) compare(ctx context.Context, hash PasswordHash, pw string) (matched, outdated bool, err error) {
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

// ValidatePassword returns a [ValidationError] for field with every rule of the
// policy that the password breaks, or nil. context is what is known of the user, the
// address and the user name for instance: see [password.Policy.Check]. The name of the
// service, from Options.JWTIssuer and Options.PublicURL, belongs to every context.
func (s *Service) ValidatePassword(field, pw string, context ...string) error {
	if fields := s.checkPassword(field, pw, context...); len(fields) > 0 {
		return &ValidationError{Fields: fields}
	}
	return nil
}

func (s *Service) checkPassword(field, pw string, context ...string) []FieldError {
	var fields []FieldError
	for _, v := range s.opts.PasswordPolicy.Check(pw, slices.Concat(context, []string{s.opts.JWTIssuer, s.opts.PublicURL})...) {
		fields = append(fields, FieldError{Field: field, Code: v.Code, Message: v.Message})
	}
	return fields
}
