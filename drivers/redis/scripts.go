package redis

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Every change is one of these scripts. The rules for all of them:
//
//   - every key is declared, so that a cluster sends the script where they are, also
//     while it moves them;
//   - whatever can fail comes before the first change, because Redis keeps what a
//     script has changed before it fails. Reading finds a key of a wrong type; for want
//     of memory, replicas or a disk Redis refuses only the first change, and for want of
//     memory not if that removes something;
//   - versions and times are compared as text, since Lua's numbers end at 2^53.

// What scripts answer. A string is the address in the record, where that is not the
// one whose key the caller has declared.
const (
	answerDone     = 1
	answerAbsent   = 0
	answerConflict = -1
	answerExists   = -2
)

// damagedCode begins the error of a script that met a record it does not know.
const damagedCode = "MYAUTHDAMAGED"

// luaRead returns the schema of a record and other fields, or nothing and what the
// script then answers.
const luaRead = `
local function read(key, ...)
  local values = redis.call('HMGET', key, 'schema', ...)
  for _, value in ipairs(values) do
    if not value then
      if redis.call('EXISTS', key) == 0 then return nil, 0 end
      return nil, redis.error_reply('MYAUTHDAMAGED a field is missing')
    end
  end
  if values[1] ~= '` + schema + `' then return nil, redis.error_reply('MYAUTHDAMAGED another schema') end
  return values
end
`

var (
	// KEYS: user, address. ARGV: ID, fields and values.
	userCreate = redis.NewScript(`
if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then return -2 end
redis.call('SET', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1
`)

	// The keys of addresses are left out while the address stays as it is spelled: what
	// touches one key gets through while a cluster moves the slot.
	//
	// KEYS: user[, old address, new address]. ARGV: ID, version, old address, fields and
	// values.
	userUpdate = redis.NewScript(luaRead + `
local user, answer = read(KEYS[1], 'version', 'email')
if not user then return answer end
if user[2] ~= ARGV[2] then return -1 end
if user[3] ~= ARGV[3] then return user[3] end
if not KEYS[2] then
  redis.call('HSET', KEYS[1], unpack(ARGV, 4))
  return 1
end
local old, new = redis.call('GET', KEYS[2]), redis.call('GET', KEYS[3])
if new and new ~= ARGV[1] then return -2 end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
if old == ARGV[1] then redis.call('DEL', KEYS[2]) end
redis.call('SET', KEYS[3], ARGV[1])
return 1
`)

	// KEYS: user, address. ARGV: ID, address.
	userDelete = redis.NewScript(luaRead + `
local user, answer = read(KEYS[1], 'email')
if not user then return answer end
if user[2] ~= ARGV[2] then return user[2] end
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
redis.call('DEL', KEYS[1])
return 1
`)

	// ZCARD only fails where there is no sorted set.
	//
	// KEYS: token, tokens of the user, expiry. ARGV: ID, entry of expiry, fields and values.
	tokenCreate = redis.NewScript(`
redis.call('ZCARD', KEYS[2])
redis.call('ZCARD', KEYS[3])
if redis.call('EXISTS', KEYS[1]) == 1 then return -1 end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('ZADD', KEYS[3], 0, ARGV[2])
return 1
`)

	// KEYS: token, expiry. ARGV: ID, version, new expiry, fields and values.
	tokenUpdate = redis.NewScript(luaRead + `
local token, answer = read(KEYS[1], 'version', 'user_id', 'expires_at')
if not token then return answer end
if token[2] ~= ARGV[2] then return -1 end
if token[4] ~= ARGV[3] then
  local rest = '\0' .. token[3] .. '\0' .. ARGV[1]
  redis.call('ZADD', KEYS[2], 0, ARGV[3] .. rest)
  redis.call('ZREM', KEYS[2], token[4] .. rest)
end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
return 1
`)

	// It removes those tokens to whose record the entry of expiry belongs, and the other
	// entries: they are older than the record, or have none. A damaged record stays with
	// its entry. It answers how many tokens it removed, and how many are damaged.
	//
	// KEYS: expiry, for each token its key and that of the tokens of its user. ARGV: for
	// each token its ID and the entry of expiry.
	tokensDelete = redis.NewScript(luaRead + `
redis.call('ZCARD', KEYS[1])
local removed, damaged = 0, 0
for i = 2, #KEYS, 2 do
  local id, entry = ARGV[i - 1], ARGV[i]
  local token, answer = read(KEYS[i], 'expires_at', 'user_id')
  if token and token[2] .. '\0' .. token[3] .. '\0' .. id == entry then
    redis.call('ZREM', KEYS[i + 1], id)
    redis.call('DEL', KEYS[i])
    removed = removed + 1
  end
  if token or answer == 0 then redis.call('ZREM', KEYS[1], entry) else damaged = damaged + 1 end
end
return {removed, damaged}
`)

	// A command that the server refuses, because it was renamed or the user may not
	// run it, would end another script half-way. So this one tries all of them. KEYS: one
	// that holds nothing, and again afterwards.
	everyCommand = redis.NewScript(`
redis.call('DEL', KEYS[1])
local refused
for _, words in ipairs({
  {'EXISTS'}, {'SET', ''}, {'GET'}, {'DEL'}, {'HSET', '', ''}, {'HMGET', ''}, {'DEL'},
  {'ZADD', 0, ''}, {'ZCARD'}, {'ZRANGEBYLEX', '-', '+'}, {'ZREM', ''}, {'DEL'},
}) do
  local answer = redis.pcall(words[1], KEYS[1], unpack(words, 2))
  if type(answer) == 'table' and answer.err then refused = refused or answer end
end
return refused or 1
`)
)

// write runs a script that changes something.
func (s *Store) write(ctx context.Context, script *redis.Script, keys []string, args ...any) *redis.Cmd {
	return script.Run(ctx, onceClient{s.client}, keys, args...)
}

// onceClient sends scripts as commands that go-redis does not repeat by itself: see the
// package comment.
type onceClient struct{ redis.UniversalClient }

func (c onceClient) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	return c.send(ctx, "evalsha", sha, keys, args)
}

func (c onceClient) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	return c.send(ctx, "eval", script, keys, args)
}

func (c onceClient) send(ctx context.Context, name, script string, keys []string, args []any) *redis.Cmd {
	words := append(make([]any, 0, 3+len(keys)+len(args)), name, script, len(keys))
	for _, key := range keys {
		words = append(words, key)
	}
	cmd := redis.NewCmd(ctx, append(words, args...)...)
	cmd.SetFirstKeyPos(3)
	_ = c.Process(ctx, &once{Cmd: cmd}) // the error is the command's, too
	return cmd
}

// once is a command that go-redis sends again only where the server has done nothing:
// after a redirection, for which it does not ask, and while a cluster moves a slot, when
// the keys of a script are not all on one side yet.
type once struct {
	*redis.Cmd
	moving bool // the slot, when the last attempt came
}

// SetErr implements [redis.Cmder]: it hears how an attempt ended.
func (c *once) SetErr(err error) {
	c.moving = redis.IsTryAgainError(err)
	c.Cmd.SetErr(err)
}

// NoRetry implements [redis.Cmder]. It is also asked before it hears of an attempt, whose
// answer may be lost. So what it has heard counts once.
func (c *once) NoRetry() bool {
	moving := c.moving
	c.moving = false
	return !moving
}
