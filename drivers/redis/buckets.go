package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"myauth.internal/kit"
	"myauth.internal/kit/throttle"
)

// Buckets implements [throttle.Buckets]: a throttle that several instances share. Each bucket
// is one key, and a change of it one script after one read.
type Buckets struct{ s *Store }

var _ throttle.Buckets = (*Buckets)(nil)

// Buckets returns the store's buckets, for throttle.Options.Shared.
func (s *Store) Buckets() *Buckets { return &Buckets{s} }

// bucketRounds bounds how often a change is tried. Each time that it was in vain another one
// came first.
const bucketRounds = 1000

var errContention = fmt.Errorf("%w: too many calls change one bucket at once", kit.ErrUnavailable)

// It replaces the value of a bucket, or answers what another call stored meanwhile.
//
// KEYS: bucket. ARGV: value that was read, new value.
var bucketChange = redis.NewScript(`
local value = redis.call('GET', KEYS[1]) or ''
if value ~= ARGV[1] then return value end
redis.call('SET', KEYS[1], ARGV[2])
return 1
`)

// Change implements [throttle.Buckets].
func (b *Buckets) Change(ctx context.Context, n int, change func(old []byte) []byte) error {
	key := b.s.keys.bucket(n)
	value, err := call(ctx, b.s, "read a bucket", func(ctx context.Context) (string, error) {
		value, err := b.s.client.Get(ctx, key).Result()
		if errors.Is(err, redis.Nil) {
			return "", nil // the bucket is empty
		}
		return value, err
	})
	for range bucketRounds {
		if err != nil {
			return err
		}
		want := change([]byte(value))
		if want == nil {
			return nil
		}
		var stored bool
		value, err = call(ctx, b.s, "change a bucket", func(ctx context.Context) (string, error) {
			answer, err := b.s.write(ctx, bucketChange, []string{key}, value, want).Result()
			switch answer := answer.(type) {
			case int64:
				stored = answer == answerDone
				return "", err
			case string:
				return answer, err
			}
			if err == nil {
				err = errAnswer
			}
			return "", err
		})
		if err == nil && stored {
			return nil
		}
	}
	return fmt.Errorf("redis: change a bucket: %w", errContention)
}

// bucket returns the name of the key of a bucket, each in a hash slot of its own.
func (k *keys) bucket(n int) string { return k.buckets + strconv.Itoa(n) + "}" }
