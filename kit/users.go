package kit

import (
	"context"
	"errors"
	"fmt"
)

// Users lists users by ID, in ascending byte order: those whose ID is greater than after, at
// most limit (1 to 1000) of them. A walk begins with an empty after, and goes on with the
// last ID of each page until one has fewer than limit. It sees each user that exists throughout
// exactly once, whatever happens meanwhile, also when that last user is deleted: after is a
// place in the order, and not a user.
//
// Errors: one that wraps [errors.ErrUnsupported] if the store is no [UserLister].
func (s *Service) Users(ctx context.Context, after string, limit int) ([]User, error) {
	return s.listUsers(ctx, opList, func(ctx context.Context, l UserLister) ([]User, error) { return l.List(ctx, after, clampPage(limit)) })
}

// UsersByEmail lists users by address, in ascending byte order of [EmailKey]: those whose
// address begins with prefix, without regard to ASCII case, after the address after. No
// character of prefix is a wildcard. A walk is as with Users, by the last address of each page;
// who gets another address meanwhile may be seen twice or not at all, and what must not miss
// anybody walks by ID.
//
// Errors: those of Users.
func (s *Service) UsersByEmail(ctx context.Context, prefix, after string, limit int) ([]User, error) {
	return s.listUsers(ctx, opListByEmail, func(ctx context.Context, l UserLister) ([]User, error) {
		return l.ListByEmail(ctx, prefix, after, clampPage(limit))
	})
}

func clampPage(limit int) int { return max(1, min(limit, 1000)) }

func (s *Service) listUsers(ctx context.Context, op storeOp, list func(context.Context, UserLister) ([]User, error)) ([]User, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	l, ok := s.users.store.(UserLister)
	if !ok {
		return nil, fmt.Errorf("kit: the store of users cannot list them: %w", errors.ErrUnsupported)
	}
	return ask(ctx, s.users.storeGuard, s.users.timeout, op, func(ctx context.Context) ([]User, error) { return list(ctx, l) })
}
