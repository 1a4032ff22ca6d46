package redis

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"myauth.internal/kit"
	"myauth.internal/kit/ijson"
)

// A record is a hash. These are its fields, in the order in which records are written
// and read here. The scripts know form, version, and those that the indexes are made
// of. An update leaves fields alone that it does not know.
var (
	userFields = []string{
		"form", "version", "email", "username", "hashed_password", "roles", "user_settings", "private", "factors",
		"is_verified", "is_active", "session_epoch", "credential_epoch", "created_at", "updated_at",
	}
	tokenFields = []string{
		"form", "token_type", "user_id", "version", "session_id", "epoch", "secret_hash", "previous_hash", "salt", "data",
		"created_at", "rotated_at", "expires_at", "revoked_at",
	}
)

// emailKey is one more field of users, for the scripts: the address as the index has it.
const emailKey = "email_key"

// tokenIdentity is how many of tokenFields an update leaves as they are.
const tokenIdentity = 3

// form is the form of the records that this version of MyAuth writes. It changes no
// record of another one, since it would not know what that means.
const form = "1"

// errDamaged is for a record that this package did not write, or not like this.
var errDamaged = errors.New("a record is damaged, or was written by another program")

// userRecord returns the fields of u with that version, as HSET takes them.
func userRecord(u *kit.User, version int64) []any {
	record := pairs(userFields, form, version, u.Email, u.Username, string(u.PasswordHash), list(u.Roles), []byte(u.Settings), []byte(u.Private), list(u.Factors),
		u.Verified, u.Active, u.SessionEpoch, u.CredentialEpoch, stamp(u.CreatedAt), stamp(u.UpdatedAt))
	return append(record, emailKey, kit.EmailKey(u.Email))
}

// list returns strings as a JSON array.
func list(words []string) []byte {
	text, _ := json.Marshal(append([]string{}, words...)) // strings always marshal
	return text
}

// readUser reads what HMGET answered to userFields.
func readUser(id string, values []any) (kit.User, error) {
	u := kit.User{ID: id}
	err := scan(values, &u.Version, &u.Email, &u.Username, (*string)(&u.PasswordHash), &u.Roles, (*[]byte)(&u.Settings), (*[]byte)(&u.Private), &u.Factors,
		&u.Verified, &u.Active, &u.SessionEpoch, &u.CredentialEpoch, &u.CreatedAt, &u.UpdatedAt)
	return u, err
}

// tokenRecord returns the fields of t with that version, as HSET takes them.
func tokenRecord(t *kit.Token, version int64) []any {
	return pairs(tokenFields, form, string(t.Type), t.UserID, version, t.SessionID, t.Epoch, t.SecretHash, t.PreviousHash, t.Salt, t.Data,
		stamp(t.CreatedAt), stamp(t.RotatedAt), stamp(t.ExpiresAt), stamp(t.RevokedAt))
}

// readToken reads what HMGET answered to tokenFields.
func readToken(id string, values []any) (kit.Token, error) {
	t := kit.Token{ID: id}
	err := scan(values, (*string)(&t.Type), &t.UserID, &t.Version, &t.SessionID, &t.Epoch, &t.SecretHash, &t.PreviousHash, &t.Salt, &t.Data,
		&t.CreatedAt, &t.RotatedAt, &t.ExpiresAt, &t.RevokedAt)
	return t, err
}

// pairs returns each name and its value.
func pairs(names []string, values ...any) []any {
	all := make([]any, 0, 2*len(names))
	for i, name := range names {
		all = append(all, name, values[i])
	}
	return all
}

// scan checks the form of a record, the first of its values, and copies the others to
// where dst points, as package database/sql does. It returns [redis.Nil] when there is no
// record.
func scan(values []any, dst ...any) error {
	if !slices.ContainsFunc(values, func(v any) bool { return v != nil }) {
		return redis.Nil
	}
	if values[0] != form && isNewer(values[0]) {
		return kit.ErrNewerRecord
	}
	if len(values) != 1+len(dst) || slices.Contains(values, nil) || values[0] != form {
		return errDamaged
	}
	for i, d := range dst {
		text, _ := values[1+i].(string) // HMGET answers nothing else
		if err := parse(text, d); err != nil {
			return errDamaged // err would show the value
		}
	}
	return nil
}

// isNewer reports whether a record of that form is of a newer version of MyAuth, as the
// scripts do.
func isNewer(value any) bool {
	text, _ := value.(string)
	theirs, err := strconv.Atoi(text)
	ours, _ := strconv.Atoi(form)
	return err == nil && theirs > ours
}

func parse(text string, dst any) (err error) {
	switch d := dst.(type) {
	case *string:
		*d = text
	case *[]byte:
		*d = append([]byte(nil), text...)
	case *[]string:
		if text != "[]" { // what most users have costs nothing
			*d, err = ijson.Strings([]byte(text))
		}
	case *bool:
		*d, err = strconv.ParseBool(text)
	case *int64:
		*d, err = strconv.ParseInt(text, 10, 64)
	case *time.Time:
		*d, err = time.Parse(stampLayout, text)
	}
	return err
}

// stampLayout writes a time so that text compares as times do, from the year 0 to 9999.
const stampLayout = "2006-01-02T15:04:05.000000Z"

func stamp(t time.Time) string { return t.UTC().Format(stampLayout) }
