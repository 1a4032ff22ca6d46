package kit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"myauth.internal/kit/accesstoken"
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
	return s.changeProfile(ctx, id, p, func(User) error { return nil })
}

// ChangeOwnProfile is [Service.ChangeProfile] by the user whose access token has claims. After a
// reset, for example, it changes nothing, even if that came within the call: what a stranger set
// must not come back. Errors: a [ValidationError], [ErrRevokedToken], [ErrAccountDisabled].
func (s *Service) ChangeOwnProfile(ctx context.Context, claims accesstoken.Claims, p Profile) (User, error) {
	u, err := s.changeProfile(ctx, claims.Subject, p, func(u User) error { return checkEpoch(u, claims.Epoch) })
	if errors.Is(err, ErrUserNotFound) {
		err = ErrRevokedToken
	}
	return u, err
}

// changeProfile changes the profile of a user whom check accepts.
func (s *Service) changeProfile(ctx context.Context, id string, p Profile, check func(User) error) (User, error) {
	p, err := checkProfile(p)
	if err != nil {
		return User{}, err
	}
	u, _, err := s.changeUser(ctx, id, func(u *User) error {
		if err := check(*u); err != nil {
			return err
		}
		before := *u
		if p.Username != nil {
			u.Username = *p.Username
		}
		if p.Settings != nil {
			u.Settings = p.Settings
		}
		if u.Username == before.Username && bytes.Equal(u.Settings, before.Settings) {
			return ErrUnchanged
		}
		return nil
	})
	return u, err
}

// ValidateProfile returns a [ValidationError] with every rule that p breaks, or nil, and stores
// nothing.
func (s *Service) ValidateProfile(p Profile) error {
	_, err := checkProfile(p)
	return err
}

// checkProfile returns p as it would be stored.
func checkProfile(p Profile) (Profile, error) {
	var fields, bad []FieldError
	if p.Username != nil {
		username, bad := checkUsername("username", *p.Username)
		p.Username, fields = &username, bad
	}
	if p.Settings != nil {
		p.Settings, bad = checkSettings("user_settings", p.Settings)
		fields = append(fields, bad...)
	}
	if len(fields) > 0 {
		return p, &ValidationError{Fields: fields}
	}
	return p, nil
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
