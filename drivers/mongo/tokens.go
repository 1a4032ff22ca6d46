package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"myauth.internal/kit"
)

// Tokens implements [kit.TokenStore] and [kit.Pinger]. Times are kept to the
// microsecond.
type Tokens struct {
	s          *Store
	collection *driver.Collection
}

var (
	_ kit.TokenStore = (*Tokens)(nil)
	_ kit.Pinger     = (*Tokens)(nil)
)

// tokenDocument is a token as it is stored.
type tokenDocument struct {
	ID     string      `bson:"_id"`
	Type   string      `bson:"token_type"`
	UserID string      `bson:"user_id"`
	Fields tokenFields `bson:",inline"`
}

// tokenFields are what an Update sets: all that can change.
type tokenFields struct {
	SessionID    string `bson:"session_id"`
	Epoch        int64  `bson:"epoch"`
	SecretHash   []byte `bson:"secret_hash"`
	PreviousHash []byte `bson:"previous_hash"`
	Salt         []byte `bson:"salt"`
	CreatedAt    int64  `bson:"created_at"`
	RotatedAt    int64  `bson:"rotated_at"`
	ExpiresAt    int64  `bson:"expires_at"`
	RevokedAt    int64  `bson:"revoked_at"`
	Version      int64  `bson:"version"`
}

func tokenFrom(t kit.Token) tokenFields {
	return tokenFields{
		SessionID: t.SessionID, Epoch: t.Epoch, SecretHash: t.SecretHash, PreviousHash: t.PreviousHash, Salt: t.Salt,
		CreatedAt: t.CreatedAt.UnixMicro(), RotatedAt: t.RotatedAt.UnixMicro(), ExpiresAt: t.ExpiresAt.UnixMicro(),
		RevokedAt: t.RevokedAt.UnixMicro(), Version: t.Version,
	}
}

func (d tokenDocument) record() kit.Token {
	f := d.Fields
	return kit.Token{
		ID: d.ID, Type: kit.TokenType(d.Type), UserID: d.UserID,
		SessionID: f.SessionID, Epoch: f.Epoch, SecretHash: f.SecretHash, PreviousHash: f.PreviousHash, Salt: f.Salt,
		CreatedAt: fromMicros(f.CreatedAt), RotatedAt: fromMicros(f.RotatedAt), ExpiresAt: fromMicros(f.ExpiresAt),
		RevokedAt: fromMicros(f.RevokedAt), Version: f.Version,
	}
}

// required are the fields without which a document is no token.
var required = []string{"_id", "token_type", "user_id", "epoch", "secret_hash", "expires_at", "revoked_at", "version"}

// Ping implements [kit.Pinger].
func (t *Tokens) Ping(ctx context.Context) error { return t.s.Ping(ctx) }

// Create implements [kit.TokenStore].
func (t *Tokens) Create(ctx context.Context, record kit.Token) error {
	return t.s.do(ctx, "create token", kit.ErrConflict, func(ctx context.Context) error {
		_, err := t.collection.InsertOne(ctx, tokenDocument{record.ID, string(record.Type), record.UserID, tokenFrom(record)})
		return err
	})
}

// ByID implements [kit.TokenStore].
func (t *Tokens) ByID(ctx context.Context, id string) (kit.Token, error) {
	var d tokenDocument
	err := t.s.do(ctx, "token by id", nil, func(ctx context.Context) error {
		raw, err := t.collection.FindOne(ctx, bson.D{{Key: "_id", Value: id}}).Raw()
		if err != nil {
			return err
		}
		return decode(raw, &d, required...)
	})
	if err != nil {
		return kit.Token{}, err
	}
	return d.record(), nil
}

// Update implements [kit.TokenStore].
func (t *Tokens) Update(ctx context.Context, record kit.Token) error {
	next := tokenFrom(record)
	next.Version++
	return t.s.do(ctx, "update token", nil, func(ctx context.Context) error {
		return swap(ctx, t.collection, record.ID, record.Version, next)
	})
}

