package stores

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/mongo"
	"myauth.internal/kit"
)

// BenchmarkMongo has both stores on one client, each in a database of its own.
func BenchmarkMongo(b *testing.B) {
	bench(b, func(b *testing.B) (ours, bare store) {
		client, err := driver.Connect(options.Client().ApplyURI(servers.Mongo(b)))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = client.Disconnect(context.Background()) })
		for i, s := range []*store{&ours, &bare} {
			db := client.Database("bench_" + strings.ToLower(rand.Text()))
			b.Cleanup(func() {
				if err := db.Drop(context.Background()); err != nil {
					b.Error(err)
				}
			})
			opened, err := mongo.New(b.Context(), db, nil)
			if err != nil {
				b.Fatal(err)
			}
			users, tokens := mongoUsers{c: db.Collection("users")}, mongoTokens{c: db.Collection("tokens")}
			*s = store{users: users, tokens: tokens, fill: fillMongo(users.c, tokens.c)}
			if i == 0 {
				s.users, s.tokens = opened.Users(), opened.Tokens()
			}
		}
		return ours, bare
	})
}

// fillMongo inserts many documents with one command.
func fillMongo(users, tokens *driver.Collection) func(context.Context, []kit.User, []kit.Token) error {
	return func(ctx context.Context, us []kit.User, ts []kit.Token) error {
		if len(us) == 0 {
			return nil
		}
		var userDocuments, tokenDocuments []bson.D
		for i := range us {
			userDocuments, tokenDocuments = append(userDocuments, userDocument(us[i])), append(tokenDocuments, tokenDocument(ts[i]))
		}
		_, err := users.InsertMany(ctx, userDocuments)
		if err == nil {
			_, err = tokens.InsertMany(ctx, tokenDocuments)
		}
		return err
	}
}

// mongoUsers and mongoTokens have the methods that the use cases call, and no others, on
// collections that a driver has made.
type mongoUsers struct {
	kit.UserStore
	c *driver.Collection
}

func (s mongoUsers) ByID(ctx context.Context, id string) (kit.User, error) {
	return s.find(ctx, "_id", id)
}

func (s mongoUsers) ByEmail(ctx context.Context, email string) (kit.User, error) {
	return s.find(ctx, "email_key", email)
}

func (s mongoUsers) find(ctx context.Context, field, value string) (u kit.User, err error) {
	var document bson.D
	if err = s.c.FindOne(ctx, bson.D{{Key: field, Value: value}}).Decode(&document); errors.Is(err, driver.ErrNoDocuments) {
		return u, kit.ErrNotFound
	}
	return u, err
}

func (s mongoUsers) Create(ctx context.Context, u kit.User) error {
	_, err := s.c.InsertOne(ctx, userDocument(u))
	return err
}

func (s mongoUsers) Delete(ctx context.Context, id string) error {
	_, err := s.c.DeleteOne(ctx, bson.D{{Key: "_id", Value: id}})
	return err
}

type mongoTokens struct {
	kit.TokenStore
	c *driver.Collection
}

func (s mongoTokens) ByID(ctx context.Context, id string) (t kit.Token, err error) {
	var document struct {
		ID      string `bson:"_id"`
		UserID  string `bson:"user_id"`
		Hash    []byte `bson:"secret_hash"`
		Version int64  `bson:"version"`
	}
	if err = s.c.FindOne(ctx, bson.D{{Key: "_id", Value: id}}).Decode(&document); errors.Is(err, driver.ErrNoDocuments) {
		return t, kit.ErrNotFound
	}
	return kit.Token{ID: document.ID, UserID: document.UserID, SecretHash: document.Hash, Version: document.Version}, err
}

func (s mongoTokens) Create(ctx context.Context, t kit.Token) error {
	_, err := s.c.InsertOne(ctx, tokenDocument(t))
	return err
}

func (s mongoTokens) Update(ctx context.Context, t kit.Token) error {
	key := bson.D{{Key: "_id", Value: t.ID}, {Key: "version", Value: t.Version}}
	t.Version++
	result, err := s.c.UpdateOne(ctx, key, bson.D{{Key: "$set", Value: tokenFields(t)}})
	if err == nil && result.ModifiedCount != 1 {
		err = kit.ErrConflict
	}
	return err
}

func (s mongoTokens) Delete(ctx context.Context, id string, version int64) error {
	_, err := s.c.DeleteOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "version", Value: version}})
	return err
}

// DeleteExpired finds a batch and deletes what of it has still expired: MongoDB has no
// DELETE with a limit.
func (s mongoTokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	expired := bson.E{Key: "expires_at", Value: bson.D{{Key: "$lte", Value: before.UnixMicro()}}}
	cursor, err := s.c.Find(ctx, bson.D{expired}, options.Find().SetSort(bson.D{{Key: "expires_at", Value: 1}}).
		SetLimit(int64(limit)).SetBatchSize(int32(limit)).SetProjection(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return 0, err
	}
	var found []struct {
		ID string `bson:"_id"`
	}
	if err := cursor.All(ctx, &found); err != nil || len(found) == 0 {
		return 0, err
	}
	var ids bson.A
	for _, f := range found {
		ids = append(ids, f.ID)
	}
	result, err := s.c.DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}, expired})
	if err != nil {
		return 0, err
	}
	return int(result.DeletedCount), nil
}

func userDocument(u kit.User) bson.D {
	return bson.D{
		{Key: "_id", Value: u.ID}, {Key: "email", Value: u.Email}, {Key: "email_key", Value: u.Email}, {Key: "username", Value: u.Username},
		{Key: "hashed_password", Value: string(u.PasswordHash)}, {Key: "roles", Value: u.Roles}, {Key: "user_settings", Value: string(u.Settings)},
		{Key: "private", Value: string(u.Private)}, {Key: "factors", Value: append([]string{}, u.Factors...)},
		{Key: "is_verified", Value: u.Verified}, {Key: "is_active", Value: u.Active}, {Key: "session_epoch", Value: u.SessionEpoch}, {Key: "credential_epoch", Value: u.CredentialEpoch},
		{Key: "created_at", Value: u.CreatedAt.UnixMicro()}, {Key: "updated_at", Value: u.UpdatedAt.UnixMicro()}, {Key: "version", Value: u.Version},
		{Key: "form", Value: int64(1)},
	}
}

func tokenDocument(t kit.Token) bson.D {
	return append(bson.D{{Key: "_id", Value: t.ID}, {Key: "token_type", Value: string(t.Type)}, {Key: "user_id", Value: t.UserID}}, tokenFields(t)...)
}

// tokenFields are those that an update sets.
func tokenFields(t kit.Token) bson.D {
	return bson.D{
		{Key: "session_id", Value: t.SessionID}, {Key: "epoch", Value: t.Epoch}, {Key: "secret_hash", Value: t.SecretHash},
		{Key: "previous_hash", Value: t.PreviousHash}, {Key: "salt", Value: t.Salt}, {Key: "data", Value: t.Data}, {Key: "created_at", Value: t.CreatedAt.UnixMicro()},
		{Key: "rotated_at", Value: t.RotatedAt.UnixMicro()}, {Key: "expires_at", Value: t.ExpiresAt.UnixMicro()},
		{Key: "revoked_at", Value: t.RevokedAt.UnixMicro()}, {Key: "version", Value: t.Version}, {Key: "form", Value: int64(1)},
	}
}
