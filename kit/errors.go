package kit

import (
	"errors"
	"fmt"
	"strings"
)

// The errors of stores. The Service turns the first two into those below.
var (
	// ErrNotFound: there is no such record.
	ErrNotFound = errors.New("kit: no such record")
	// ErrConflict: the record has another version than the one presented, or
	// a record with this ID exists.
	ErrConflict = errors.New("kit: the record was changed by another call")
	// ErrUnavailable: the store cannot be reached or does not answer in time,
	// or there is no room for more work; the same call may succeed later. A
	// write that ends so may have happened.
	ErrUnavailable = errors.New("kit: service unavailable")
	// ErrNewerRecord: a newer version of MyAuth wrote the record. It wraps [ErrUnavailable].
	ErrNewerRecord = fmt.Errorf("%w: a newer version of MyAuth wrote this record: update this one", ErrUnavailable)
)

// The errors of the Service. Package httpx turns each into a status and a code; callers test
// for them with [errors.Is].
var (
	// ErrInvalidCredentials: unknown email or wrong password. It does not tell which.
	ErrInvalidCredentials = errors.New("kit: wrong email or password")
	// ErrInvalidToken: not a token that this Service made for this use.
	ErrInvalidToken = errors.New("kit: the token is not valid")
	// ErrExpiredToken: the token's lifetime is over.
	ErrExpiredToken = errors.New("kit: the token has expired")
	// ErrRevokedToken: the token was ended by a logout, the reuse of a rotated token, a
	// password reset, a deactivation, or its own use.
	ErrRevokedToken = errors.New("kit: the token was revoked")
	// ErrInvalidCode: the answer to a second factor is wrong, or was used.
	ErrInvalidCode = errors.New("kit: the code is wrong or was used")
	// ErrMFARequired: the first factor was right, and a second is due: see [MFARequired].
	ErrMFARequired = errors.New("kit: a second factor is required")
	// ErrReauthenticationRequired: the login was too long ago for what is asked, or was
	// without the account's second factor.
	ErrReauthenticationRequired = errors.New("kit: this needs a recent login")
	// ErrAlreadyEnrolled: the account has that second factor.
	ErrAlreadyEnrolled = errors.New("kit: this second factor is set up already")
	// ErrNotEnrolled: the account does not have that second factor, or there is none of that
	// name.
	ErrNotEnrolled = errors.New("kit: there is no such second factor")
	// ErrEmailNotVerified: the account's address must be verified first.
	ErrEmailNotVerified = errors.New("kit: the email address is not verified")
	// ErrAccountDisabled: the account was deactivated.
	ErrAccountDisabled = errors.New("kit: the account is disabled")
	// ErrUserNotFound: no user has that id or email.
	ErrUserNotFound = errors.New("kit: there is no such user")
	// ErrUserExists: the address belongs to another account. Stores return it too.
	ErrUserExists = errors.New("kit: a user with this email exists")
	// ErrEmailNotConfigured: the call sends a mail, and Options.Mailer is nil.
	ErrEmailNotConfigured = errors.New("kit: no mailer is configured: set Options.Mailer")
	// ErrClosed: the Service was closed.
	ErrClosed = fmt.Errorf("%w: the service is closed", ErrUnavailable)
)

// Field codes of a [ValidationError]. Hooks may use others.
const (
	CodeRequired          = "required"
	CodeInvalidType       = "invalid_type"
	CodeInvalidEmail      = "invalid_email"
	CodeTooShort          = "too_short"
	CodeTooLong           = "too_long"
	CodeMissingUppercase  = "missing_uppercase"
	CodeMissingLowercase  = "missing_lowercase"
	CodeMissingDigit      = "missing_digit"
	CodeMissingSpecial    = "missing_special"
	CodeCommonPassword    = "common_password"
	CodeInvalidCharacters = "invalid_characters"
)

// FieldError says which rule one input field breaks.
type FieldError struct {
	// Field is the field's name in the HTTP API, such as "email".
	Field string `json:"field"`
	// Code names the rule for programs, Message for people. Message does not hold the value,
	// but for the canonical spelling of an address's domain.
	Code    string `json:"code"`
	Message string `json:"message"`
}

// ValidationError lists every rule that the input breaks, in the order of the fields.
type ValidationError struct {
	Fields []FieldError
}

// Error names the fields and codes.
func (e *ValidationError) Error() string {
	var b strings.Builder
	b.WriteString("kit: invalid input: ")
	for i, f := range e.Fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(f.Field + " " + f.Code)
	}
	return b.String()
}

// Invalid returns a [ValidationError] of one field.
func Invalid(field, code, message string) *ValidationError {
	return &ValidationError{Fields: []FieldError{{Field: field, Code: code, Message: message}}}
}