// Delete implements [kit.TokenStore].
func (t *Tokens) Delete(ctx context.Context, id string) (removed bool, err error) {
	err = t.s.do(ctx, "delete token", nil, func(ctx context.Context) error {
		result, err := t.collection.DeleteOne(ctx, bson.D{{Key: "_id", Value: id}})
		if err == nil {
			removed = result.DeletedCount > 0
		}
		return err
	})
	return removed, err
}

// ByUser implements [kit.TokenStore].
func (t *Tokens) ByUser(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
	list := []kit.Token{}
	filter := bson.D{{Key: "user_id", Value: userID}, {Key: "_id", Value: bson.D{{Key: "$gt", Value: after}}}}
	limit = clamp(limit)
	if limit == 0 {
		return list, nil
	}
	opts := options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(int64(limit)).SetBatchSize(int32(limit)) //nolint:gosec // at most maxBatch
	err := t.s.do(ctx, "tokens by user", nil, func(ctx context.Context) error {
		return each(ctx, t.collection, filter, opts, func(raw bson.Raw) error {
			var d tokenDocument
			if err := decode(raw, &d, required...); err != nil {
				return err
			}
			list = append(list, d.record())
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// DeleteExpired implements [kit.TokenStore]. It finds candidates and removes those
// that still are, until it has removed enough or finds no more. Documents that
// somebody else has put there, with another type of ID or time, it leaves alone.
func (t *Tokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	limit = clamp(limit)
	expired := bson.D{
		{Key: "expires_at", Value: bson.D{{Key: "$lte", Value: before.UnixMicro()}, {Key: "$type", Value: "long"}}},
		{Key: "_id", Value: bson.D{{Key: "$type", Value: "string"}}},
	}
	removed := 0
	err := t.s.do(ctx, "delete expired tokens", nil, func(ctx context.Context) error {
		for removed < limit {
			want := limit - removed
			opts := options.Find().SetSort(bson.D{{Key: "expires_at", Value: 1}}).SetLimit(int64(want)).SetBatchSize(int32(want)). //nolint:gosec // at most maxBatch
																		SetProjection(bson.D{{Key: "_id", Value: 1}, {Key: "expires_at", Value: 1}})
			var ids bson.A
			var last candidate
			err := each(ctx, t.collection, expired, opts, func(raw bson.Raw) error {
				if err := decode(raw, &last, "_id", "expires_at"); err != nil {
					return err
				}
				ids = append(ids, last.ID)
				return nil
			})
			if err != nil || len(ids) == 0 {
				return err
			}
			// They are removed only while they are as expired as the last of them: one
			// that was extended meanwhile lives on, and a server that goes by the
			// index of expiries meets no other expired tokens.
			asExpired := bson.E{Key: "expires_at", Value: bson.D{{Key: "$lte", Value: last.ExpiresAt}}}
			result, err := t.collection.DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}, asExpired})
			if err != nil {
				return err
			}
			removed += int(result.DeletedCount)
			if len(ids) < want {
				return nil
			}
		}
		return nil
	})
	return removed, err
}

// candidate is an expired token.
type candidate struct {
	ID        string `bson:"_id"`
	ExpiresAt int64  `bson:"expires_at"`
}

// maxBatch is the largest limit that the contract allows.
const maxBatch = 1000

// clamp keeps a limit within what the contract allows; 0 means all to MongoDB.
func clamp(limit int) int { return max(0, min(limit, maxBatch)) }

// each calls f with every document that is found.
func each(ctx context.Context, c *driver.Collection, filter bson.D, opts *options.FindOptionsBuilder, f func(bson.Raw) error) error {
	cursor, err := c.Find(ctx, filter, opts)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		_ = cursor.Close(ctx) // what was read is what counts
	}()
	for cursor.Next(ctx) {
		if err := f(cursor.Current); err != nil {
			return err
		}
	}
	return cursor.Err()
}

// fromMicros returns the time that UnixMicro gave, the zero Time as itself.
func fromMicros(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
