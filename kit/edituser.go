package kit

import (
	"context"
	"fmt"
	"slices"
)

// Edit is what an administrator changes of an account. A field that is nil stays as it is.
type Edit struct {
	// Username replaces the display name: 1 to 64 characters.
	Username *string
	// Roles replace the roles: see [Service.SetRoles]. An empty list, which is not nil, takes all away.
	Roles []string
	// Active is false for a disabled account: see [Service.Deactivate].
	Active *bool
	// Verified says whether the address counts as the owner's.
	Verified *bool
}

// EditUser makes the changes of e in one write, and emits one event for each of them. Its
// access tokens carry new roles from the next refresh on. A change that is there already is no
// error.
//
// Errors: a [ValidationError] that names every bad field, [ErrLastAdmin], [ErrUserNotFound].
func (s *Service) EditUser(ctx context.Context, id string, e Edit) (User, error) {
	return s.editUser(ctx, id, e, func(User) error { return nil })
}

// EditUser is [Service.EditUser] by an administrator, who gives and takes only roles that
// Hooks.MayGrant allows. Errors: [ErrRoleNotGrantable] too.
func (c *Core) EditUser(ctx context.Context, actor User, id string, e Edit) (User, error) {
	return c.svc.editUser(ctx, id, e, func(u User) error {
		var others []string
		for _, role := range e.Roles {
			if !u.HasRole(role) {
				others = append(others, role)
			}
		}
		for _, role := range u.Roles {
			if e.Roles != nil && !slices.Contains(e.Roles, role) {
				others = append(others, role)
			}
		}
		return c.MayGrant(ctx, actor, others...)
	})
}

// ErrRoleNotGrantable refuses a role that the administrator must not give or take.
var ErrRoleNotGrantable = NewProblem(403, "role_not_grantable", "Role not grantable", "You may not give or take away one of these roles.")

// MayGrant returns nil if an administrator may give and take the roles: see Hooks.MayGrant.
// Errors: [ErrRoleNotGrantable].
func (c *Core) MayGrant(ctx context.Context, actor User, roles ...string) error {
	hook := c.svc.opts.Hooks.MayGrant
	for _, role := range roles {
		if hook != nil && !hook(ctx, actor, role) {
			return fmt.Errorf("%w: %q", ErrRoleNotGrantable, role)
		}
	}
	return nil
}

// editUser edits a user whom check accepts.
func (s *Service) editUser(ctx context.Context, id string, e Edit, check func(User) error) (User, error) {
	fields := checkRoles(e.Roles)
	if e.Username != nil {
		username, bad := checkUsername("username", *e.Username)
		e.Username, fields = &username, append(bad, fields...)
	}
	if len(fields) > 0 {
		return User{}, &ValidationError{Fields: fields}
	}
	var before, after User // the write
	u, changed, err := s.changeUser(ctx, id, func(u *User) error {
		if err := check(*u); err != nil {
			return err
		}
		old := u.Clone()
		if e.Username != nil {
			u.Username = *e.Username
		}
		if e.Roles != nil {
			u.Roles = distinct(e.Roles)
		}
		if e.Verified != nil {
			u.Verified = *e.Verified
		}
		if e.Active != nil && u.Active != *e.Active {
			if u.Active = *e.Active; !u.Active {
				u.SessionEpoch++
			}
		}
		if sameUser(old, *u) {
			return ErrUnchanged
		}
		before, after = old, u.Clone()
		return nil
	})
	if err == nil && changed {
		s.emitEdits(ctx, before, after)
	}
	return u, err
}

// emitEdits emits an event for each thing that one write has changed.
func (s *Service) emitEdits(ctx context.Context, before, after User) {
	emit := func(changed bool, kind EventKind) {
		if changed {
			s.emit(ctx, Event{Kind: kind, UserID: after.ID})
		}
	}
	emit(before.Username != after.Username, EventRenamed)
	emit(!slices.Equal(before.Roles, after.Roles), EventRolesChanged)
	emit(!before.Verified && after.Verified, EventEmailVerified)
	emit(before.Verified && !after.Verified, EventEmailUnverified)
	emit(!before.Active && after.Active, EventActivated)
	emit(before.Active && !after.Active, EventDeactivated)
}

// Deactivate disables an account: one write refuses its logins, and ends all its sessions and
// tokens. Repeating it is no error. Errors: [ErrLastAdmin], [ErrUserNotFound].
func (s *Service) Deactivate(ctx context.Context, id string) (User, error) {
	active := false
	return s.EditUser(ctx, id, Edit{Active: &active})
}

// Activate lets a deactivated account log in again. Its sessions and tokens stay ended.
// Errors: [ErrUserNotFound].
func (s *Service) Activate(ctx context.Context, id string) (User, error) {
	active := true
	return s.EditUser(ctx, id, Edit{Active: &active})
}
