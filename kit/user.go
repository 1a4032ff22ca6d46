package kit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"myauth.internal/kit/ijson"
	"myauth.internal/kit/internal/address"
)

// User is one account. It is a plain value: changing it changes nothing in the store.
//
// Its JSON form is that of the HTTP API, without the password hash, the epoch and the
// version, so a store must not use it to persist a User.
type User struct {
	// ID is the account's key: 1 to 64 bytes of printable ASCII, never reused and never
	// changed. The Service chooses a UUIDv7 (RFC 9562).
	ID string
	// Email is the address as it was given, without white space around it, at most 254 bytes.
	// It is unique without regard to ASCII case: see [EmailKey].
	Email string
	// Username is a display name of 1 to 64 characters; it is not unique.
	Username string
	// PasswordHash is a bcrypt string ($2b$), or passlib's $bcrypt-sha256$ for
	// passwords of more than 72 bytes. Imported ones have the other forms of
	// [password.CheckHash] until the next login. With an empty or unreadable hash no password
	// matches until it is reset.
	PasswordHash Secret
	// Roles are free-form names of 1 to 64 characters, in the order they were given, without
	// duplicates.
	Roles []string
	// Settings is one JSON object of at most 16 KiB, kept byte for byte.
	Settings json.RawMessage
	// Private is one JSON object of at most 16 KiB that only the application writes and reads,
	// kept byte for byte: see [Service.SetPrivate]. It is in no answer of the HTTP API.
	Private json.RawMessage
	// Factors are the names of the second factors that the user has enrolled, in that order. A
	// login is not complete without one of them. If the rows of a factor are lost, the name
	// stays, so the login is refused.
	Factors []string
	// Verified says that the owner of the account has proved to own Email.
	Verified bool
	// Active is false for a deactivated account: it cannot log in, and its
	// tokens are refused.
	Active bool
	// SessionEpoch is incremented to end every session of the user at once. Sessions, access
	// tokens and reset tokens carry the epoch that they were made under, and are invalid
	// under any other.
	SessionEpoch int64
	// CredentialEpoch is the same for credentials: incremented, it voids every passkey, linked
	// identity, second factor and known device of the user at once.
	CredentialEpoch int64
	// CreatedAt and UpdatedAt are in UTC, to the microsecond.
	CreatedAt, UpdatedAt time.Time
	// Version is the compare-and-swap counter of the record: see [UserStore].
	Version int64
}

// EmailKey returns the form of an address under which it is unique: ASCII letters in lower
// case and everything else unchanged. A store indexes this form and no other: the case
// folding of package strings and of most databases also maps U+212A KELVIN SIGN to k and
// U+017F to s, so that one address would pass for another.
func EmailKey(email string) string { return address.Key(email) }

// HasRole reports whether role is among u's roles, exactly as spelled.
func (u User) HasRole(role string) bool { return slices.Contains(u.Roles, role) }

// Clone returns a copy that shares no memory with u, for stores in memory.
func (u User) Clone() User {
	u.Roles = slices.Clone(u.Roles)
	u.Factors = slices.Clone(u.Factors)
	u.Settings = slices.Clone(u.Settings)
	u.Private = slices.Clone(u.Private)
	return u
}

// jsonTime is RFC 3339 with six digits of fraction.
const jsonTime = "2006-01-02T15:04:05.000000Z07:00"

// MarshalJSON returns the user as the HTTP API does: id, email, username, roles,
// user_settings, is_verified, is_active, created_at and updated_at, and nothing else. Times
// are RFC 3339 in UTC with six digits of fraction, because some parsers require them.
func (u User) MarshalJSON() ([]byte, error) { return u.AppendJSON(nil) }

// AppendJSON appends what [User.MarshalJSON] returns to b. It takes a fifteenth of the time of
// encoding/json on a struct, and no allocation, in every answer to /auth/me, login and refresh.
func (u User) AppendJSON(b []byte) ([]byte, error) {
	b = append(b, `{"id":`...)
	b = ijson.AppendString(b, u.ID)
	b = append(b, `,"email":`...)
	b = ijson.AppendString(b, u.Email)
	b = append(b, `,"username":`...)
	b = ijson.AppendString(b, u.Username)
	b = append(b, `,"roles":[`...)
	for i, role := range u.Roles {
		if i > 0 {
			b = append(b, ',')
		}
		b = ijson.AppendString(b, role)
	}
	b = append(b, `],"user_settings":`...)
	if len(u.Settings) == 0 {
		b = append(b, '{', '}')
	} else if !json.Valid(u.Settings) {
		return nil, fmt.Errorf("kit: the settings of user %s are not JSON: the store returned something else than was stored", u.ID)
	} else {
		b = append(b, u.Settings...)
	}
	b = append(b, `,"is_verified":`...)
	b = strconv.AppendBool(b, u.Verified)
	b = append(b, `,"is_active":`...)
	b = strconv.AppendBool(b, u.Active)
	b = append(b, `,"created_at":"`...)
	b = u.CreatedAt.UTC().AppendFormat(b, jsonTime)
	b = append(b, `","updated_at":"`...)
	b = u.UpdatedAt.UTC().AppendFormat(b, jsonTime)
	return append(b, '"', '}'), nil
}
