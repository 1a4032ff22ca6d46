package redis

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"myauth.internal/kit"
)

// Tokens implements [kit.TokenStore], [kit.OwnedTokenStore] and [kit.Pinger], for tokens and for
// credentials. Times are kept to the microsecond.
type Tokens struct {
	s     *Store
	parts *partitions
}

var (
	_ kit.TokenStore      = (*Tokens)(nil)
	_ kit.OwnedTokenStore = (*Tokens)(nil)
	_ kit.Pinger          = (*Tokens)(nil)
)

// purgeStep bounds what one script looks at: the server does nothing else meanwhile.
const purgeStep = 250

// Ping implements [kit.Pinger]: it asks every server that has tokens, as [Users.Ping] does.
func (t *Tokens) Ping(ctx context.Context) error {
	return do(ctx, t.s, "ping", func(ctx context.Context) error {
		pipe := t.s.client.Pipeline()
		for _, p := range t.parts {
			pipe.Del(ctx, p.unused())
		}
		_, err := pipe.Exec(ctx)
		return err
	})
}

// Create implements [kit.TokenStore].
func (t *Tokens) Create(ctx context.Context, token kit.Token) error {
	return do(ctx, t.s, "create token", func(ctx context.Context) error {
		p := t.parts.of(token.ID)
		record := slices.Concat(tokenHead(&token, token.Version), []byte(stamp(token.ExpiresAt)), tokenRest(&token))
		return outcome(t.s.write(ctx, tokenCreate, p.keys(token.ID), entryOf(token.UserID, token.ID), expiryEntry(&token), record))
	})
}

// keys returns those that a script touches when a token comes or goes.
func (s slot) keys(id string) []string { return []string{s.record(id), s.users(), s.expiry()} }

// expiryEntry returns what the index by expiry has for a token that is filed under its expiry. The
// entries sort by time.
func expiryEntry(t *kit.Token) string { return entryOf(stamp(t.ExpiresAt), entryOf(t.UserID, t.ID)) }

// ByID implements [kit.TokenStore].
func (t *Tokens) ByID(ctx context.Context, id string) (kit.Token, error) {
	return call(ctx, t.s, "token by id", func(ctx context.Context) (kit.Token, error) { return t.get(ctx, id) })
}

func (t *Tokens) get(ctx context.Context, id string) (kit.Token, error) {
	record, err := t.s.client.Get(ctx, t.parts.of(id).record(id)).Result()
	if err != nil {
		return kit.Token{}, err
	}
	return readToken(id, record)
}

// ownedToken is a token with its user.
type ownedToken struct {
	token kit.Token
	user  kit.User
}

// WithOwner implements [kit.OwnedTokenStore] for users of the same [Store]. In a cluster the look-up takes
// two round trips, because the two are in different slots.
func (t *Tokens) WithOwner(users kit.UserStore) func(context.Context, string) (kit.Token, kit.User, error) {
	u, ok := users.(*Users)
	if !ok || u.s != t.s {
		return nil
	}
	return func(ctx context.Context, id string) (kit.Token, kit.User, error) {
		o, err := call(ctx, t.s, "token with its user", func(ctx context.Context) (ownedToken, error) { return t.getOwned(ctx, u, id) })
		return o.token, o.user, err
	}
}

func (t *Tokens) getOwned(ctx context.Context, u *Users, id string) (o ownedToken, err error) {
	if _, cluster := t.s.client.(*redis.ClusterClient); cluster {
		if o.token, err = t.get(ctx, id); err == nil {
			o.user, err = u.get(ctx, o.token.UserID)
		}
		return o, err
	}
	found, err := tokenWithUser.Run(ctx, t.s.client, []string{t.parts.of(id).record(id)}, t.s.keys.users.record("")).StringSlice()
	if err != nil {
		return o, err
	}
	if o.token, err = readToken(id, found[0]); err != nil {
		return o, err
	}
	if len(found) == 2 {
		o.user, err = readUser(o.token.UserID, found[1])
	} else {
		o.user, err = u.get(ctx, o.token.UserID) // whose error says why the script did not see it
	}
	return o, err
}

