package mongo

import (
	"context"
	"encoding/json"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"myauth.internal/kit"
)

// Users implements [kit.UserStore], [kit.UserLister] and [kit.Pinger]. Times are kept to
// the microsecond.
type Users struct {
	s          *Store
	collection *driver.Collection
}

var (
	_ kit.UserStore  = (*Users)(nil)
	_ kit.UserLister = (*Users)(nil)
	_ kit.Pinger     = (*Users)(nil)
)

// userDocument is a user as it is stored. Its JSON objects are text, because a document
// would change them. An update leaves the ID empty, and so as it is.
type userDocument struct {
	ID              string   `bson:"_id,omitempty"`
	Email           string   `bson:"email"`
	EmailKey        string   `bson:"email_key"`
	Username        string   `bson:"username"`
	PasswordHash    string   `bson:"hashed_password"`
	Roles           []string `bson:"roles"`
	Settings        string   `bson:"user_settings"`
	Private         string   `bson:"private"`
	Factors         []string `bson:"factors"`
	Verified        bool     `bson:"is_verified"`
	Active          bool     `bson:"is_active"`
	SessionEpoch    int64    `bson:"session_epoch"`
	CredentialEpoch int64    `bson:"credential_epoch"`
	CreatedAt       int64    `bson:"created_at"`
	UpdatedAt       int64    `bson:"updated_at"`
	Version         int64    `bson:"version"`
	Form            int64    `bson:"form"`
}

func userFrom(u kit.User) userDocument {
	return userDocument{
		ID: u.ID, Email: u.Email, EmailKey: kit.EmailKey(u.Email), Username: u.Username, PasswordHash: string(u.PasswordHash),
		Roles: append([]string{}, u.Roles...), Settings: string(u.Settings), Private: string(u.Private), Factors: append([]string{}, u.Factors...),
		Verified: u.Verified, Active: u.Active, SessionEpoch: u.SessionEpoch, CredentialEpoch: u.CredentialEpoch,
		CreatedAt: u.CreatedAt.UnixMicro(), UpdatedAt: u.UpdatedAt.UnixMicro(), Version: u.Version, Form: form,
	}
}

func (d userDocument) record() kit.User {
	return kit.User{
		ID: d.ID, Email: d.Email, Username: d.Username, PasswordHash: kit.Secret(d.PasswordHash),
		Roles: d.Roles, Settings: json.RawMessage(d.Settings), Private: json.RawMessage(d.Private), Factors: d.Factors,
		Verified: d.Verified, Active: d.Active, SessionEpoch: d.SessionEpoch, CredentialEpoch: d.CredentialEpoch,
		CreatedAt: fromMicros(d.CreatedAt), UpdatedAt: fromMicros(d.UpdatedAt), Version: d.Version,
	}
}

func readUser(raw bson.Raw) (kit.User, error) {
	var d userDocument
	err := decode(raw, &d, "_id", "email", "email_key", "hashed_password", "factors", "is_active", "session_epoch", "credential_epoch", "version")
	return d.record(), err
}

// Ping implements [kit.Pinger].
func (u *Users) Ping(ctx context.Context) error { return u.s.ping(ctx) }

// Create implements [kit.UserStore].
func (u *Users) Create(ctx context.Context, record kit.User) error {
	return u.s.do(ctx, "create user", kit.ErrUserExists, func(ctx context.Context) error {
		_, err := u.collection.InsertOne(ctx, userFrom(record))
		return err
	})
}

// ByID implements [kit.UserStore].
func (u *Users) ByID(ctx context.Context, id string) (kit.User, error) {
	return one(ctx, u.s, "user by id", u.collection, bson.D{{Key: "_id", Value: id}}, readUser)
}

// ByEmail implements [kit.UserStore].
func (u *Users) ByEmail(ctx context.Context, email string) (kit.User, error) {
	return one(ctx, u.s, "user by email", u.collection, bson.D{{Key: "email_key", Value: kit.EmailKey(email)}}, readUser)
}

// List implements [kit.UserLister].
func (u *Users) List(ctx context.Context, after string, limit int) ([]kit.User, error) {
	return list(ctx, u.s, "list users", u.collection, bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: after}}}}, "_id", limit, readUser)
}

// ListByEmail implements [kit.UserLister].
func (u *Users) ListByEmail(ctx context.Context, prefix, after string, limit int) ([]kit.User, error) {
	prefix, after = kit.EmailKey(prefix), kit.EmailKey(after)
	if !utf8.ValidString(prefix) {
		return []kit.User{}, ctx.Err() // no address is not
	}
	within := bson.D{{Key: "$gt", Value: after}}
	if prefix > after {
		within[0] = bson.E{Key: "$gte", Value: prefix}
	}
	if end := behind(prefix); end != "" {
		within = append(within, bson.E{Key: "$lt", Value: end})
	}
	return list(ctx, u.s, "list users by email", u.collection, bson.D{{Key: "email_key", Value: within}}, "email_key", limit, readUser)
}

// behind returns the first string that is greater than all that begin with prefix, or "" when
// there is none. MongoDB compares strings by their bytes, which is the order of their characters. So
// the last character that can be raised is, and those behind it are left out.
func behind(prefix string) string {
	end := []rune(prefix)
	for len(end) > 0 && end[len(end)-1] == utf8.MaxRune {
		end = end[:len(end)-1]
	}
	if len(end) == 0 {
		return ""
	}
	if end[len(end)-1]++; end[len(end)-1] == 0xD800 { // surrogates are no characters
		end[len(end)-1] = 0xE000
	}
	return string(end)
}

// Update implements [kit.UserStore].
func (u *Users) Update(ctx context.Context, record kit.User) error {
	next := userFrom(record)
	next.ID, next.Version = "", record.Version+1
	return u.s.do(ctx, "update user", kit.ErrUserExists, func(ctx context.Context) error {
		return swap(ctx, u.collection, record.ID, record.Version, next)
	})
}

// Delete implements [kit.UserStore].
func (u *Users) Delete(ctx context.Context, id string) error {
	return u.s.do(ctx, "delete user", nil, func(ctx context.Context) error { return remove(ctx, u.collection, id, nil) })
}
