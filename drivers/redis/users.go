package redis

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"myauth.internal/kit"
)

// Users implements [kit.UserStore] and [kit.Pinger]. Times are kept to the
// microsecond.
type Users struct{ s *Store }

var (
	_ kit.UserStore = (*Users)(nil)
	_ kit.Pinger    = (*Users)(nil)
)

// Ping implements [kit.Pinger]: it asks the server that has the users, by a write that
// changes nothing, since a master that has become a replica goes on answering reads.
func (u *Users) Ping(ctx context.Context) error {
	return do(ctx, u.s, "ping", func(ctx context.Context) error {
		return u.s.client.Del(ctx, u.s.keys.users.unused()).Err()
	})
}

// Create implements [kit.UserStore].
func (u *Users) Create(ctx context.Context, user kit.User) error {
	return do(ctx, u.s, "create user", func(ctx context.Context) error {
		keys := []string{u.s.keys.user(user.ID), u.s.keys.email(user.Email)}
		return outcome(u.s.write(ctx, userCreate, keys, append([]any{user.ID}, userRecord(&user, user.Version)...)...))
	})
}

// ByID implements [kit.UserStore].
func (u *Users) ByID(ctx context.Context, id string) (kit.User, error) {
	return call(ctx, u.s, "user by id", func(ctx context.Context) (kit.User, error) { return u.get(ctx, id) })
}

func (u *Users) get(ctx context.Context, id string) (kit.User, error) {
	values, err := u.s.client.HMGet(ctx, u.s.keys.user(id), userFields...).Result()
	if err != nil {
		return kit.User{}, err
	}
	return readUser(id, values)
}

// attempts is how often a call looks again when a record changes between two steps.
const attempts = 16

// ByEmail implements [kit.UserStore].
func (u *Users) ByEmail(ctx context.Context, email string) (kit.User, error) {
	return call(ctx, u.s, "user by email", func(ctx context.Context) (kit.User, error) {
		for range attempts {
			id, err := u.s.client.Get(ctx, u.s.keys.email(email)).Result()
			if err != nil {
				return kit.User{}, err
			}
			user, err := u.get(ctx, id)
			if err == nil && kit.EmailKey(user.Email) == kit.EmailKey(email) || err != nil && !errors.Is(err, redis.Nil) {
				return user, err
			}
			// Between the two, the user has moved to another address or is gone.
		}
		return kit.User{}, errAddresses
	})
}

// Update implements [kit.UserStore].
func (u *Users) Update(ctx context.Context, user kit.User) error {
	return do(ctx, u.s, "update user", func(ctx context.Context) error {
		record, key := userRecord(&user, user.Version+1), u.s.keys.user(user.ID)
		keys, old := []string{key}, user.Email
		for range attempts {
			cmd := u.s.write(ctx, userUpdate, keys, append([]any{user.ID, user.Version, old}, record...)...)
			stored, other := cmd.Val().(string)
			if !other {
				return outcome(cmd)
			}
			keys, old = []string{key, u.s.keys.email(stored), u.s.keys.email(user.Email)}, stored
		}
		return errUnsettled
	})
}

// Delete implements [kit.UserStore].
func (u *Users) Delete(ctx context.Context, id string) error {
	return do(ctx, u.s, "delete user", func(ctx context.Context) error {
		user, err := u.get(ctx, id)
		if err != nil {
			return err
		}
		email := user.Email
		for range attempts {
			cmd := u.s.write(ctx, userDelete, []string{u.s.keys.user(id), u.s.keys.email(email)}, id, email)
			stored, other := cmd.Val().(string)
			if !other {
				return outcome(cmd)
			}
			email = stored
		}
		return errUnsettled
	})
}

// outcome turns what a script answered into an error of the store contract.
func outcome(cmd *redis.Cmd) error {
	if err := cmd.Err(); err != nil {
		return err
	}
	switch cmd.Val() {
	case int64(answerDone):
		return nil
	case int64(answerAbsent):
		return kit.ErrNotFound
	case int64(answerConflict):
		return kit.ErrConflict
	case int64(answerExists):
		return kit.ErrUserExists
	}
	return errAnswer
}
