package kit

import (
	"context"

	"myauth.internal/kit/internal/uuid"
)

// Import stores an account that comes from elsewhere with its password hash, so its
// owner keeps the password: bcrypt, as passlib (and so the Python MyAuth), Django and
// WordPress write it too. [password.CheckHash] lists the forms; a hash that it refuses
// is refused here, as password_hash. An empty one is none: the owner sets a password by
// a reset. Email, Username, Roles and Settings are checked as everywhere; ID, CreatedAt
// and UpdatedAt are kept when given and made up otherwise; Verified and Active are taken
// as they are; no mail is sent. A password reset clears Username and Settings of an account
// that was not Verified: see [Service.ResetPassword].
//
// An import that was cut short can run again over all of its records, if they give ID
// and CreatedAt: one that is there already, and that nobody has changed since, is no
// error.
//
// Errors: a [ValidationError], [ErrUserExists].
func (s *Service) Import(ctx context.Context, u User) (User, error) {
	if err := s.enter(ctx); err != nil {
		return User{}, err
	}
	if len(u.Settings) == 0 {
		u.Settings = nil // in a User, empty and nil are the same
	}
	email, fields := checkEmail("email", u.Email)
	username, bad := checkUsername("username", u.Username)
	fields = append(fields, bad...)
	settings, bad := checkSettings("user_settings", u.Settings)
	fields = append(fields, bad...)
	fields = append(fields, checkRoles(u.Roles)...)
	fields = append(fields, checkID(u.ID)...)
	fields = append(fields, checkHash(u.PasswordHash)...)
	if len(fields) > 0 {
		return User{}, &ValidationError{Fields: fields}
	}
	now := s.now()
	if u.ID == "" {
		u.ID = uuid.New(now)
	}
	if u.CreatedAt.IsZero() {
		u.CreatedAt = now
	}
	if u.UpdatedAt.IsZero() {
		u.UpdatedAt = u.CreatedAt
	}
	u.Email, u.Username, u.Settings, u.Roles = email, username, settings, distinct(u.Roles)
	u.CreatedAt, u.UpdatedAt = storable(u.CreatedAt), storable(u.UpdatedAt)
	u.Version = 1
	if err := s.createUser(ctx, u); err != nil {
		return User{}, err
	}
	s.emit(ctx, Event{Kind: EventRegistered, UserID: u.ID})
	return u, nil
}
