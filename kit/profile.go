package kit

import (
	"bytes"
	"context"
	"encoding/json"
)

// UserByID returns a user. Errors: [ErrUserNotFound].
func (s *Service) UserByID(ctx context.Context, id string) (User, error) {
	if err := s.enter(ctx); err != nil {
		return User{}, err
	}
	u, err := s.users.ByID(ctx, id)
	return u, userError(err)
}

// UserByEmail returns the user with that address, without regard to ASCII case and to white
// space around it. Errors: [ErrUserNotFound].
func (s *Service) UserByEmail(ctx context.Context, email string) (User, error) {
	if err := s.enter(ctx); err != nil {
		return User{}, err
	}
	email, bad := checkEmail("email", email)
	if len(bad) > 0 {
		return User{}, ErrUserNotFound // no account has it
	}
	u, err := s.users.ByEmail(ctx, email)
	return u, userError(err)
}

// Profile is what a user may change of the account at will: see [Service.ChangeProfile].
type Profile struct {
	// Username is the new display name, of 1 to 64 characters; nil keeps the present one.
	Username *string
	// Settings replace User.Settings: a JSON object of at most 16 KiB, nested at most 16 deep;
	// nil keeps the present ones.
	Settings json.RawMessage
}

// ChangeProfile changes the display name and the settings in one write. Errors: a
// [ValidationError] that names every bad field, [ErrUserNotFound].
func (s *Service) ChangeProfile(ctx context.Context, id string, p Profile) (User, error) {
	var username string
	var fields []FieldError
	if p.Username != nil {
		username, fields = checkUsername("username", *p.Username)
	}
	settings := p.Settings
	if settings != nil {
		var bad []FieldError
		settings, bad = checkSettings("user_settings", settings)
		fields = append(fields, bad...)
	}
	if len(fields) > 0 {
		return User{}, &ValidationError{Fields: fields}
	}
	u, _, err := s.changeUser(ctx, id, func(u *User) error {
		before := *u
		if p.Username != nil {
			u.Username = username
		}
		if settings != nil {
			u.Settings = settings
		}
		if u.Username == before.Username && bytes.Equal(u.Settings, before.Settings) {
			return ErrUnchanged
		}
		return nil
	})
	return u, err
}

// SetPrivate replaces the data that only the application sees, such as a customer number: a
// JSON object of at most 16 KiB, nested at most 16 deep; nil means {}. Errors: a
// [ValidationError], [ErrUserNotFound].
func (s *Service) SetPrivate(ctx context.Context, id string, private json.RawMessage) (User, error) {
	private, bad := checkSettings("private", private)
	if len(bad) > 0 {
		return User{}, &ValidationError{Fields: bad}
	}
	u, _, err := s.changeUser(ctx, id, func(u *User) error {
		u.Private = private
		return nil
	})
	return u, err
}
