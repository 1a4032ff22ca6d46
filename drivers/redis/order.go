package redis

import (
	"context"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

// orderStep has the order of IDs learn of up to ARGV[2] users from that of addresses, behind the
// entry ARGV[1]. It answers how many it has added, and the last entry that it read. It reads none
// while both have as many entries, nor where another program has one of the keys: the calls
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
return {redis.call('ZADD', KEYS[1], unpack(members)), entries[#entries]}
`)

// buildOrder completes the order of users by ID, where users are without it: because it was
// removed, or something that knew of no lists has written them. The order of addresses has all
// users, since it is what makes an address unique. Each step is one script, so other stores go
// on, and may build too; one that is interrupted is finished when a store opens next. It
// looks at two numbers where nothing is to do.
func (s *Store) buildOrder(ctx context.Context, log *slog.Logger) error {
	slot, begin, built := s.keys.users, "-", int64(0)
	for before := int64(0); ; {
		added, last, err := s.buildStep(ctx, []string{slot.ids(), slot.emails()}, begin)
		if err != nil {
			return err
		}
		if begin == "-" && last != "" && built == 0 {
			log.InfoContext(ctx, "redis: users are without their order by ID: it is built, once", "key", slot.ids())
		}
		built += added
		if last != "" {
			begin = "(" + last
			continue
		}
		if built == before {
			break
		}
		// Whoever got an address meanwhile that sorts before the steps was passed over.
		begin, before = "-", built
	}
	if built > 0 {
		log.InfoContext(ctx, "redis: the order of users by ID is built", "key", slot.ids(), "users", built)
	}
	return nil
}

// stepTimeout bounds one step, which takes some milliseconds.
const stepTimeout = 10 * time.Second

func (s *Store) buildStep(ctx context.Context, keys []string, begin string) (added int64, last string, err error) {
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
		added, _ = answer[0].(int64)
		last, _ = answer[1].(string)
		return nil
	})
	return added, last, err
}
