-- KEYS: the record, the tokens by expiry. ARGV: id, what the key of a user's tokens
-- begins with.
local stored = redis.call('HMGET', KEYS[1], 'expires', 'user_id')
if not stored[1] then
  return 'absent'
end
redis.call('DEL', KEYS[1])
redis.call('ZREM', ARGV[2] .. stored[2], ARGV[1])
redis.call('ZREM', KEYS[2], stored[1] .. ARGV[1])
return 'ok'
