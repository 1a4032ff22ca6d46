package kit

import (
	"context"
	"errors"
	"slices"
)

// CreateUser creates an active account with roles for somebody whose address is proved, or
// vouched for: it counts as verified. Whatever Options.Registration says, it is created, and no
// limiter is asked. Hooks.BeforeRegister is, and no mail is sent. Without a password the owner sets one by a
// reset. If a stranger has made an account with that address and could not verify it, it is
// taken over as [Service.ResetPassword] does.
//
// Errors: a [ValidationError] with every broken rule, [ErrUserExists], what Hooks.BeforeRegister
// returns. After [ErrUnavailable] the account may be there; repeating the call then returns
// ErrUserExists.
func (s *Service) CreateUser(ctx context.Context, r Registration, roles ...string) (User, error) {
	made, err := s.createVouched(ctx, r, roles, r.Password != "")
	return made.user, err
}

// vouched is what createVouched made: before is the unverified account that it took over, or none.
type vouched struct{ user, before User }

func (s *Service) createVouched(ctx context.Context, r Registration, roles []string, withPassword bool) (vouched, error) {
	if err := s.enter(ctx); err != nil {
		return vouched{}, err
	}
	r, err := s.checkNewUser(ctx, r, roles, withPassword)
	if err != nil {
		return vouched{}, err
	}
	if err := s.beforeRegister(ctx, r); err != nil {
		return vouched{}, err
	}
	var hash Secret
	if withPassword {
		if hash, err = s.hash(ctx, string(r.Password)); err != nil {
			return vouched{}, err
		}
	}
	u := s.newUser(r, hash)
	u.Roles, u.Verified = distinct(roles), true
	ctx = context.WithoutCancel(ctx)
	if err := s.createUser(ctx, u); errors.Is(err, ErrUserExists) {
		return s.takeOver(ctx, u)
	} else if err != nil {
		return vouched{}, err
	}
	if isAdmin(u) {
		s.joinAdmins(ctx, u.ID)
	}
	s.registered(ctx, u)
	s.afterRegister(ctx, u)
	return vouched{user: u}, nil
}

// checkNewUser returns r as it would be stored.
func (s *Service) checkNewUser(ctx context.Context, r Registration, roles []string, withPassword bool) (Registration, error) {
	var fields []FieldError
	if !withPassword {
		var bad []FieldError
		r.Email, fields = checkEmail("email", r.Email)
		r.Username, bad = checkUsername("username", r.Username)
		fields = append(fields, bad...)
		r.Settings, bad = checkSettings("user_settings", r.Settings)
		fields = append(fields, bad...)
	} else {
		checked, err := s.checkRegistration(ctx, r)
		if invalid := new(ValidationError); errors.As(err, &invalid) {
			fields = invalid.Fields
		} else if err != nil {
			return r, err
		}
		r = checked
	}
	if fields = append(slices.Clone(fields), checkRoles(roles)...); len(fields) > 0 {
		return r, &ValidationError{Fields: fields}
	}
	return r, nil
}

// takeOver makes the unverified account at the address of u to u.
func (s *Service) takeOver(ctx context.Context, u User) (vouched, error) {
	stored, err := s.users.ByEmail(ctx, u.Email)
	if errors.Is(err, ErrNotFound) {
		return vouched{}, ErrUserExists // a moment ago
	} else if err != nil {
		return vouched{}, err
	}
	before := stored // the write
	taken, _, err := s.changeUser(ctx, stored.ID, func(stored *User) error {
		switch {
		case u.PasswordHash != "" && stored.PasswordHash == u.PasswordHash:
			return ErrUnchanged // this call's write: no other hash has its salt
		case stored.Verified || !stored.Active || EmailKey(stored.Email) != EmailKey(u.Email):
			return ErrUserExists
		}
		before = stored.Clone()
		stored.proveOwner(u.Username, u.Settings)
		stored.PasswordHash = u.PasswordHash
		stored.SessionEpoch++
		stored.Roles = distinct(slices.Concat(stored.Roles, u.Roles))
		return nil
	})
	if errors.Is(err, ErrUserNotFound) {
		err = ErrUserExists
	}
	if err != nil {
		return vouched{}, err
	}
	s.clearGuesses(ctx, taken.Email)
	s.emit(ctx, Event{Kind: EventEmailVerified, UserID: taken.ID})
	if !slices.Equal(before.Roles, taken.Roles) {
		s.emit(ctx, Event{Kind: EventRolesChanged, UserID: taken.ID})
	}
	return vouched{taken, before}, nil
}
