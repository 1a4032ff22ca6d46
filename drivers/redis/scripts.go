package redis

import (
	"crypto/sha1" //nolint:gosec // it is how Redis names scripts
	"encoding/hex"
)

// script is a Lua script. The rules for all of them:
//
//   - every key is declared, so that a cluster sends the script where they are, also
//     while they move;
//   - whatever can fail comes before the first change, because Redis keeps what a
//     script has changed before it fails. WRONGTYPE is found by reading; and Redis
//     itself refuses for want of memory, of replicas or of a disk only before a
//     script's first change;
//   - versions and times are compared as bytes, since Lua's numbers end at 2^53.
type script struct{ text, sha string }

func newScript(text string) *script {
	sum := sha1.Sum([]byte(text))
	return &script{text: text, sha: hex.EncodeToString(sum[:])}
}

// What scripts answer. A string is the address in the record, where it is not the
// one that the caller has declared the key of.
const (
	answerDone     = 1
	answerAbsent   = 0
	answerConflict = -1
	answerExists   = -2
)

// damagedCode begins the error of a script that met a record it does not know.
const damagedCode = "MYAUTHDAMAGED"

// userHead reads a user's record into rec, and its address into email. What it takes
// for a record ends where the address does; the fields behind are the reader's.
const userHead = `
local rec = redis.call('GET', KEYS[1])
if not rec then return 0 end
local a, b, c, d = string.byte(rec, 10, 13)
if string.byte(rec, 1) ~= 1 or not d then return redis.error_reply('MYAUTHDAMAGED user') end
local last = 13 + ((a * 256 + b) * 256 + c) * 256 + d
if last > #rec then return redis.error_reply('MYAUTHDAMAGED user') end
local email = string.sub(rec, 14, last)
`

// tokenHead reads a token's record into rec. Its user's ID with its length stands
// from 18 to user, and its type ends at last.
const tokenHead = `
local function head(rec)
  local a, b, c, d = string.byte(rec, 18, 21)
  if string.byte(rec, 1) ~= 1 or not d then return nil end
  local user = 21 + ((a * 256 + b) * 256 + c) * 256 + d
  a, b, c, d = string.byte(rec, user + 1, user + 4)
  if not d then return nil end
  local last = user + 4 + ((a * 256 + b) * 256 + c) * 256 + d
  if last > #rec then return nil end
  return user, last
end
`

// userLists is for the lists of users: see list.go. Unlist takes entries out of those
// of some users, given a set of entries for each; it reads all of them before it
// changes one.
const userLists = `
local escapes = {['\0'] = '\1\1', ['\1'] = '\1\2'}
local function entry(id) return (string.gsub(id, '[%z\1]', escapes)) .. '\0' end
local function unlist(users, ended)
  local lists = redis.call('HMGET', KEYS[2], unpack(users))
  local changed, empty = {}, {}
  for i, user in ipairs(users) do
    if lists[i] then
      local list = string.gsub(lists[i], '[^%z]*%z', ended[i])
      if list == '' then
        empty[#empty + 1] = user
      else
        changed[#changed + 1] = user
        changed[#changed + 1] = list
      end
    end
  end
  if #changed > 0 then redis.call('HSET', KEYS[2], unpack(changed)) end
  if #empty > 0 then redis.call('HDEL', KEYS[2], unpack(empty)) end
end
`

