package mongo_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"myauth.internal/conformance"
	"myauth.internal/conformance/storebench"
	"myauth.internal/drivers/mongo"
	"myauth.internal/kit"
)

func BenchmarkMongo(b *testing.B) {
	storebench.Run(b, func(b *testing.B) storebench.Subject {
		store := open(b, database(b), nil)
		users, tokens := mongo.Collections(store)
		return storebench.Subject{
			Stores: conformance.Stores{Users: store.Users(), Tokens: store.Tokens()},
			Bare:   bare(users, tokens),
			Fill:   fill(users, tokens),
		}
	})
}

// bare issues the store's own commands on its collections.
func bare(users, tokens *driver.Collection) storebench.Bare {
	find := func(c *driver.Collection, field string) func(context.Context, string) error {
		return func(ctx context.Context, key string) error {
			var document bson.D
			return c.FindOne(ctx, bson.D{{Key: field, Value: key}}).Decode(&document)
		}
	}
	return storebench.Bare{
		UserByID: find(users, "_id"), TokenByID: find(tokens, "_id"),
		UserByEmail: func(ctx context.Context, key string) (bool, error) {
			err := find(users, "email_key")(ctx, key)
			if errors.Is(err, driver.ErrNoDocuments) {
				return false, nil
			}
			return err == nil, err
		},
		UserCreate: func(ctx context.Context, u kit.User) error {
			_, err := users.InsertOne(ctx, userDocument(u))
			return err
		},
		TokenCreate: func(ctx context.Context, t kit.Token) error {
			_, err := tokens.InsertOne(ctx, tokenDocument(t))
			return err
		},
		TokenUpdate: func(ctx context.Context, t kit.Token) error {
			key := bson.D{{Key: "_id", Value: t.ID}, {Key: "version", Value: t.Version}}
			t.Version++
			result, err := tokens.UpdateOne(ctx, key, bson.D{{Key: "$set", Value: tokenFields(t)}})
			if err == nil && result.ModifiedCount != 1 {
				err = errors.New("no token was updated")
			}
			return err
		},
		DeleteExpired: func(ctx context.Context, before time.Time, limit int) (int, error) {
			candidates := bson.D{
				{Key: "expires_at", Value: bson.D{{Key: "$lte", Value: before.UnixMicro()}, {Key: "$type", Value: "long"}}},
				{Key: "_id", Value: bson.D{{Key: "$type", Value: "string"}}},
			}
			cursor, err := tokens.Find(ctx, candidates, options.Find().SetSort(bson.D{{Key: "expires_at", Value: 1}}).SetLimit(int64(limit)).
				SetBatchSize(int32(limit)).SetProjection(bson.D{{Key: "_id", Value: 1}, {Key: "expires_at", Value: 1}}))
			if err != nil {
				return 0, err
			}
			var found []struct {
				ID        string `bson:"_id"`
				ExpiresAt int64  `bson:"expires_at"`
			}
			if err := cursor.All(ctx, &found); err != nil || len(found) == 0 {
				return 0, err
			}
			expired := bson.E{Key: "expires_at", Value: bson.D{{Key: "$lte", Value: found[len(found)-1].ExpiresAt}}}
			var ids bson.A
			for _, f := range found {
				ids = append(ids, f.ID)
			}
			result, err := tokens.DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}, expired})
			if err != nil {
				return 0, err
			}
			return int(result.DeletedCount), nil
		},
	}
}

// fill inserts many documents with one command.
func fill(users, tokens *driver.Collection) func(context.Context, []kit.User, []kit.Token) error {
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

func userDocument(u kit.User) bson.D {
	return bson.D{
		{Key: "_id", Value: u.ID}, {Key: "email", Value: u.Email}, {Key: "email_key", Value: u.Email}, {Key: "username", Value: u.Username},
		{Key: "hashed_password", Value: string(u.PasswordHash)}, {Key: "roles", Value: u.Roles}, {Key: "user_settings", Value: string(u.Settings)},
		{Key: "is_verified", Value: u.Verified}, {Key: "is_active", Value: u.Active}, {Key: "session_epoch", Value: u.SessionEpoch},
		{Key: "created_at", Value: u.CreatedAt.UnixMicro()}, {Key: "updated_at", Value: u.UpdatedAt.UnixMicro()}, {Key: "version", Value: u.Version},
	}
}

func tokenDocument(t kit.Token) bson.D {
	return append(bson.D{{Key: "_id", Value: t.ID}, {Key: "token_type", Value: string(t.Type)}, {Key: "user_id", Value: t.UserID}}, tokenFields(t)...)
}

// tokenFields are those that an update sets.
func tokenFields(t kit.Token) bson.D {
	return bson.D{
		{Key: "session_id", Value: t.SessionID}, {Key: "epoch", Value: t.Epoch}, {Key: "secret_hash", Value: t.SecretHash},
		{Key: "previous_hash", Value: t.PreviousHash}, {Key: "salt", Value: t.Salt}, {Key: "created_at", Value: t.CreatedAt.UnixMicro()},
		{Key: "rotated_at", Value: t.RotatedAt.UnixMicro()}, {Key: "expires_at", Value: t.ExpiresAt.UnixMicro()},
		{Key: "revoked_at", Value: t.RevokedAt.UnixMicro()}, {Key: "version", Value: t.Version},
	}
}
