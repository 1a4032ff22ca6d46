package redis

import (
	"context"
	"encoding/binary"
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

type nothing = struct{}

// Ping implements [kit.Pinger]: it asks the server that has the users, by a write that
// changes nothing, since a master that has become a replica goes on answering reads.
func (u *Users) Ping(ctx context.Context) error {
	_, err := call(ctx, u.s, "ping", func(ctx context.Context) (nothing, error) {
		return nothing{}, u.s.client.Del(ctx, u.s.keys.check).Err()
	})
	return err
}

// Create implements [kit.UserStore].
func (u *Users) Create(ctx context.Context, user kit.User) error {
	keys := []string{u.s.keys.userKey(user.ID), u.s.keys.emailKey(user.Email)}
	record := encodeUser(&user, user.Version)
	return u.write(ctx, "create user", func(ctx context.Context) (any, error) {
		return u.s.write(ctx, userCreate, keys, record, user.ID)
	})
}

// ByID implements [kit.UserStore].
func (u *Users) ByID(ctx context.Context, id string) (kit.User, error) {
	return call(ctx, u.s, "user by id", func(ctx context.Context) (kit.User, error) { return u.get(ctx, id) })
}

func (u *Users) get(ctx context.Context, id string) (kit.User, error) {
	record, err := u.s.client.Get(ctx, u.s.keys.userKey(id)).Result()
	if err != nil {
		return kit.User{}, err
	}
	return decodeUser(id, record)
}

// attempts is how often a call looks again when the address of a user changes
// between two steps.
const attempts = 16

// errAddresses says that the two kinds of keys of users do not fit together.
var errAddresses = errors.New("the index of addresses names a user that has another address or does not exist: a key was changed or removed by another program")

// ByEmail implements [kit.UserStore].
func (u *Users) ByEmail(ctx context.Context, email string) (kit.User, error) {
	key := u.s.keys.emailKey(email)
	return call(ctx, u.s, "user by email", func(ctx context.Context) (kit.User, error) {
		for range attempts {
			id, err := u.s.client.Get(ctx, key).Result()
			if err != nil {
				return kit.User{}, err
			}
			user, err := u.get(ctx, id)
			if err == nil && u.s.keys.emailKey(user.Email) == key || err != nil && !errors.Is(err, redis.Nil) {
				return user, err
			}
			// Between the two, the address went to somebody else or the user went.
		}
		return kit.User{}, errAddresses
	})
}

// Update implements [kit.UserStore].
func (u *Users) Update(ctx context.Context, user kit.User) error {
	version := string(binary.BigEndian.AppendUint64(nil, uint64(user.Version)))
	record := encodeUser(&user, user.Version+1)
	key := u.s.keys.userKey(user.ID)
	return u.write(ctx, "update user", func(ctx context.Context) (any, error) {
		answer, err := u.s.write(ctx, userUpdate, []string{key}, version, user.Email, record)
		return u.follow(answer, err, func(stored string) (any, error) {
			keys := []string{key, u.s.keys.emailKey(stored), u.s.keys.emailKey(user.Email)}
			return u.s.write(ctx, userMove, keys, version, stored, record, user.ID)
		})
	})
}

// Delete implements [kit.UserStore].
func (u *Users) Delete(ctx context.Context, id string) error {
	key := u.s.keys.userKey(id)
	return u.write(ctx, "delete user", func(ctx context.Context) (any, error) {
		record, err := u.s.client.Get(ctx, key).Result()
		if err != nil {
			return nil, err
		}
		email, err := emailOf(record)
		return u.follow(email, err, func(stored string) (any, error) {
			return u.s.write(ctx, userDelete, []string{key, u.s.keys.emailKey(stored)}, stored, id)
		})
	})
}

// follow runs a step that needs the key of the stored address, again while the
// answer is that the address is another one now.
func (u *Users) follow(answer any, err error, step func(stored string) (any, error)) (any, error) {
	for range attempts {
		stored, moved := answer.(string)
		if err != nil || !moved {
			return answer, err
		}
		answer, err = step(stored)
	}
	if _, moved := answer.(string); moved && err == nil {
		return nil, errUnsettled
	}
	return answer, err
}

// write runs scripts and turns their last answer into an error of the contract.
func (u *Users) write(ctx context.Context, op string, f func(context.Context) (any, error)) error {
	_, err := call(ctx, u.s, op, func(ctx context.Context) (nothing, error) {
		answer, err := f(ctx)
		if err != nil {
			return nothing{}, err
		}
		return nothing{}, outcome(answer)
	})
	return err
}

// outcome turns what a script answered into an error of the contract.
func outcome(answer any) error {
	switch answer {
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
