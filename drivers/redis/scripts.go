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
//   - versions and times are compared as text, since Lua's numbers end at 2^53. Times are
//     digits, which sort the same in every locale of the server.

// What scripts answer.
const (
	answerDone     = 1
	answerAbsent   = 0
	answerConflict = -1
	answerExists   = -2
	answerIndex    = -3 // an index changes, too, and was not declared
)

// The beginnings of the errors of scripts that met a record they do not know.
const (
	damagedCode = "MYAUTHDAMAGED"
	newerCode   = "MYAUTHNEWER"
)

// luaRead returns the words of a record behind its form as a pattern finds them, and the record, or
// nothing and what the script then answers.
const luaRead = `
local function read(key, pattern)
  local record = redis.pcall('GET', key)
  if not record then return nil, 0 end
  if record.err then return nil, record end
  local form = string.match(record, '^([^%z]*)%z')
  if (tonumber(form) or 0) > ` + form + ` then return nil, redis.error_reply('MYAUTHNEWER form') end
  if form ~= '` + form + `' then return nil, redis.error_reply('MYAUTHDAMAGED another form') end
  local found = {string.match(record, pattern, #form + 2)}
  if not found[1] then return nil, redis.error_reply('MYAUTHDAMAGED a word is missing') end
  return found, record
end
`

// The patterns of a user, version and address, and of a token: version, user, where the time is
// under which it is filed, that time, and the expiry.
const (
	luaUser  = `'^([^%z]*)%z([^%z]*)%z'`
	luaToken = `'^([^%z]*)%z([^%z]*)%z[^%z]*%z()(` + luaStamp + `)%z(` + luaStamp + `)%z'`
	luaStamp = `%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d`
)

// luaTaken reports whether the index of addresses has one.
const luaTaken = `
local function taken(emails, email)
  return #redis.call('ZRANGEBYLEX', emails, '[' .. email .. '\0', '(' .. email .. '\1', 'LIMIT', 0, 1) > 0
end
`

// A script that reads may look for a record that it did not declare, because its ID is not known before. If
// it does not see that, the caller reads it with a command.

// userByEmail answers the ID of the user with the first of some addresses, and the
// record if it sees it, which in a cluster may be on another server while the slot moves; nothing if there
// is no such address.
//
// KEYS: addresses. ARGV: begin, end, beginning of the keys of users.
var userByEmail = redis.NewScript(`
local entry = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, 1)[1]
if not entry then return false end
local id = string.match(entry, '[^%z]*$')
local user = redis.pcall('GET', ARGV[3] .. id)
if type(user) == 'table' and not string.find(user.err, 'non local key', 1, true) then return user end
if type(user) ~= 'string' then return {id} end
return {id, user}
`)

// tokenWithUser answers the record of a token, and that of its user if it sees it; nothing if there is
// no such token. It is not for a cluster, where the two are in different slots.
//
// KEYS: token. ARGV: beginning of the keys of users.
var tokenWithUser = redis.NewScript(`
local token = redis.call('GET', KEYS[1])
if not token then return false end
local owner = string.match(token, '^[^%z]*%z[^%z]*%z([^%z]*)%z')
local user = owner and redis.pcall('GET', ARGV[1] .. owner)
if type(user) ~= 'string' then return {token} end
return {token, user}
`)

