package kit

import (
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

// SetUsername changes the display name. Errors: a [ValidationError],
// [ErrUserNotFound].
func (s *Service) SetUsername(ctx context.Context, id, username string) (User, error) {
	username, bad := checkUsername("username", username)
	if len(bad) > 0 {
		return User{}, &ValidationError{Fields: bad}
	}
	u, _, err := s.changeUser(ctx, id, func(u *User) error {
		u.Username = username
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

// SetSettings replaces the user's settings by a JSON object of at most 16 KiB, nested at most
// 16 deep; nil means {}. Errors: a [ValidationError], [ErrUserNotFound].
func (s *Service) SetSettings(ctx context.Context, id string, settings json.RawMessage) (User, error) {
	settings, bad := checkSettings("user_settings", settings)
	if len(bad) > 0 {
		return User{}, &ValidationError{Fields: bad}
	}
	u, _, err := s.changeUser(ctx, id, func(u *User) error {
		u.Settings = settings
		return nil
	})
	return u, err
}
