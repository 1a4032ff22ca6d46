package stores

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/redis"
	"myauth.internal/kit"
)

func BenchmarkRedis(b *testing.B) {
	url := servers.Redis(b)
	benchRedis(b, url, func(b *testing.B) goredis.UniversalClient {
		opts, err := goredis.ParseURL(url)
		if err != nil {
			b.Fatal(err)
		}
		return goredis.NewClient(opts)
	})
}

func BenchmarkRedisCluster(b *testing.B) {
	nodes := servers.RedisCluster(b)
	benchRedis(b, "redis://"+nodes[0]+"?cluster=true", func(b *testing.B) goredis.UniversalClient {
		return goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: nodes})
	})
}

// benchRedis has both stores on one server, each under a prefix of its own, and the driver on
// the client of Open, as most have it.
func benchRedis(b *testing.B, url string, connect func(b *testing.B) goredis.UniversalClient) {
	bench(b, func(b *testing.B) (driver, bare store) {
		client := connect(b)
		b.Cleanup(func() { client.Close() })
		opened, err := redis.Open(b.Context(), url, &redis.Options{Prefix: "bench-" + rand.Text()})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { opened.Close() })
		prefix := "{bare-" + rand.Text() + "}:"
		return store{users: opened.Users(), tokens: opened.Tokens()}, store{users: redisUsers{c: client, prefix: prefix}, tokens: redisTokens{c: client, prefix: prefix}}
	})
}

// redisUsers keeps a hash for each user, and the ID at the address. Like redisTokens it
// has the methods that the use cases call, and no others.
type redisUsers struct {
	kit.UserStore
	c      goredis.UniversalClient
	prefix string
}

func (s redisUsers) ByID(ctx context.Context, id string) (kit.User, error) {
	fields, err := s.c.HGetAll(ctx, s.prefix+"user:"+id).Result()
	if err == nil && len(fields) == 0 {
		err = kit.ErrNotFound
	}
	return kit.User{ID: id, Email: fields["email"]}, err
}

func (s redisUsers) ByEmail(ctx context.Context, email string) (kit.User, error) {
	id, err := s.c.Get(ctx, s.prefix+"email:"+email).Result()
	if errors.Is(err, goredis.Nil) {
		return kit.User{}, kit.ErrNotFound
	} else if err != nil {
		return kit.User{}, err
	}
	return s.ByID(ctx, id)
}

var createUser = goredis.NewScript(`
if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then return 0 end
redis.call('SET', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1`)

func (s redisUsers) Create(ctx context.Context, u kit.User) error {
	return done(ctx, createUser, s.c, kit.ErrUserExists, []string{s.prefix + "user:" + u.ID, s.prefix + "email:" + u.Email}, u.ID,
		"email", u.Email, "username", u.Username, "hash", string(u.PasswordHash), "roles", u.Roles[0], "settings", string(u.Settings), "private", string(u.Private), "factors", "",
		"verified", u.Verified, "active", u.Active, "epoch", u.SessionEpoch, "credentials", u.CredentialEpoch, "created", u.CreatedAt.UnixMicro(), "updated", u.UpdatedAt.UnixMicro(), "version", u.Version)
}

func (s redisUsers) Delete(ctx context.Context, id string) error {
	key := s.prefix + "user:" + id
	email, err := s.c.HGet(ctx, key, "email").Result()
	if err != nil {
		return err
	}
	return s.c.Del(ctx, key, s.prefix+"email:"+email).Err()
}

// redisTokens keeps a hash for each token, a set for each user, and all of them in the
// order of expiry.
type redisTokens struct {
	kit.TokenStore
	c      goredis.UniversalClient
	prefix string
}

func (s redisTokens) key(id string) string    { return s.prefix + "token:" + id }
func (s redisTokens) list(user string) string { return s.prefix + "tokens-of:" + user }
func (s redisTokens) expiry() string          { return s.prefix + "expiry" }

func (s redisTokens) ByID(ctx context.Context, id string) (kit.Token, error) {
	fields, err := s.c.HGetAll(ctx, s.key(id)).Result()
	if err != nil {
		return kit.Token{}, err
	} else if len(fields) == 0 {
		return kit.Token{}, kit.ErrNotFound
	}
	version, err := strconv.ParseInt(fields["version"], 10, 64)
	return kit.Token{ID: id, UserID: fields["user"], SecretHash: []byte(fields["hash"]), Version: version}, err
}

var createToken = goredis.NewScript(`
if redis.call('EXISTS', KEYS[1]) > 0 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[1])
return 1`)

func (s redisTokens) Create(ctx context.Context, t kit.Token) error {
	args := append([]any{t.ID, t.ExpiresAt.UnixMicro(), "type", string(t.Type), "user", t.UserID, "version", t.Version}, redisFields(t)...)
	return done(ctx, createToken, s.c, kit.ErrConflict, []string{s.key(t.ID), s.list(t.UserID), s.expiry()}, args...)
}

var updateToken = goredis.NewScript(`
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
return 1`)

func (s redisTokens) Update(ctx context.Context, t kit.Token) error {
	args := append([]any{t.ID, t.Version, t.ExpiresAt.UnixMicro(), "version", t.Version + 1}, redisFields(t)...)
	return done(ctx, updateToken, s.c, kit.ErrConflict, []string{s.key(t.ID), s.expiry()}, args...)
}

func redisFields(t kit.Token) []any {
	return []any{"session", t.SessionID, "epoch", t.Epoch, "hash", t.SecretHash, "previous", t.PreviousHash, "salt", t.Salt, "data", t.Data,
		"created", t.CreatedAt.UnixMicro(), "rotated", t.RotatedAt.UnixMicro(), "expires", t.ExpiresAt.UnixMicro(), "revoked", t.RevokedAt.UnixMicro()}
}

// deleteTokens removes tokens and returns how many. All keys are in one slot.
var deleteTokens = goredis.NewScript(`
for _, id in ipairs(ARGV) do
  local user = redis.call('HGET', KEYS[1] .. id, 'user')
  if user then
    redis.call('SREM', KEYS[2] .. user, id)
    redis.call('DEL', KEYS[1] .. id)
  end
end
return redis.call('ZREM', KEYS[3], unpack(ARGV))`)

// Delete, unlike the driver's, takes any version.
func (s redisTokens) Delete(ctx context.Context, id string, _ int64) error {
	return deleteTokens.Run(ctx, s.c, []string{s.key(""), s.list(""), s.expiry()}, id).Err()
}

// DeleteExpired, unlike the driver's, is not safe beside an Update.
func (s redisTokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	ids, err := s.c.ZRangeByScore(ctx, s.expiry(), &goredis.ZRangeBy{Min: "-inf", Max: strconv.FormatInt(before.UnixMicro(), 10), Count: int64(limit)}).Result()
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	return deleteTokens.Run(ctx, s.c, []string{s.key(""), s.list(""), s.expiry()}, args...).Int()
}

// done runs a script, which returns 0 when it has changed nothing.
func done(ctx context.Context, script *goredis.Script, c goredis.UniversalClient, refused error, keys []string, args ...any) error {
	n, err := script.Run(ctx, c, keys, args...).Int()
	if err == nil && n == 0 {
		err = refused
	}
	return err
}
