package redis

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"myauth.internal/kit"
)

// Users implements [kit.UserStore], [kit.UserLister] and [kit.Pinger]. Times are kept to
// the microsecond.
type Users struct{ s *Store }

var (
	_ kit.UserStore  = (*Users)(nil)
	_ kit.UserLister = (*Users)(nil)
	_ kit.Pinger     = (*Users)(nil)
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
		return outcome(u.s.write(ctx, userCreate, u.keys(user.ID), user.ID, kit.EmailKey(user.Email), userRecord(&user, user.Version)))
	})
}

// keys returns those that a script touches when a user comes or goes.
func (u *Users) keys(id string) []string {
	slot := u.s.keys.users
	return []string{slot.record(id), slot.ids(), slot.emails()}
}

// ByID implements [kit.UserStore].
func (u *Users) ByID(ctx context.Context, id string) (kit.User, error) {
	return call(ctx, u.s, "user by id", func(ctx context.Context) (kit.User, error) { return u.get(ctx, id) })
}

func (u *Users) get(ctx context.Context, id string) (kit.User, error) {
	record, err := u.s.client.Get(ctx, u.s.keys.users.record(id)).Result()
	if err != nil {
		return kit.User{}, err
	}
	return readUser(id, record)
}

// attempts is how often ByEmail looks again when a user moves between two steps, of which there
// is only one unless a cluster moves the slot.
const attempts = 16

// ByEmail implements [kit.UserStore].
func (u *Users) ByEmail(ctx context.Context, email string) (kit.User, error) {
	key, slot := kit.EmailKey(email), u.s.keys.users
	args := []any{"[" + entryOf(key, ""), "(" + key + "\x01", slot.record("")}
	return call(ctx, u.s, "user by email", func(ctx context.Context) (kit.User, error) {
		for range attempts {
			found, err := userByEmail.Run(ctx, u.s.client, []string{slot.emails()}, args...).StringSlice()
			if err != nil {
				return kit.User{}, err
			}
			var user kit.User
			if len(found) == 2 {
				user, err = readUser(found[0], found[1])
			} else {
				user, err = u.get(ctx, found[0]) // on the other node, while a cluster moves the slot
			}
			if err == nil && kit.EmailKey(user.Email) == key || err != nil && !errors.Is(err, redis.Nil) {
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
		slot := u.s.keys.users
		args := []any{user.ID, user.Version, kit.EmailKey(user.Email), userRecord(&user, user.Version+1)}
		cmd := u.s.write(ctx, userUpdate, []string{slot.record(user.ID)}, args...)
		if cmd.Val() == int64(answerIndex) {
			cmd = u.s.write(ctx, userUpdate, []string{slot.record(user.ID), slot.emails()}, args...)
		}
		return outcome(cmd)
	})
}

// Delete implements [kit.UserStore].
func (u *Users) Delete(ctx context.Context, id string) error {
	return do(ctx, u.s, "delete user", func(ctx context.Context) error {
		return outcome(u.s.write(ctx, userDelete, u.keys(id), id))
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
