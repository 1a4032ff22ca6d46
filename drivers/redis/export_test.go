package redis

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"myauth.internal/conformance/storebench"
	"myauth.internal/kit"
)

// TokensTag returns the hash tag of a partition.
func TokensTag(prefix string, partition int) string { return tokensTag(prefix, partition) }

// SlotOf returns the slot of a hash tag.
func SlotOf(tag string) int { return slotOf(tag) }

// ExpiryEntry returns the entry that a token has in the index of expiries, and the key
// of that index.
func ExpiryEntry(s *Store, t kit.Token) (key, entry string) {
	return s.keys.partitionOf(t.ID).expiry, string(appendExpiry(nil, t.ExpiresAt)) + t.ID
}

// PartitionOf returns the number of a token's partition.
func PartitionOf(id string) int { return partitionOf(id) }

// OddIDs returns IDs of bytes that are something special in a list.
func OddIDs() []string { return oddIDs() }

// Bare returns the statements of a store as go-redis makes them by itself, on the
// store's own client. What is read stays the string that it is.
func Bare(s *Store) storebench.Bare {
	c, k := s.client, &s.keys
	scripts := map[*script]*redis.Script{}
	for _, sc := range []*script{userCreate, tokenCreate, tokenUpdate, tokensDeleteExpired} {
		scripts[sc] = redis.NewScript(sc.text)
	}
	done := func(ctx context.Context, sc *script, keys []string, args ...any) error {
		n, err := scripts[sc].Run(ctx, c, keys, args...).Int()
		if err == nil && n != answerDone {
			err = errors.New("not done")
		}
		return err
	}
	return storebench.Bare{
		UserByID: func(ctx context.Context, id string) error { return c.Get(ctx, k.userKey(id)).Err() },
		UserByEmail: func(ctx context.Context, email string) (bool, error) {
			id, err := c.Get(ctx, k.email+email).Result()
			if errors.Is(err, redis.Nil) {
				return false, nil
			} else if err != nil {
				return false, err
			}
			return true, c.Get(ctx, k.userKey(id)).Err()
		},
		UserCreate: func(ctx context.Context, u kit.User) error {
			return done(ctx, userCreate, []string{k.userKey(u.ID), k.email + u.Email}, encodeUser(&u, u.Version), u.ID)
		},
		TokenByID: func(ctx context.Context, id string) error { return c.HGet(ctx, k.partitionOf(id).records, id).Err() },
		TokenCreate: func(ctx context.Context, t kit.Token) error {
			p := k.partitionOf(t.ID)
			return done(ctx, tokenCreate, []string{p.records, p.users, p.expiry}, t.ID, encodeToken(&t), t.UserID, appendExpiry(nil, t.ExpiresAt), t.ID+"\x00")
		},
		TokenUpdate: func(ctx context.Context, t kit.Token) error {
			p := k.partitionOf(t.ID)
			return done(ctx, tokenUpdate, []string{p.records, p.expiry}, t.ID, binary.BigEndian.AppendUint64(nil, uint64(t.Version)),
				binary.BigEndian.AppendUint64(nil, uint64(t.Version+1)), appendExpiry(nil, t.ExpiresAt), appendTokenFields(nil, &t))
		},
		DeleteExpired: func(ctx context.Context, before time.Time, limit int) (int, error) {
			removed := 0
			for i := range k.tokens {
				p, begin := &k.tokens[i], "-"
				for found := purgeStep; found == purgeStep && removed < limit; {
					counts, err := scripts[tokensDeleteExpired].Run(ctx, c, []string{p.records, p.users, p.expiry}, begin, expiredBefore(before), min(purgeStep, limit-removed)).Slice()
					if err != nil {
						return removed, err
					}
					found = int(counts[0].(int64))
					removed += int(counts[1].(int64))
					begin = "(" + counts[3].(string)
				}
			}
			return removed, nil
		},
	}
}
