package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"

	"myauth.internal/kit"
)

// Users implements kit.UserStore and kit.Pinger. Times are kept to the
// microsecond.
type Users struct{ s *Store }

var (
	_ kit.UserStore = (*Users)(nil)
	_ kit.Pinger    = (*Users)(nil)
)

// Ping implements kit.Pinger.
func (u *Users) Ping(ctx context.Context) error { return u.s.Ping(ctx) }

// Create implements kit.UserStore.
func (u *Users) Create(ctx context.Context, user kit.User) error {
	roles, err := encodeRoles(user.Roles)
	if err != nil {
		return u.s.fail(ctx, "create user", err)
	}
	_, err = u.s.write(ctx, userCreate, user.ID, user.Email, user.Username, string(user.PasswordHash), roles, string(user.Settings),
		user.Verified, user.Active, user.SessionEpoch, user.CreatedAt.UnixMicro(), user.UpdatedAt.UnixMicro(), user.Version, kit.EmailKey(user.Email))
	return u.s.duplicate(ctx, "create user", err, kit.ErrUserExists)
}

// ByID implements kit.UserStore.
func (u *Users) ByID(ctx context.Context, id string) (kit.User, error) {
	return u.one(ctx, "user by id", userByID, id)
}

// ByEmail implements kit.UserStore.
func (u *Users) ByEmail(ctx context.Context, email string) (kit.User, error) {
	return u.one(ctx, "user by email", userByEmail, kit.EmailKey(email))
}

// Update implements kit.UserStore.
func (u *Users) Update(ctx context.Context, user kit.User) error {
	roles, err := encodeRoles(user.Roles)
	if err != nil {
		return u.s.fail(ctx, "update user", err)
	}
	err = u.s.swap(ctx, user.ID, user.Version, userUpdate, userVersion,
		user.Email, user.Username, string(user.PasswordHash), roles, string(user.Settings), user.Verified, user.Active,
		user.SessionEpoch, user.CreatedAt.UnixMicro(), user.UpdatedAt.UnixMicro(), user.Version+1, kit.EmailKey(user.Email), user.ID, user.Version)
	return u.s.duplicate(ctx, "update user", err, kit.ErrUserExists)
}

// Delete implements kit.UserStore.
func (u *Users) Delete(ctx context.Context, id string) error {
	n, err := u.s.write(ctx, userDelete, id)
	if err == nil && n == 0 {
		return kit.ErrNotFound
	}
	return u.s.absent(ctx, "delete user", err)
}

// userRow is what a row is read into.
type userRow struct {
	kit.User
	roles            string
	created, updated int64
}

func (u *Users) one(ctx context.Context, op string, stmt statement, key string) (kit.User, error) {
	var r userRow
	err := u.s.row(ctx, stmt, []any{key}, &r.ID, &r.Email, &r.Username, (*string)(&r.PasswordHash), &r.roles, (*[]byte)(&r.Settings),
		&r.Verified, &r.Active, &r.SessionEpoch, &r.created, &r.updated, &r.Version)
	if err == nil {
		r.Roles, err = decodeRoles(r.roles)
	}
	if err != nil {
		return kit.User{}, u.s.absent(ctx, op, err)
	}
	r.CreatedAt, r.UpdatedAt = fromMicros(r.created), fromMicros(r.updated)
	return r.User, nil
}

// encodeRoles returns the JSON array that the database keeps; most users have none.
func encodeRoles(roles []string) (string, error) {
	if len(roles) == 0 {
		return "[]", nil
	}
	encoded, err := json.Marshal(roles)
	return string(encoded), err
}

func decodeRoles(encoded string) (roles []string, err error) {
	if encoded == "[]" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(encoded), &roles); err != nil {
		return nil, fmt.Errorf("the stored roles are not a JSON array of strings: %w", err)
	}
	return roles, nil
}
