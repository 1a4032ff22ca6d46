package redis

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"myauth.internal/kit"
)

// Tokens implements [kit.TokenStore] and [kit.Pinger]. Times are kept to the
// microsecond.
type Tokens struct{ s *Store }

var (
	_ kit.TokenStore = (*Tokens)(nil)
	_ kit.Pinger     = (*Tokens)(nil)
)

const (
	maxBatch  = 1000 // the largest limit that the contract allows
	purgeStep = 250  // bounds what one script removes: the server does nothing else meanwhile
)

// Ping implements [kit.Pinger]: it asks every server that has tokens, as [Users.Ping] does.
func (t *Tokens) Ping(ctx context.Context) error {
	return do(ctx, t.s, "ping", func(ctx context.Context) error {
		pipe := t.s.client.Pipeline()
		for _, p := range t.s.keys.tokens {
			pipe.Del(ctx, p.unused())
		}
		_, err := pipe.Exec(ctx)
		return err
	})
}

// Create implements [kit.TokenStore].
func (t *Tokens) Create(ctx context.Context, token kit.Token) error {
	return do(ctx, t.s, "create token", func(ctx context.Context) error {
		p := t.s.keys.partitionOf(token.ID)
		keys := []string{p.record(token.ID), p.ofUser(token.UserID), p.expiry()}
		args := []any{token.ID, expiryEntry(stamp(token.ExpiresAt), token.UserID, token.ID)}
		return outcome(t.s.write(ctx, tokenCreate, keys, append(args, tokenRecord(&token, token.Version)...)...))
	})
}

// expiryEntry returns what the index by expiry has for a token. The entries sort by
// time, and tell the keys of the token.
func expiryEntry(expiresAt, userID, id string) string {
	return expiresAt + "\x00" + userID + "\x00" + id
}

// ByID implements [kit.TokenStore].
func (t *Tokens) ByID(ctx context.Context, id string) (kit.Token, error) {
	return call(ctx, t.s, "token by id", func(ctx context.Context) (kit.Token, error) { return t.get(ctx, id) })
}

func (t *Tokens) get(ctx context.Context, id string) (kit.Token, error) {
	values, err := t.s.client.HMGet(ctx, t.s.keys.partitionOf(id).record(id), tokenFields...).Result()
	if err != nil {
		return kit.Token{}, err
	}
	return readToken(id, values)
}

// Update implements [kit.TokenStore].
func (t *Tokens) Update(ctx context.Context, token kit.Token) error {
	return do(ctx, t.s, "update token", func(ctx context.Context) error {
		p := t.s.keys.partitionOf(token.ID)
		args := []any{token.ID, token.Version, stamp(token.ExpiresAt)}
		args = append(args, tokenRecord(&token, token.Version+1)[2*tokenIdentity:]...)
		return outcome(t.s.write(ctx, tokenUpdate, []string{p.record(token.ID), p.expiry()}, args...))
	})
}

// Delete implements [kit.TokenStore].
func (t *Tokens) Delete(ctx context.Context, id string) (bool, error) {
	return call(ctx, t.s, "delete token", func(ctx context.Context) (bool, error) {
		for range attempts {
			token, err := t.get(ctx, id)
			if errors.Is(err, redis.Nil) {
				return false, nil
			} else if err != nil {
				return false, err
			}
			removed, err := t.remove(ctx, t.s.keys.partitionOf(id), []string{expiryEntry(stamp(token.ExpiresAt), token.UserID, id)})
			if removed > 0 || err != nil {
				return removed > 0, err
			}
			// Between the two, it was given another expiry, or another call was faster.
		}
		return false, errUnsettled
	})
}

// remove removes the tokens of a partition that still have these entries in the index by
// expiry.
func (t *Tokens) remove(ctx context.Context, p slot, entries []string) (int, error) {
	keys, args := []string{p.expiry()}, []any{}
	for _, entry := range entries {
		_, owner, _ := strings.Cut(entry, "\x00")
		user, id, _ := strings.Cut(owner, "\x00")
		keys = append(keys, p.record(id), p.ofUser(user))
		args = append(args, id, entry)
	}
	answer, err := t.s.write(ctx, tokensDelete, keys, args...).Int64Slice()
	if err != nil {
		return 0, err
	}
	if len(answer) != 2 {
		return 0, errAnswer
	}
	if answer[1] > 0 {
		err = errDamaged
	}
	return int(answer[0]), err
}

