package redis

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
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

// maxBatch is the largest limit that the contract allows.
const maxBatch = 1000

// purgeStep bounds what one script removes, because the server does nothing else
// while it runs.
const purgeStep = 250

// Ping implements [kit.Pinger]: it asks every server that has tokens, as that of
// [Users] does.
func (t *Tokens) Ping(ctx context.Context) error {
	_, err := call(ctx, t.s, "ping", func(ctx context.Context) (nothing, error) {
		pipe := t.s.client.Pipeline()
		for i := range t.s.keys.tokens {
			pipe.Del(ctx, t.s.keys.tokens[i].check)
		}
		_, err := pipe.Exec(ctx)
		return nothing{}, err
	})
	return err
}

// Create implements [kit.TokenStore].
func (t *Tokens) Create(ctx context.Context, token kit.Token) error {
	p := t.s.keys.partitionOf(token.ID)
	keys := []string{p.records, p.users, p.expiry}
	record := encodeToken(&token)
	expiry := appendExpiry(nil, token.ExpiresAt)
	_, err := call(ctx, t.s, "create token", func(ctx context.Context) (nothing, error) {
		return nothing{}, t.change(ctx, tokenCreate, keys, token.ID, record, token.UserID, expiry, listEntry(token.ID))
	})
	return err
}

// ByID implements [kit.TokenStore].
func (t *Tokens) ByID(ctx context.Context, id string) (kit.Token, error) {
	key := t.s.keys.partitionOf(id).records
	return call(ctx, t.s, "token by id", func(ctx context.Context) (kit.Token, error) {
		record, err := t.s.client.HGet(ctx, key, id).Result()
		if err != nil {
			return kit.Token{}, err
		}
		return decodeToken(id, record)
	})
}

// Update implements [kit.TokenStore].
func (t *Tokens) Update(ctx context.Context, token kit.Token) error {
	p := t.s.keys.partitionOf(token.ID)
	keys := []string{p.records, p.expiry}
	version := binary.BigEndian.AppendUint64(nil, uint64(token.Version))
	next := binary.BigEndian.AppendUint64(nil, uint64(token.Version+1))
	expiry := appendExpiry(nil, token.ExpiresAt)
	fields := appendTokenFields(nil, &token)
	_, err := call(ctx, t.s, "update token", func(ctx context.Context) (nothing, error) {
		return nothing{}, t.change(ctx, tokenUpdate, keys, token.ID, version, next, expiry, fields)
	})
	return err
}

