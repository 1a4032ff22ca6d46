package kit

import (
	"context"
	"errors"
	"slices"
)

// Invited is the account that an invitation leads to.
type Invited struct {
	Email string
	Roles []string
}

// CheckInvited returns an invitation by an administrator as it is stored, if it can lead to an
// account now.
//
// Errors: [ErrRegistrationClosed] with [RegistrationClosed], a [ValidationError] of email and roles,
// [ErrRoleNotGrantable], [ErrUserExists] if the address is verified, or its account disabled.
func (c *Core) CheckInvited(ctx context.Context, actor User, i Invited) (Invited, error) {
	if c.svc.opts.Registration == RegistrationClosed {
		return i, ErrRegistrationClosed
	}
	var fields []FieldError
	i.Email, fields = checkEmail("email", i.Email)
	if fields = append(fields, checkRoles(i.Roles)...); len(fields) > 0 {
		return i, &ValidationError{Fields: fields}
	}
	i.Roles = distinct(i.Roles)
	if err := c.MayGrant(ctx, actor, i.Roles...); err != nil {
		return i, err
	}
	u, err := c.svc.UserByEmail(ctx, i.Email)
	switch {
	case errors.Is(err, ErrUserNotFound):
		return i, nil
	case err == nil && (u.Verified || !u.Active):
		return i, ErrUserExists
	}
	return i, err
}

// CreateInvited is [Service.CreateUser] for who has an invitation, with a password. Then it calls use, which uses the
// invitation up. If that returns an error, such as that the invitation was revoked meanwhile,
// CreateInvited undoes the account and returns the error. Errors: [ErrRegistrationClosed] too, with
// [RegistrationClosed].
func (c *Core) CreateInvited(ctx context.Context, r Registration, roles []string, use func(context.Context) error) (User, error) {
	if c.svc.opts.Registration == RegistrationClosed {
		return User{}, ErrRegistrationClosed
	}
	made, err := c.svc.createVouched(ctx, r, roles, true)
	if err != nil {
		return User{}, err
	}
	ctx = context.WithoutCancel(ctx)
	if err := use(ctx); err != nil {
		c.svc.undoVouched(ctx, made)
		return User{}, err
	}
	return made.user, nil
}

// undoVouched takes back what createVouched made. An account that it took over stays, as one that
// nobody has verified, without a password and the new roles: its address was never proved.
func (s *Service) undoVouched(ctx context.Context, made vouched) {
	err := s.undo(ctx, made)
	if err != nil && !errors.Is(err, ErrUserNotFound) {
		s.opts.Logger.ErrorContext(ctx, "myauth: an invitation that made an account was void by then, or could not be used up, and the account could not be removed: disable it, if it should not be there", "user_id", made.user.ID, "err", err)
	}
}

func (s *Service) undo(ctx context.Context, made vouched) error {
	if made.before.ID == "" {
		return s.DeleteUser(ctx, made.user.ID)
	}
	given := slices.DeleteFunc(slices.Clone(made.user.Roles), made.before.HasRole)
	var before User // the write
	u, changed, err := s.changeUser(ctx, made.user.ID, func(u *User) error {
		old := u.Clone()
		u.Roles = slices.DeleteFunc(slices.Clone(u.Roles), func(role string) bool { return slices.Contains(given, role) })
		if u.PasswordHash == made.user.PasswordHash { // otherwise its owner has come by a reset
			u.Verified, u.PasswordHash = false, ""
			u.SessionEpoch++
		}
		if sameUser(old, *u) {
			return ErrUnchanged
		}
		before = old
		return nil
	})
	if err == nil && changed {
		s.emitEdits(ctx, before, u)
	}
	return err
}
