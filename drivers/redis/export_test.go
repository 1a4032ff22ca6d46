package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"myauth.internal/conformance/storebench"
	"myauth.internal/kit"
)

// NewUnchecked returns a store over a server that New would refuse.
func NewUnchecked(client redis.UniversalClient, opts *Options) (*Store, error) {
	return newStore(client, opts)
}

// Keys returns the names of keys of a token, and its entry in the index by expiry.
func Keys(s *Store, t kit.Token) (record, ofUser, expiry, entry string) {
	p := s.keys.partitionOf(t.ID)
	return p.record(t.ID), p.ofUser(t.UserID), p.expiry(), expiryEntry(stamp(t.ExpiresAt), t.UserID, t.ID)
}

// Tag returns the hash tag of a partition.
func Tag(prefix string, partition int) string {
	return fmt.Sprintf("%s:tokens:%02d", prefix, 5*partition)
}

// Bare returns the statements of a store as go-redis makes them by itself, on the
// store's own client. What is read stays text.
func Bare(s *Store) storebench.Bare {
	c, k := s.client, &s.keys
	done := func(ctx context.Context, sc *redis.Script, keys []string, args ...any) error {
		n, err := sc.Run(ctx, c, keys, args...).Int()
		if err == nil && n != answerDone {
			err = errors.New("not done")
		}
		return err
	}
	record := func(ctx context.Context, key string, fields []string) error {
		values, err := c.HMGet(ctx, key, fields...).Result()
		if err == nil && values[0] == nil {
			err = redis.Nil
		}
		return err
	}
	return storebench.Bare{
		UserByID: func(ctx context.Context, id string) error { return record(ctx, k.user(id), userFields) },
		UserByEmail: func(ctx context.Context, email string) (bool, error) {
			id, err := c.Get(ctx, string(k.users)+":email:"+email).Result()
			if errors.Is(err, redis.Nil) {
				return false, nil
			} else if err != nil {
				return false, err
			}
			return true, record(ctx, k.user(id), userFields)
		},
		UserCreate: func(ctx context.Context, u kit.User) error {
			keys := []string{k.user(u.ID), string(k.users) + ":email:" + u.Email}
			return done(ctx, userCreate, keys, append([]any{u.ID}, userRecord(&u, u.Version)...)...)
		},
		TokenByID: func(ctx context.Context, id string) error {
			return record(ctx, k.partitionOf(id).record(id), tokenFields)
		},
		TokenCreate: func(ctx context.Context, t kit.Token) error {
			p := k.partitionOf(t.ID)
			args := []any{t.ID, expiryEntry(stamp(t.ExpiresAt), t.UserID, t.ID)}
			return done(ctx, tokenCreate, []string{p.record(t.ID), p.ofUser(t.UserID), p.expiry()}, append(args, tokenRecord(&t, t.Version)...)...)
		},
		TokenUpdate: func(ctx context.Context, t kit.Token) error {
			p := k.partitionOf(t.ID)
			args := []any{t.ID, t.Version, stamp(t.ExpiresAt)}
			return done(ctx, tokenUpdate, []string{p.record(t.ID), p.expiry()}, append(args, tokenRecord(&t, t.Version+1)[2*tokenIdentity:]...)...)
		},
		DeleteExpired: func(ctx context.Context, before time.Time, limit int) (int, error) {
			return s.Tokens().DeleteExpired(ctx, before, limit)
		},
	}
}
