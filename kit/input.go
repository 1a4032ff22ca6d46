package kit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"myauth.internal/kit/ijson"
	"myauth.internal/kit/internal/address"
	"myauth.internal/kit/password"
)

const (
	maxUsernameChars = 64
	maxSettingsBytes = 16 << 10
	maxSettingsDepth = 16
)

// checkEmail returns the address as it is stored: without the white space around it (of all
// of Unicode), which keyboards and password managers add.
func checkEmail(field, email string) (string, []FieldError) {
	email = strings.TrimSpace(email)
	switch err := address.Check(email); {
	case errors.Is(err, address.ErrTooLong):
		return "", []FieldError{{field, CodeTooLong, err.Error()}}
	case err != nil:
		return "", []FieldError{{field, CodeInvalidEmail, err.Error()}}
	}
	return email, nil
}

// checkUsername returns the name as it is stored, without surrounding white space.
func checkUsername(field, name string) (string, []FieldError) {
	if !utf8.ValidString(name) {
		return "", []FieldError{{field, CodeInvalidCharacters, "must be valid Unicode"}}
	}
	name = strings.TrimSpace(name)
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return "", []FieldError{{field, CodeTooShort, "must have at least 1 character besides space"}}
	case n > maxUsernameChars:
		return "", []FieldError{{field, CodeTooLong, "must have at most 64 characters"}}
	case strings.ContainsFunc(name, unicode.IsControl):
		return "", []FieldError{{field, CodeInvalidCharacters, "must not contain control characters"}}
	}
	return name, nil
}

// checkSettings returns the settings as they are stored, without insignificant white space.
// nil becomes {}.
func checkSettings(field string, settings json.RawMessage) (json.RawMessage, []FieldError) {
	if settings == nil {
		return json.RawMessage("{}"), nil
	}
	switch err := ijson.Object(settings, maxSettingsDepth, nil); {
	case errors.Is(err, ijson.ErrDepth):
		return nil, []FieldError{{field, CodeTooLong, "must be nested at most 16 deep"}}
	case err != nil:
		return nil, []FieldError{{field, CodeInvalidType, "must be one JSON object without repeated keys"}}
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, settings); err != nil || compact.Len() > maxSettingsBytes {
		return nil, []FieldError{{field, CodeTooLong, "must have at most 16 KiB"}}
	}
	return compact.Bytes(), nil
}

// maxRolesBytes bounds a user's roles as JSON: every access token carries them, and must fit
// into a cookie of 4 KiB, signed by RSA.
const maxRolesBytes = 2 << 10

func checkRoles(roles []string) []FieldError {
	size := 0
	for _, role := range roles {
		size += len(ijson.AppendString(nil, role)) + 1
		switch {
		case role == "":
			return []FieldError{{"roles", CodeTooShort, "a role must not be empty"}}
		case !utf8.ValidString(role):
			return []FieldError{{"roles", CodeInvalidCharacters, "a role must be valid UTF-8"}}
		case strings.ContainsRune(role, 0):
			return []FieldError{{"roles", CodeInvalidCharacters, "a role must not contain U+0000, which not every store can keep"}}
		case utf8.RuneCountInString(role) > 64:
			return []FieldError{{"roles", CodeTooLong, "a role has at most 64 characters"}}
		case size > maxRolesBytes:
			return []FieldError{{"roles", CodeTooLong, "all roles together have at most 2 KiB"}}
		}
	}
	return nil
}

// checkHash accepts the forms of hashes that a login can verify, and the empty one.
func checkHash(hash Secret) []FieldError {
	if hash == "" {
		return nil
	}
	if err := password.CheckHash(string(hash)); err != nil {
		return []FieldError{{"password_hash", CodeInvalidType, strings.TrimPrefix(err.Error(), "password: ")}}
	}
	return nil
}

// checkID accepts the IDs that every store can keep, and the empty one.
func checkID(id string) []FieldError {
	if len(id) > 64 {
		return []FieldError{{"id", CodeTooLong, "must have at most 64 bytes"}}
	}
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' {
			return []FieldError{{"id", CodeInvalidCharacters, "must be printable ASCII without spaces"}}
		}
	}
	return nil
}

// ValidatePassword returns a [ValidationError] for field with every rule of
// Options.PasswordPolicy that the password breaks, or nil, or the policy's own error as it is.
// words are what the password must not be made of, such as the address and the user name (see
// [password.Policy]); Options.JWTIssuer and Options.PublicURL are added to them.
func (s *Service) ValidatePassword(ctx context.Context, field, pw string, words ...string) error {
	fields, err := s.checkPassword(ctx, field, pw, words...)
	if err == nil && len(fields) > 0 {
		err = &ValidationError{Fields: fields}
	}
	return err
}

func (s *Service) checkPassword(ctx context.Context, field, pw string, words ...string) ([]FieldError, error) {
	broken, err := password.Check(ctx, s.opts.PasswordPolicy, pw, slices.Concat(words, []string{s.opts.JWTIssuer, s.opts.PublicURL})...)
	var fields []FieldError
	for _, v := range broken {
		fields = append(fields, FieldError{Field: field, Code: v.Code, Message: v.Message})
	}
	return fields, err
}
