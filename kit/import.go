package kit

import (
	"context"

	"myauth.internal/kit/internal/uuid"
)

// Import stores an account of another system with its password hash, so that its owner keeps
// the password. [password.CheckHash] lists the forms of hashes that are accepted: bcrypt, also
// as passlib (so the Python MyAuth), Django and WordPress write it. With an empty hash the
// owner sets a password by a reset.
//
// Email, Username, Roles, Settings and Private are validated. ID, CreatedAt and UpdatedAt are
// chosen if they are not given. Verified and Active are stored as they are, and Factors too: a
// user with the name of a second factor, whose record is not there, cannot log in. No mail is
// sent. A password reset clears Username, Settings and Factors of an account that is not
// Verified: see [Service.ResetPassword].
//
// An import that was interrupted can be repeated over all of its records, if they have ID
// and CreatedAt: a record that is stored already, and was not changed since, is no error.
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
	if len(u.Private) > 0 {
		u.Private, bad = checkSettings("private", u.Private)
		fields = append(fields, bad...)
	}
	fields = append(fields, checkRoles(u.Roles)...)
	for _, name := range u.Factors {
		if !featureName.MatchString(name) {
			fields = append(fields, FieldError{"factors", CodeInvalidCharacters, "must be names of features: a to z, 0 to 9 and _, at most 20 characters"})
			break
		}
	}
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
	u.Email, u.Username, u.Settings = email, username, settings
	u.Roles, u.Factors = distinct(u.Roles), distinct(u.Factors)
	u.CreatedAt, u.UpdatedAt = storable(u.CreatedAt), storable(u.UpdatedAt)
	u.Version = 1
	if err := s.createUser(ctx, u); err != nil {
		return User{}, err
	}
	if isAdmin(u) {
		s.joinAdmins(context.WithoutCancel(ctx), u.ID)
	}
	s.emit(ctx, Event{Kind: EventRegistered, UserID: u.ID})
	return u, nil
}