// Delete implements [kit.TokenStore].
func (t *Tokens) Delete(ctx context.Context, id string) (bool, error) {
	p := t.s.keys.partitionOf(id)
	return call(ctx, t.s, "delete token", func(ctx context.Context) (bool, error) {
		err := t.change(ctx, tokenDelete, []string{p.records, p.users, p.expiry}, id)
		if errors.Is(err, kit.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	})
}

// change runs a script on one token.
func (t *Tokens) change(ctx context.Context, sc *script, keys []string, args ...any) error {
	answer, err := t.s.write(ctx, sc, keys, args...)
	if err != nil {
		return err
	}
	return outcome(answer)
}

// ByUser implements [kit.TokenStore]. It asks all partitions for their lists at once,
// and then for the records.
func (t *Tokens) ByUser(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
	limit = clampLimit(limit)
	return call(ctx, t.s, "tokens by user", func(ctx context.Context) ([]kit.Token, error) {
		ids, err := t.idsOf(ctx, userID, after)
		tokens := []kit.Token{}
		for err == nil && len(ids) > 0 && len(tokens) < limit {
			page := ids[:min(len(ids), limit-len(tokens))]
			ids = ids[len(page):]
			tokens, err = t.appendRecords(ctx, tokens, page)
		}
		if err != nil {
			return nil, err
		}
		return tokens, nil
	})
}

// idsOf returns the IDs of a user's tokens behind one, in order.
func (t *Tokens) idsOf(ctx context.Context, userID, after string) ([]string, error) {
	pipe := t.s.client.Pipeline()
	var lists [partitions]*redis.StringCmd
	for i := range lists {
		lists[i] = pipe.HGet(ctx, t.s.keys.tokens[i].users, userID)
	}
	_, failed := pipe.Exec(ctx)
	var ids []string
	for _, list := range lists {
		if err := list.Err(); err != nil && !errors.Is(err, redis.Nil) {
			return nil, err
		}
		for _, id := range listed(list.Val()) {
			if id > after {
				ids = append(ids, id)
			}
		}
	}
	if failed != nil && !errors.Is(failed, redis.Nil) {
		return nil, failed
	}
	slices.Sort(ids)
	return ids, nil
}

// appendRecords reads the tokens with these IDs, save those that were removed
// meanwhile.
func (t *Tokens) appendRecords(ctx context.Context, tokens []kit.Token, ids []string) ([]kit.Token, error) {
	var wanted [partitions][]string
	for _, id := range ids {
		i := partitionOf(id)
		wanted[i] = append(wanted[i], id)
	}
	pipe := t.s.client.Pipeline()
	var records [partitions]*redis.SliceCmd
	for i, ids := range wanted {
		if len(ids) > 0 {
			records[i] = pipe.HMGet(ctx, t.s.keys.tokens[i].records, ids...)
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, err
	}
	var read [partitions]int
	for _, id := range ids {
		i := partitionOf(id)
		values := records[i].Val()
		if len(values) != len(wanted[i]) {
			return nil, errAnswer
		}
		value := values[read[i]]
		read[i]++
		if value == nil {
			continue
		}
		record, ok := value.(string)
		if !ok {
			return nil, errAnswer
		}
		token, err := decodeToken(id, record)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, token)
	}
	return tokens, nil
}

// DeleteExpired implements [kit.TokenStore]. It goes through the partitions, each
// time from another one, until limit is reached; an error may come after some were
// removed, and then with their number. Damaged records keep no others.
func (t *Tokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	limit = clampLimit(limit)
	end := expiredBefore(before)
	return call(ctx, t.s, "delete expired tokens", func(ctx context.Context) (int, error) {
		removed := 0
		first := rand.IntN(partitions)
		var damage error
		for i := range partitions {
			n, err := t.purge(ctx, &t.s.keys.tokens[(first+i)%partitions], end, limit-removed)
			removed += n
			if errors.Is(err, errDamaged) {
				damage, err = err, nil
			}
			if err != nil || removed == limit {
				return removed, err // there may be more, and the last call tells of the damage
			}
		}
		return removed, damage
	})
}

// purge removes expired tokens of one partition.
func (t *Tokens) purge(ctx context.Context, p *partition, end string, limit int) (int, error) {
	removed, begin := 0, "-"
	var damage error
	for removed < limit {
		if err := ctx.Err(); err != nil {
			return removed, err
		}
		step := min(purgeStep, limit-removed)
		answer, err := t.s.write(ctx, tokensDeleteExpired, []string{p.records, p.users, p.expiry}, begin, end, step)
		if err != nil {
			return removed, err
		}
		found, dead, damaged, last, err := purgeAnswer(answer)
		if err != nil {
			return removed, err
		}
		removed += dead
		if damaged > 0 {
			damage = errDamaged
		}
		if found < step {
			break
		}
		begin = "(" + last // what is damaged stays, and is not looked at again
	}
	return removed, damage
}

// purgeAnswer reads what tokensDeleteExpired answered.
func purgeAnswer(answer any) (found, dead, damaged int, last string, err error) {
	values, _ := answer.([]any)
	if len(values) != 4 {
		return 0, 0, 0, "", errAnswer
	}
	var numbers [3]int
	for i := range numbers {
		n, ok := values[i].(int64)
		if !ok {
			return 0, 0, 0, "", errAnswer
		}
		numbers[i] = int(n)
	}
	last, ok := values[3].(string)
	if !ok {
		return 0, 0, 0, "", errAnswer
	}
	return numbers[0], numbers[1], numbers[2], last, nil
}

func clampLimit(limit int) int { return max(0, min(limit, maxBatch)) }