var (
	// KEYS: user, email. ARGV: record, ID.
	userCreate = newScript(`
if redis.call('GET', KEYS[1]) or redis.call('GET', KEYS[2]) then return -2 end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], ARGV[2])
return 1
`)

	// An update that leaves the address as it is spelled touches one key, so it
	// gets through while a cluster moves the slot.
	//
	// KEYS: user. ARGV: version, email, new record.
	userUpdate = newScript(userHead + `
if string.sub(rec, 2, 9) ~= ARGV[1] then return -1 end
if email ~= ARGV[2] then return email end
redis.call('SET', KEYS[1], ARGV[3])
return 1
`)

	// KEYS: user, old email, new email. ARGV: version, old email, new record, ID.
	userMove = newScript(userHead + `
if string.sub(rec, 2, 9) ~= ARGV[1] then return -1 end
if email ~= ARGV[2] then return email end
local old, new = redis.call('GET', KEYS[2]), redis.call('GET', KEYS[3])
if new and new ~= ARGV[4] then return -2 end
redis.call('SET', KEYS[1], ARGV[3])
if KEYS[2] ~= KEYS[3] and old == ARGV[4] then redis.call('DEL', KEYS[2]) end
redis.call('SET', KEYS[3], ARGV[4])
return 1
`)

	// KEYS: user, email. ARGV: email, ID.
	userDelete = newScript(userHead + `
if email ~= ARGV[1] then return email end
local owner = redis.call('GET', KEYS[2])
redis.call('DEL', KEYS[1])
if owner == ARGV[2] then redis.call('DEL', KEYS[2]) end
return 1
`)

	// KEYS: records, users, expiry. ARGV: ID, record, user, expiry, entry of the list.
	tokenCreate = newScript(`
local list = redis.call('HGET', KEYS[2], ARGV[3])
redis.call('ZCARD', KEYS[3])
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return -1 end
redis.call('HSET', KEYS[2], ARGV[3], (list or '') .. ARGV[5])
redis.call('ZADD', KEYS[3], 0, ARGV[4] .. ARGV[1])
return 1
`)

	// KEYS: records, expiry. ARGV: ID, version, new version, new expiry, new fields.
	tokenUpdate = newScript(tokenHead + `
local rec = redis.call('HGET', KEYS[1], ARGV[1])
if not rec then return 0 end
local user, last = head(rec)
if not user then return redis.error_reply('MYAUTHDAMAGED token') end
if string.sub(rec, 2, 9) ~= ARGV[2] then return -1 end
local expiry = string.sub(rec, 10, 17)
if expiry ~= ARGV[4] then
  redis.call('ZREM', KEYS[2], expiry .. ARGV[1])
  redis.call('ZADD', KEYS[2], 0, ARGV[4] .. ARGV[1])
end
redis.call('HSET', KEYS[1], ARGV[1], '\1' .. ARGV[3] .. ARGV[4] .. string.sub(rec, 18, last) .. ARGV[5])
return 1
`)

	// KEYS: records, users, expiry. ARGV: ID.
	tokenDelete = newScript(tokenHead + userLists + `
local rec = redis.call('HGET', KEYS[1], ARGV[1])
if not rec then return 0 end
local user = head(rec)
if not user then return redis.error_reply('MYAUTHDAMAGED token') end
redis.call('ZCARD', KEYS[3])
unlist({string.sub(rec, 22, user)}, {{[entry(ARGV[1])] = ''}})
redis.call('ZREM', KEYS[3], string.sub(rec, 10, 17) .. ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
`)

	// An entry of the index without its record, as a damaged copy may have, is
	// removed and not counted. A damaged record stays with its entry, and the others
	// are purged all the same. KEYS: records, users, expiry. ARGV: beginning and end of
	// what has expired, limit. It answers how many entries it found, how many tokens it
	// removed, how many records were damaged, and the last entry that it found.
	tokensDeleteExpired = newScript(tokenHead + userLists + `
local found = redis.call('ZRANGEBYLEX', KEYS[3], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])
if #found == 0 then return {0, 0, 0, ''} end
local ids, gone, dead, damaged = {}, {}, {}, 0
local users, numbers, ended = {}, {}, {}
for i, indexed in ipairs(found) do ids[i] = string.sub(indexed, 9) end
local records = redis.call('HMGET', KEYS[1], unpack(ids))
for i, indexed in ipairs(found) do
  local rec = records[i]
  local user = rec and head(rec)
  if rec and not user then
    damaged = damaged + 1
  else
    gone[#gone + 1] = indexed
    if rec and string.sub(rec, 10, 17) == string.sub(indexed, 1, 8) then
      dead[#dead + 1] = ids[i]
      local id = string.sub(rec, 22, user)
      local n = numbers[id]
      if not n then
        n = #users + 1
        users[n], numbers[id], ended[n] = id, n, {}
      end
      ended[n][entry(ids[i])] = ''
    end
  end
end
if #dead > 0 then
  unlist(users, ended)
  redis.call('HDEL', KEYS[1], unpack(dead))
end
if #gone > 0 then redis.call('ZREM', KEYS[3], unpack(gone)) end
return {#found, #dead, damaged, found[#found]}
`)

	// A command that the server refuses, because it was renamed or the user may not
	// run it, would end a script of those above half-way. So this one runs all of
	// them, those first that it takes to leave nothing behind. KEYS: one that is not
	// there.
	everyCommand = newScript(`
redis.call('DEL', KEYS[1])
redis.call('HDEL', KEYS[1], '')
redis.call('ZREM', KEYS[1], '')
local refused
local function try(...)
  local answer = redis.pcall(...)
  if type(answer) == 'table' and answer.err then refused = refused or answer end
end
try('SET', KEYS[1], '')
try('GET', KEYS[1])
redis.call('DEL', KEYS[1])
try('HSETNX', KEYS[1], '', '')
try('HSET', KEYS[1], '', '')
try('HGET', KEYS[1], '')
try('HMGET', KEYS[1], '')
redis.call('DEL', KEYS[1])
try('ZADD', KEYS[1], 0, '')
try('ZCARD', KEYS[1])
try('ZRANGEBYLEX', KEYS[1], '-', '+')
redis.call('DEL', KEYS[1])
return refused or 1
`)
)
