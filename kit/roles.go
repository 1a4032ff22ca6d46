package kit

import (
	"context"
	"slices"
)

// SetRoles replaces the user's roles: free-form names of 1 to 64 characters, at most 2 KiB in
// all. Their order is kept, and repetitions are dropped. The stored user has them at once;
// access tokens carry them from the next refresh on.
//
// Errors: a [ValidationError], [ErrUserNotFound].
func (s *Service) SetRoles(ctx context.Context, id string, roles ...string) (User, error) {
	return s.changeRoles(ctx, id, func([]string) []string { return distinct(roles) })
}

// AddRole adds a role after the others, if the user does not have it. Errors: those of
// SetRoles.
func (s *Service) AddRole(ctx context.Context, id, role string) (User, error) {
	return s.changeRoles(ctx, id, func(old []string) []string {
		return distinct(append(slices.Clone(old), role))
	})
}

// RemoveRole removes a role, if the user has it. Errors: those of SetRoles.
func (s *Service) RemoveRole(ctx context.Context, id, role string) (User, error) {
	return s.changeRoles(ctx, id, func(old []string) []string {
		return slices.DeleteFunc(slices.Clone(old), func(r string) bool { return r == role })
	})
}

func (s *Service) changeRoles(ctx context.Context, id string, change func([]string) []string) (User, error) {
	u, changed, err := s.changeUser(ctx, id, func(u *User) error {
		roles := change(u.Roles)
		if bad := checkRoles(roles); len(bad) > 0 {
			return &ValidationError{Fields: bad}
		}
		if slices.Equal(roles, u.Roles) {
			return ErrUnchanged
		}
		u.Roles = roles
		return nil
	})
	if err == nil && changed {
		s.emit(ctx, Event{Kind: EventRolesChanged, UserID: id})
	}
	return u, err
}

// distinct returns names without repetitions, in order of first appearance.
func distinct(names []string) []string {
	seen := make(map[string]bool, len(names))
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		again := seen[name]
		seen[name] = true
		return again
	})
}