// ZCARD only fails where there is no sorted set.
var (
	// KEYS: user, IDs, addresses. ARGV: ID, address, record.
	userCreate = redis.NewScript(luaTaken + `
redis.call('ZCARD', KEYS[2])
if redis.call('EXISTS', KEYS[1]) == 1 or taken(KEYS[3], ARGV[2]) then return -2 end
redis.call('SET', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('ZADD', KEYS[3], 0, ARGV[2] .. '\0' .. ARGV[1])
return 1
`)

	// The index of addresses is left out while the address stays: what touches one key
	// gets through while a cluster moves the slot.
	//
	// KEYS: user[, addresses]. ARGV: ID, version, address, record.
	userUpdate = redis.NewScript(luaRead + luaTaken + `
local user, answer = read(KEYS[1], ` + luaUser + `)
if not user then return answer end
if user[1] ~= ARGV[2] then return -1 end
if user[2] ~= ARGV[3] then
  if not KEYS[2] then return -3 end
  if taken(KEYS[2], ARGV[3]) then return -2 end
  redis.call('ZADD', KEYS[2], 0, ARGV[3] .. '\0' .. ARGV[1])
  redis.call('ZREM', KEYS[2], user[2] .. '\0' .. ARGV[1])
end
redis.call('SET', KEYS[1], ARGV[4])
return 1
`)

	// KEYS: user, IDs, addresses. ARGV: ID.
	userDelete = redis.NewScript(luaRead + `
local user, answer = read(KEYS[1], ` + luaUser + `)
if not user then return answer end
redis.call('ZCARD', KEYS[2])
redis.call('ZCARD', KEYS[3])
redis.call('ZREM', KEYS[3], user[2] .. '\0' .. ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[1])
return 1
`)

	// KEYS: token, users, expiry. ARGV: entry of users, entry of expiry, record.
	tokenCreate = redis.NewScript(`
redis.call('ZCARD', KEYS[2])
redis.call('ZCARD', KEYS[3])
if redis.call('EXISTS', KEYS[1]) == 1 then return -1 end
redis.call('SET', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('ZADD', KEYS[3], 0, ARGV[2])
return 1
`)

	// Each refresh runs it. A token stays filed as it is while its expiry is not before that, so
	// most updates write the record alone; the index is left out while it does not change, as
	// that of addresses is. The record begins with its version, user and type, which say whether
	// it is the one that the caller has read.
	//
	// KEYS: token[, expiry]. ARGV: what the record has before the time under which it is filed;
	// what the new one has before it, and behind it, where the new expiry comes first[; the
	// token's entry of expiry under that].
	tokenUpdate = redis.NewScript(`
local record, head, sub = redis.call('GET', KEYS[1]), ARGV[1], string.sub
local filed = record and sub(record, 1, #head) == head and string.match(record, '^(` + luaStamp + `)%z', #head + 1)
if not filed then` + luaRead + `
  local token, answer = read(KEYS[1], ` + luaToken + `)
  return token and -1 or answer
end
local expiry = sub(ARGV[3], 2, 19)
if expiry < filed then
  if not KEYS[2] then return -3 end
  redis.call('ZADD', KEYS[2], 0, ARGV[4])
  redis.call('ZREM', KEYS[2], filed .. sub(ARGV[4], 19))
  filed = expiry
end
redis.call('SET', KEYS[1], ARGV[2] .. filed .. ARGV[3])
return 1
`)

	// KEYS: token, users, expiry. ARGV: ID, version.
	tokenDelete = redis.NewScript(luaRead + `
local token, answer = read(KEYS[1], ` + luaToken + `)
if not token then return answer end
if token[1] ~= ARGV[2] then return -1 end
redis.call('ZCARD', KEYS[2])
local entry = token[2] .. '\0' .. ARGV[1]
redis.call('ZREM', KEYS[3], token[4] .. '\0' .. entry)
redis.call('ZREM', KEYS[2], entry)
redis.call('DEL', KEYS[1])
return 1
`)

	// It looks at tokens that are filed up to some time until it has removed enough. One that has
	// not expired then, because it was extended, is filed anew under its expiry; its version
	// stays, since its caller has to notice nothing. An entry that is not its record's is removed:
	// it is older than the record, or has none. A record of a newer version stays with its entry,
	// and so does a damaged one. It answers how many tokens it removed, and how many are
	// damaged. Its first change removes something, so full memory stops no purge.
	//
	// KEYS: users, expiry, the tokens. ARGV: the time, how many to remove, the entries of expiry
	// of the tokens.
	tokensPurge = redis.NewScript(luaRead + `
redis.call('ZCARD', KEYS[1])
redis.call('ZCARD', KEYS[2])
local removed, damaged, limit = 0, 0, tonumber(ARGV[2])
for i = 3, #KEYS do
  if removed == limit then break end
  local filed, owned = string.match(ARGV[i], '^([^%z]*)%z(.*)$')
  local token, record = read(KEYS[i], ` + luaToken + `)
  if token or record == 0 then
    redis.call('ZREM', KEYS[2], ARGV[i])
  elseif not string.find(record.err, 'MYAUTHNEWER', 1, true) then
    damaged = damaged + 1
  end
  if token and token[4] == filed and token[2] == string.match(owned, '^[^%z]*') then
    local at, expiry = token[3], token[5]
    if expiry > ARGV[1] then
      redis.call('ZADD', KEYS[2], 0, expiry .. '\0' .. owned)
      redis.call('SET', KEYS[i], string.sub(record, 1, at - 1) .. expiry .. string.sub(record, at + #expiry))
    else
      redis.call('ZREM', KEYS[1], owned)
      redis.call('DEL', KEYS[i])
      removed = removed + 1
    end
  end
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
  {'EXISTS'}, {'SET', ''}, {'GET'}, {'DEL'},
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
