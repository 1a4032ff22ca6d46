package redis

import (
	"context"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

// orderStep has the order of IDs learn of up to ARGV[2] users from that of addresses, behind the
// entry ARGV[1]. It answers how many entries it read, and the last. While both have as many
// entries there is nothing to do, nor where another program has one of the keys: the calls
// report that. It sees each user with the entry in the order of addresses, and so adds nobody
// who was deleted meanwhile.
//
// KEYS: IDs, addresses. ARGV: begin, number.
var orderStep = redis.NewScript(`
local ids, emails = redis.pcall('ZCARD', KEYS[1]), redis.pcall('ZCARD', KEYS[2])
if type(ids) ~= 'number' or type(emails) ~= 'number' or ids >= emails then return {0, ''} end
local entries = redis.call('ZRANGEBYLEX', KEYS[2], ARGV[1], '+', 'LIMIT', 0, ARGV[2])
if #entries == 0 then return {0, ''} end
local members = {}
for _, entry in ipairs(entries) do
  members[#members + 1] = 0
  members[#members + 1] = string.match(entry, '[^%z]*$')
end
redis.call('ZADD', KEYS[1], unpack(members))
return {#entries, entries[#entries]}
`)

// buildOrder completes the order of users by ID, where users are without it: because it was
// removed, or something that knew of no lists has written them. The order of addresses has all
// users, since it is what makes an address unique. Each step is one script, so other stores go
// on, and may build too; one that is interrupted is finished when a store opens next. It
// looks at two numbers where nothing is to do.
func (s *Store) buildOrder(ctx context.Context, log *slog.Logger) error {
	slot, begin, read := s.keys.users, "-", int64(0)
	for {
		n, last, err := s.buildStep(ctx, []string{slot.ids(), slot.emails()}, begin)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		if read == 0 {
			log.InfoContext(ctx, "redis: users are without their order by ID: it is built, once", "key", slot.ids())
		}
		read, begin = read+n, "("+last
	}
	if read > 0 {
		log.InfoContext(ctx, "redis: the order of users by ID is built", "key", slot.ids(), "users", read)
	}
	return nil
}

// stepTimeout bounds one step, which takes some milliseconds.
const stepTimeout = 10 * time.Second

func (s *Store) buildStep(ctx context.Context, keys []string, begin string) (n int64, last string, err error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	err = do(ctx, s, "build the order of users", func(ctx context.Context) error {
		answer, err := s.write(ctx, orderStep, keys, begin, maxBatch).Slice()
		if err != nil {
			return err
		}
		if len(answer) != 2 {
			return errAnswer
		}
		n, _ = answer[0].(int64)
		last, _ = answer[1].(string)
		return nil
	})
	return n, last, err
}