// ByUser implements [kit.TokenStore].
func (t *Tokens) ByUser(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
	limit = min(limit, maxBatch)
	return call(ctx, t.s, "tokens by user", func(ctx context.Context) ([]kit.Token, error) {
		tokens := []kit.Token{}
		for len(tokens) < limit {
			want := limit - len(tokens)
			ids, err := t.idsOf(ctx, userID, after, want)
			if err != nil {
				return nil, err
			}
			if tokens, err = t.appendTokens(ctx, tokens, ids); err != nil {
				return nil, err
			}
			if len(ids) < want {
				break
			}
			after = ids[len(ids)-1]
		}
		return tokens, nil
	})
}

// idsOf returns IDs of a user's tokens behind one, in order. It asks all partitions at once.
func (t *Tokens) idsOf(ctx context.Context, userID, after string, limit int) ([]string, error) {
	pipe := t.s.client.Pipeline()
	for _, p := range t.s.keys.tokens {
		pipe.ZRangeByLex(ctx, p.ofUser(userID), &redis.ZRangeBy{Min: "(" + after, Max: "+", Count: int64(limit)})
	}
	cmds, err := pipe.Exec(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, cmd := range cmds {
		ids = append(ids, cmd.(*redis.StringSliceCmd).Val()...)
	}
	slices.Sort(ids)
	return ids[:min(limit, len(ids))], nil
}

// appendTokens reads the tokens with these IDs, except for those that were removed
// meanwhile.
func (t *Tokens) appendTokens(ctx context.Context, tokens []kit.Token, ids []string) ([]kit.Token, error) {
	pipe := t.s.client.Pipeline()
	for _, id := range ids {
		pipe.HMGet(ctx, t.s.keys.partitionOf(id).record(id), tokenFields...)
	}
	cmds, err := pipe.Exec(ctx)
	if err != nil {
		return nil, err
	}
	for i, cmd := range cmds {
		token, err := readToken(ids[i], cmd.(*redis.SliceCmd).Val())
		if errors.Is(err, redis.Nil) {
			continue
		} else if err != nil {
			return nil, err
		}
		tokens = append(tokens, token)
	}
	return tokens, nil
}

// DeleteExpired implements [kit.TokenStore]. An error may come after some tokens were
// removed, and then with their number. Damaged records stay and keep the purge from no
// others; the last call, which removes fewer than limit, returns an error for them.
func (t *Tokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	limit = min(limit, maxBatch)
	end := "(" + stamp(before) + "\x01" // behind all entries of that time
	return call(ctx, t.s, "delete expired tokens", func(ctx context.Context) (int, error) {
		removed, first := 0, rand.IntN(partitions) // callers in parallel begin at different ones
		var damage error
		for i := range partitions {
			p := t.s.keys.tokens[(first+i)%partitions]
			for begin := "-"; begin != "" && removed < limit; {
				n, next, err := t.purge(ctx, p, begin, end, min(purgeStep, limit-removed))
				removed, begin = removed+n, next
				if errors.Is(err, errDamaged) {
					damage = err
				} else if err != nil {
					return removed, err
				}
			}
			if removed == limit {
				return removed, nil
			}
		}
		return removed, damage
	})
}

// purge removes the tokens of the first entries from begin to end, and returns where to go
// on, behind the damaged ones that stay, or "".
func (t *Tokens) purge(ctx context.Context, p slot, begin, end string, limit int) (removed int, next string, err error) {
	entries, err := t.s.client.ZRangeByLex(ctx, p.expiry(), &redis.ZRangeBy{Min: begin, Max: end, Count: int64(limit)}).Result()
	if err != nil || len(entries) == 0 {
		return 0, "", err
	}
	removed, err = t.remove(ctx, p, entries)
	if len(entries) == limit {
		next = "(" + entries[limit-1]
	}
	return removed, next, err
}
