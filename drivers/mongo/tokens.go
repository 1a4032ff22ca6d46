package mongo

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"myauth.internal/kit"
)

// Tokens implements [kit.TokenStore] and [kit.Pinger], for tokens and for credentials. Times
// are kept to the microsecond.
type Tokens struct {
	s          *Store
	collection *driver.Collection
}

var (
	_ kit.TokenStore = (*Tokens)(nil)
	_ kit.Pinger     = (*Tokens)(nil)
)

// tokenDocument is a token as it is stored. An update leaves the first three empty, and so
// as they are. UserID is a pointer, because there are records without a user.
type tokenDocument struct {
	ID           string  `bson:"_id,omitempty"`
	Type         string  `bson:"token_type,omitempty"`
	UserID       *string `bson:"user_id,omitempty"`
	SessionID    string  `bson:"session_id"`
	Epoch        int64   `bson:"epoch"`
	SecretHash   []byte  `bson:"secret_hash"`
	PreviousHash []byte  `bson:"previous_hash"`
	Salt         []byte  `bson:"salt"`
	Data         []byte  `bson:"data"`
	CreatedAt    int64   `bson:"created_at"`
	RotatedAt    int64   `bson:"rotated_at"`
	ExpiresAt    int64   `bson:"expires_at"`
	RevokedAt    int64   `bson:"revoked_at"`
	Version      int64   `bson:"version"`
	Form         int64   `bson:"form"`
}

func tokenFrom(t kit.Token) tokenDocument {
	return tokenDocument{
		ID: t.ID, Type: string(t.Type), UserID: &t.UserID,
		SessionID: t.SessionID, Epoch: t.Epoch, SecretHash: t.SecretHash, PreviousHash: t.PreviousHash, Salt: t.Salt, Data: t.Data,
		CreatedAt: t.CreatedAt.UnixMicro(), RotatedAt: t.RotatedAt.UnixMicro(), ExpiresAt: t.ExpiresAt.UnixMicro(),
		RevokedAt: t.RevokedAt.UnixMicro(), Version: t.Version, Form: form,
	}
}

func (d tokenDocument) record() kit.Token {
	return kit.Token{
		ID: d.ID, Type: kit.TokenType(d.Type), UserID: *d.UserID,
		SessionID: d.SessionID, Epoch: d.Epoch, SecretHash: d.SecretHash, PreviousHash: d.PreviousHash, Salt: d.Salt, Data: d.Data,
		CreatedAt: fromMicros(d.CreatedAt), RotatedAt: fromMicros(d.RotatedAt), ExpiresAt: fromMicros(d.ExpiresAt),
		RevokedAt: fromMicros(d.RevokedAt), Version: d.Version,
	}
}

// required are the fields without which a document is no token.
var required = []string{"_id", "token_type", "user_id", "epoch", "secret_hash", "expires_at", "revoked_at", "version"}

// Ping implements [kit.Pinger].
func (t *Tokens) Ping(ctx context.Context) error { return t.s.ping(ctx) }

// Create implements [kit.TokenStore].
func (t *Tokens) Create(ctx context.Context, record kit.Token) error {
	return t.s.do(ctx, "create token", kit.ErrConflict, func(ctx context.Context) error {
		_, err := t.collection.InsertOne(ctx, tokenFrom(record))
		return err
	})
}

// ByID implements [kit.TokenStore].
func (t *Tokens) ByID(ctx context.Context, id string) (kit.Token, error) {
	return one(ctx, t.s, "token by id", t.collection, bson.D{{Key: "_id", Value: id}}, readToken)
}

// Update implements [kit.TokenStore].
func (t *Tokens) Update(ctx context.Context, record kit.Token) error {
	next := tokenFrom(record)
	next.ID, next.Type, next.UserID, next.Version = "", "", nil, record.Version+1
	return t.s.do(ctx, "update token", nil, func(ctx context.Context) error {
		return swap(ctx, t.collection, record.ID, record.Version, next)
	})
}

// Delete implements [kit.TokenStore].
func (t *Tokens) Delete(ctx context.Context, id string, version int64) error {
	return t.s.do(ctx, "delete token", nil, func(ctx context.Context) error {
		return remove(ctx, t.collection, id, &version)
	})
}

// ByUser implements [kit.TokenStore].
func (t *Tokens) ByUser(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
	filter := bson.D{{Key: "user_id", Value: userID}, {Key: "_id", Value: bson.D{{Key: "$gt", Value: after}}}}
	return list(ctx, t.s, "tokens by user", t.collection, filter, "_id", limit, readToken)
}

func readToken(raw bson.Raw) (kit.Token, error) {
	var d tokenDocument
	if err := decode(raw, &d, required...); err != nil {
		return kit.Token{}, err
	}
	if d.UserID == nil {
		return kit.Token{}, &damaged{errors.New("a document has null for user_id")}
	}
	return d.record(), nil
}

// DeleteExpired implements [kit.TokenStore]. It finds candidates and removes those
// that still are, until it has removed enough or finds no more. Documents of other
// programs, with another type of ID or time, stay, and so do those of a newer version of
// MyAuth, which purges them itself.
func (t *Tokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	limit = clamp(limit)
	expired := bson.D{
		{Key: "expires_at", Value: bson.D{{Key: "$lte", Value: before.UnixMicro()}, {Key: "$type", Value: "long"}}},
		{Key: "_id", Value: bson.D{{Key: "$type", Value: "string"}}},
		{Key: "form", Value: form},
	}
	removed := 0
	err := t.s.do(ctx, "delete expired tokens", nil, func(ctx context.Context) error {
		for removed < limit {
			want := limit - removed
			found, err := find(ctx, t.collection, expired, "expires_at", want, bson.D{{Key: "_id", Value: 1}, {Key: "expires_at", Value: 1}})
			if err != nil || len(found) == 0 {
				return err
			}
			var ids bson.A
			for _, raw := range found {
				ids = append(ids, raw.Lookup("_id"))
			}
			// They are removed only while they are as expired as the last of them: one
			// that was extended meanwhile lives on, and a server that goes by the
			// index of expiries meets no other expired tokens.
			last := found[len(found)-1].Lookup("expires_at")
			result, err := t.collection.DeleteMany(ctx, bson.D{
				{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}, {Key: "expires_at", Value: bson.D{{Key: "$lte", Value: last}}}, {Key: "form", Value: form},
			})
			if err != nil {
				return err
			}
			removed += int(result.DeletedCount)
			if len(found) < want {
				return nil
			}
		}
		return nil
	})
	return removed, err
}
