package redis

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"myauth.internal/kit"
)

// maxBatch is the largest limit that the contract allows.
const maxBatch = 1000

// index is an order of records: a sorted set, or several of one form. ZRANGEBYLEX finds any
// place in it, so a page costs what it has.
type index[T any] struct {
	// entries returns up to limit entries from begin on, which ZRANGEBYLEX understands.
	entries func(ctx context.Context, begin string, limit int) ([]string, error)
	key     func(entry string) string             // of the record of an entry
	read    func(entry, record string) (T, error) // redis.Nil: the entry is not its record's any more
}

// page returns the first records from begin on. One that is removed or moves between the
// two steps is left out, and the page is filled with those behind it: fewer than limit mean that
// there are no more.
func (x index[T]) page(ctx context.Context, s *Store, begin string, limit int) ([]T, error) {
	limit = min(limit, maxBatch)
	found := []T{}
	for len(found) < limit {
		want := limit - len(found)
		entries, err := x.entries(ctx, begin, want)
		if err != nil {
			return nil, err
		}
		if found, err = x.appendRecords(ctx, s, found, entries); err != nil {
			return nil, err
		}
		if len(entries) < want {
			break
		}
		begin = "(" + entries[len(entries)-1]
	}
	return found, nil
}

func (x index[T]) appendRecords(ctx context.Context, s *Store, found []T, entries []string) ([]T, error) {
	pipe := s.client.Pipeline()
	for _, entry := range entries {
		pipe.Get(ctx, x.key(entry))
	}
	cmds, err := pipe.Exec(ctx)
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	found = slices.Grow(found, len(cmds))
	for i, cmd := range cmds {
		text, err := cmd.(*redis.StringCmd).Result()
		var record T
		if err == nil {
			record, err = x.read(entries[i], text)
		}
		if errors.Is(err, redis.Nil) {
			continue
		} else if err != nil {
			return nil, err
		}
		found = append(found, record)
	}
	return found, nil
}

// List implements [kit.UserLister].
func (u *Users) List(ctx context.Context, after string, limit int) ([]kit.User, error) {
	slot := u.s.keys.users
	ids := index[kit.User]{u.entries(slot.ids(), "+"), slot.record, readUser}
	return call(ctx, u.s, "list users", func(ctx context.Context) ([]kit.User, error) {
		return ids.page(ctx, u.s, "("+after, limit)
	})
}

// ListByEmail implements [kit.UserLister].
func (u *Users) ListByEmail(ctx context.Context, prefix, after string, limit int) ([]kit.User, error) {
	prefix, after = kit.EmailKey(prefix), kit.EmailKey(after)
	slot := u.s.keys.users
	emails := index[kit.User]{
		entries: u.entries(slot.emails(), behind(prefix)),
		key:     func(entry string) string { return slot.record(idIn(entry)) },
		read: func(entry, record string) (kit.User, error) {
			user, err := readUser(idIn(entry), record)
			if key := kit.EmailKey(user.Email); err == nil && (entryOf(key, user.ID) != entry || key <= after || !strings.HasPrefix(key, prefix)) {
				err = redis.Nil
			}
			return user, err
		},
	}
	return call(ctx, u.s, "list users by email", func(ctx context.Context) ([]kit.User, error) {
		return emails.page(ctx, u.s, "["+max(prefix, after+"\x01"), limit) // behind the entry of after
	})
}

// entries returns how to read one of the two indexes of users, up to end. All users are in
// one hash slot, so each index is one sorted set.
func (u *Users) entries(key, end string) func(ctx context.Context, begin string, limit int) ([]string, error) {
	return func(ctx context.Context, begin string, limit int) ([]string, error) {
		return u.s.client.ZRangeByLex(ctx, key, &redis.ZRangeBy{Min: begin, Max: end, Count: int64(limit)}).Result()
	}
}

// behind returns the end of the texts that begin with prefix, as ZRANGEBYLEX takes it: it is
// the first text that is greater than all of them. Its last byte is raised, and those that
// cannot be are left out.
func behind(prefix string) string {
	end := []byte(prefix)
	for len(end) > 0 && end[len(end)-1] == 0xff {
		end = end[:len(end)-1]
	}
	if len(end) == 0 {
		return "+"
	}
	end[len(end)-1]++
	return "(" + string(end)
}

// entryOf returns what an index by a key has for a record: that of addresses for a user, and
// that of users for a token. A zero byte is in no key and in no ID, and sorts before all others, so
// that the entries sort as the keys do.
func entryOf(key, id string) string { return key + "\x00" + id }

// idIn returns the ID in an entry of an index.
func idIn(entry string) string { return entry[strings.LastIndexByte(entry, 0)+1:] }
