package kit

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"

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
// Credentials are the account's records of another MyAuth, as [Service.Export] returned them, with
// the ID that u had there: what is sealed in them opens for that ID alone, under the same
// Options.DataKeys. They are stored before the account, so an account that is there has all of them.
// UserID and Epoch are set to those of u.
//
// What is given is trusted as the stores are: roles make administrators, and a record of a passkey or of
// an identity is a way into the account. It can add accounts, and changes none that is there.
//
// An import that was interrupted can be repeated over all of its records, if they have ID
// and CreatedAt: a record that is stored already, and was not changed since, is no error.
// Package transfer imports files.
//
// Errors: a [ValidationError], [ErrUserExists], [ErrConflict] if a credential is another account's.
func (s *Service) Import(ctx context.Context, u User, credentials ...Token) (User, error) {
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
	fields = append(fields, checkImported(credentials)...)
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
	if isAdmin(u) {
		s.joinAdmins(ctx, u.ID) // before, so that an import that is killed and repeated leaves nobody out
	}
	if err := s.createWith(ctx, u, credentials); err != nil {
		if isAdmin(u) && !errors.Is(err, ErrUnavailable) {
			s.forgetAdmin(ctx, u.ID)
		}
		return User{}, err
	}
	s.emit(ctx, Event{Kind: EventRegistered, UserID: u.ID})
	return u, nil
}

// createWith stores the credentials and then the account.
func (s *Service) createWith(ctx context.Context, u User, credentials []Token) error {
	if len(credentials) == 0 {
		return s.createUser(ctx, u)
	}
	// What the owner has removed since an earlier import must not come back.
	switch stored, err := s.users.ByID(ctx, u.ID); {
	case err == nil && unchanged(stored, u):
		return nil
	case err == nil:
		return ErrUserExists
	case !errors.Is(err, ErrNotFound):
		return err
	}
	var placed []Token
	err := error(nil)
	for _, t := range credentials {
		t.UserID, t.Epoch = u.ID, u.CredentialEpoch
		t.CreatedAt, t.RotatedAt, t.ExpiresAt = storable(t.CreatedAt), storable(t.RotatedAt), storable(t.ExpiresAt)
		if err = s.place(ctx, t); err != nil {
			break
		}
		placed = append(placed, t)
	}
	if err == nil {
		err = s.createUser(ctx, u)
	}
	if err == nil || errors.Is(err, ErrUnavailable) {
		return err // the next try finds what is there
	}
	for _, t := range placed {
		if err := s.owned(ctx, t); err != nil && !errors.Is(err, ErrRevokedToken) {
			return err
		}
	}
	if stored, readErr := s.users.ByID(ctx, u.ID); readErr == nil && unchanged(stored, u) {
		return nil // another import of the same record
	}
	return err
}

// notImported are the types that belong to no account, or to its sessions.
var notImported = []TokenType{"", adminsType, RefreshToken, PasswordResetToken, EmailChangeToken}

func checkImported(credentials []Token) []FieldError {
	for _, t := range credentials {
		switch {
		case !isRowID(t.ID) || len(t.Type) > 64 || len(t.SecretHash) != 32 || t.SessionID != "":
		case t.Version < 1 || t.Version > 1<<62: // more has no room to count
		case len(t.Salt) > 64 || len(t.PreviousHash) > 64 || len(t.Data) > MaxTokenData:
		case !t.RevokedAt.IsZero() || t.ExpiresAt.IsZero() || slices.Contains(notImported, t.Type):
		default:
			continue
		}
		return []FieldError{{"credentials", CodeInvalidType, "must be records of an account, as an export has them"}}
	}
	return nil
}

// isRowID reports whether an ID has the form of those that MyAuth makes.
func isRowID(id string) bool {
	b, err := base64.RawURLEncoding.DecodeString(id)
	return err == nil && len(b) == 16 && len(id) == 22 // not with the line breaks that the decoder skips
}
