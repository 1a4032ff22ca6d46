package mongo

import (
	"context"
	"encoding/json"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"myauth.internal/kit"
)

// Users implements [kit.UserStore] and [kit.Pinger]. Times are kept to the
// microsecond.
type Users struct {
	s          *Store
	collection *driver.Collection
}

var (
	_ kit.UserStore = (*Users)(nil)
	_ kit.Pinger    = (*Users)(nil)
)

// userDocument is a user as it is stored. Its settings are text, because a document
// would change them. An update leaves the ID empty, and so as it is.
type userDocument struct {
	ID           string   `bson:"_id,omitempty"`
	Email        string   `bson:"email"`
	EmailKey     string   `bson:"email_key"`
	Username     string   `bson:"username"`
	PasswordHash string   `bson:"hashed_password"`
	Roles        []string `bson:"roles"`
	Settings     string   `bson:"user_settings"`
	Verified     bool     `bson:"is_verified"`
	Active       bool     `bson:"is_active"`
	SessionEpoch int64    `bson:"session_epoch"`
	CreatedAt    int64    `bson:"created_at"`
	UpdatedAt    int64    `bson:"updated_at"`
	Version      int64    `bson:"version"`
}

func userFrom(u kit.User) userDocument {
	return userDocument{
		ID: u.ID, Email: u.Email, EmailKey: kit.EmailKey(u.Email), Username: u.Username, PasswordHash: string(u.PasswordHash),
		Roles: append([]string{}, u.Roles...), Settings: string(u.Settings), Verified: u.Verified, Active: u.Active,
		SessionEpoch: u.SessionEpoch, CreatedAt: u.CreatedAt.UnixMicro(), UpdatedAt: u.UpdatedAt.UnixMicro(), Version: u.Version,
	}
}

func (d userDocument) record() kit.User {
	return kit.User{
		ID: d.ID, Email: d.Email, Username: d.Username, PasswordHash: kit.Secret(d.PasswordHash),
		Roles: d.Roles, Settings: json.RawMessage(d.Settings), Verified: d.Verified, Active: d.Active,
		SessionEpoch: d.SessionEpoch, CreatedAt: fromMicros(d.CreatedAt), UpdatedAt: fromMicros(d.UpdatedAt), Version: d.Version,
	}
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
	return u.one(ctx, "user by id", bson.D{{Key: "_id", Value: id}})
}

// ByEmail implements [kit.UserStore].
func (u *Users) ByEmail(ctx context.Context, email string) (kit.User, error) {
	return u.one(ctx, "user by email", bson.D{{Key: "email_key", Value: kit.EmailKey(email)}})
}

func (u *Users) one(ctx context.Context, op string, filter bson.D) (kit.User, error) {
	var d userDocument
	err := u.s.do(ctx, op, nil, func(ctx context.Context) error {
		raw, err := u.collection.FindOne(ctx, filter).Raw()
		if err != nil {
			return err
		}
		return decode(raw, &d, "_id", "email", "email_key", "hashed_password", "is_active", "session_epoch", "version")
	})
	if err != nil {
		return kit.User{}, err
	}
	return d.record(), nil
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
	return u.s.do(ctx, "delete user", nil, func(ctx context.Context) error {
		result, err := u.collection.DeleteOne(ctx, bson.D{{Key: "_id", Value: id}})
		if err == nil && result.DeletedCount == 0 {
			err = kit.ErrNotFound
		}
		return err
	})
}
