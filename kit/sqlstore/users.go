package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"myauth.internal/kit"
)

// userColumns are those that an update writes, in the order of userValues and scanUser;
// email_key is written and not read.
const userColumns = `email, username, hashed_password, roles, user_settings, is_verified, is_active, session_epoch, created_at, updated_at, version`

const (
	userCreate = iota
	userByID
	userByEmail
	userUpdate
	userVersion
	userDelete
	userTexts // their number
)

func (d Dialect) userTexts() (texts [userTexts]string) {
	for i, text := range [userTexts]string{
		userCreate:  insert("users", "id, "+userColumns+", email_key"),
		userByID:    `SELECT id, ` + userColumns + ` FROM users WHERE id = $1`,
		userByEmail: `SELECT id, ` + userColumns + ` FROM users WHERE email_key = $1`,
		userUpdate:  update("users", userColumns+", email_key"),
		userVersion: `SELECT version FROM users WHERE id = $1`,
		userDelete:  `DELETE FROM users WHERE id = $1`,
	} {
		texts[i] = d.qualify(text)
	}
	return texts
}

// userValues returns what is stored of a user beside the ID, which they follow if given.
func userValues(values []any, u kit.User, version int64) ([]any, error) {
	roles, err := encodeRoles(u.Roles)
	return append(values, u.Email, u.Username, string(u.PasswordHash), roles, string(u.Settings), u.Verified, u.Active, u.SessionEpoch,
		u.CreatedAt.UnixMicro(), u.UpdatedAt.UnixMicro(), version, kit.EmailKey(u.Email)), err
}

func scanUser(rows *sql.Rows) (kit.User, error) {
	var r struct {
		kit.User
		roles            string
		created, updated int64
	}
	err := rows.Scan(&r.ID, &r.Email, &r.Username, (*string)(&r.PasswordHash), &r.roles, (*[]byte)(&r.Settings), &r.Verified, &r.Active, &r.SessionEpoch,
		&r.created, &r.updated, &r.Version)
	if err != nil {
		return kit.User{}, err
	}
	r.CreatedAt, r.UpdatedAt = fromMicros(r.created), fromMicros(r.updated)
	r.Roles, err = decodeRoles(r.roles)
	return r.User, err
}

// Users implements kit.UserStore and kit.Pinger. Times are kept to the microsecond.
type Users struct {
	s     *Store
	texts [userTexts]string
}

var (
	_ kit.UserStore = (*Users)(nil)
	_ kit.Pinger    = (*Users)(nil)
)

// Ping implements kit.Pinger.
func (u *Users) Ping(ctx context.Context) error { return u.s.ping(ctx) }

// Create implements kit.UserStore.
func (u *Users) Create(ctx context.Context, user kit.User) error {
	values, err := userValues([]any{user.ID}, user, user.Version)
	if err == nil {
		_, err = u.s.write(ctx, u.texts[userCreate], values...)
	}
	return u.s.duplicate(ctx, "create user", err, kit.ErrUserExists)
}

// ByID implements kit.UserStore.
func (u *Users) ByID(ctx context.Context, id string) (kit.User, error) {
	user, err := one(ctx, u.s, scanUser, u.texts[userByID], id)
	return user, u.s.absent(ctx, "user by id", err)
}

// ByEmail implements kit.UserStore.
func (u *Users) ByEmail(ctx context.Context, email string) (kit.User, error) {
	user, err := one(ctx, u.s, scanUser, u.texts[userByEmail], kit.EmailKey(email))
	return user, u.s.absent(ctx, "user by email", err)
}

// Update implements kit.UserStore.
func (u *Users) Update(ctx context.Context, user kit.User) error {
	values, err := userValues(nil, user, user.Version+1)
	if err == nil {
		err = u.s.swap(ctx, u.texts[userUpdate], u.texts[userVersion], user.ID, user.Version, values)
	}
	return u.s.duplicate(ctx, "update user", err, kit.ErrUserExists)
}

// Delete implements kit.UserStore.
func (u *Users) Delete(ctx context.Context, id string) error {
	n, err := u.s.write(ctx, u.texts[userDelete], id)
	if err == nil && n == 0 {
		err = kit.ErrNotFound
	}
	return u.s.absent(ctx, "delete user", err)
}

// encodeRoles returns the JSON array that the database keeps.
func encodeRoles(roles []string) (string, error) {
	encoded, err := json.Marshal(append([]string{}, roles...))
	return string(encoded), err
}

func decodeRoles(encoded string) (roles []string, err error) {
	if encoded == "[]" {
		return nil, nil // as of most users; reading it costs four allocations of seventy
	}
	if err := json.Unmarshal([]byte(encoded), &roles); err != nil {
		return nil, fmt.Errorf("the stored roles are not a JSON array of strings: %w", err)
	}
	return roles, nil
}