// Update implements [kit.TokenStore]. It returns [kit.ErrConflict] also if the record with that ID
// and Version is of another user or type: then it is not the one that the caller has read.
func (t *Tokens) Update(ctx context.Context, token kit.Token) error {
	return do(ctx, t.s, "update token", func(ctx context.Context) error {
		p := t.parts.of(token.ID)
		args := []any{tokenHead(&token, token.Version), tokenHead(&token, token.Version+1), tokenRest(&token)}
		cmd := t.s.write(ctx, tokenUpdate, []string{p.record(token.ID)}, args...)
		if cmd.Val() == int64(answerIndex) {
			cmd = t.s.write(ctx, tokenUpdate, []string{p.record(token.ID), p.expiry()}, append(args, expiryEntry(&token))...)
		}
		return outcome(cmd)
	})
}

// Delete implements [kit.TokenStore].
func (t *Tokens) Delete(ctx context.Context, id string, version int64) error {
	return do(ctx, t.s, "delete token", func(ctx context.Context) error {
		return outcome(t.s.write(ctx, tokenDelete, t.parts.of(id).keys(id), id, version))
	})
}

// ByUser implements [kit.TokenStore].
func (t *Tokens) ByUser(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
	owned := index[kit.Token]{
		entries: func(ctx context.Context, begin string, limit int) ([]string, error) {
			return t.entriesOf(ctx, userID, begin, limit)
		},
		key:  func(entry string) string { return t.parts.of(idIn(entry)).record(idIn(entry)) },
		read: func(entry, record string) (kit.Token, error) { return readToken(idIn(entry), record) },
	}
	return call(ctx, t.s, "tokens by user", func(ctx context.Context) ([]kit.Token, error) {
		return owned.page(ctx, t.s, "("+entryOf(userID, after), limit)
	})
}

// entriesOf returns the entries of a user's tokens from one on, in order. It asks all partitions at
// once.
func (t *Tokens) entriesOf(ctx context.Context, userID, begin string, limit int) ([]string, error) {
	pipe := t.s.client.Pipeline()
	for _, p := range t.parts {
		pipe.ZRangeByLex(ctx, p.users(), &redis.ZRangeBy{Min: begin, Max: "(" + userID + "\x01", Count: int64(limit)})
	}
	cmds, err := pipe.Exec(ctx)
	if err != nil {
		return nil, err
	}
	var entries []string
	for _, cmd := range cmds {
		entries = append(entries, cmd.(*redis.StringSliceCmd).Val()...)
	}
	slices.Sort(entries)
	return entries[:min(limit, len(entries))], nil
}

// DeleteExpired implements [kit.TokenStore]. An error may come after some tokens were
// removed, and then with their number. Damaged records, and keys of other programs, stay
// and keep the purge from no others; the last call, which removes fewer than limit, returns
// an error for them. Records of a newer version of MyAuth are left to that one.
func (t *Tokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	limit = min(limit, maxBatch)
	until := stamp(before)
	return call(ctx, t.s, "delete expired tokens", func(ctx context.Context) (int, error) {
		removed, first := 0, rand.IntN(len(t.parts)) // callers in parallel begin at different ones
		var damage error
		for i := range t.parts {
			p := t.parts[(first+i)%len(t.parts)]
			for begin := "-"; begin != "" && removed < limit; {
				n, next, err := t.purge(ctx, p, begin, until, limit-removed)
				removed, begin = removed+n, next
				if errors.Is(err, errDamaged) || redis.HasErrorPrefix(err, "WRONGTYPE") {
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

// purge looks at the first tokens that are filed from begin up to a time, and removes up to limit of
// them. It returns where to go on, behind those that stay, or "".
func (t *Tokens) purge(ctx context.Context, p slot, begin, until string, limit int) (removed int, next string, err error) {
	end := "(" + until + "\x01" // behind all entries of that time
	entries, err := t.s.client.ZRangeByLex(ctx, p.expiry(), &redis.ZRangeBy{Min: begin, Max: end, Count: purgeStep}).Result()
	if err != nil || len(entries) == 0 {
		return 0, "", err
	}
	if len(entries) == purgeStep {
		next = "(" + entries[purgeStep-1]
	}
	keys, args := []string{p.users(), p.expiry()}, []any{until, limit}
	for _, entry := range entries {
		keys, args = append(keys, p.record(idIn(entry))), append(args, entry)
	}
	answer, err := t.s.write(ctx, tokensPurge, keys, args...).Int64Slice()
	if err != nil {
		return 0, next, err
	}
	if len(answer) != 2 {
		return 0, next, errAnswer
	}
	if answer[1] > 0 {
		err = errDamaged
	}
	return int(answer[0]), next, err
}
