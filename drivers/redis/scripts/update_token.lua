-- KEYS: the record, the tokens by expiry. ARGV: id, version, next version, expiry, data.
local stored = redis.call('HMGET', KEYS[1], 'version', 'expires')
if not stored[1] then
  return 'absent'
end
if stored[1] ~= ARGV[2] then
  return 'conflict'
end
if stored[2] ~= ARGV[4] then
  redis.call('ZREM', KEYS[2], stored[2] .. ARGV[1])
  redis.call('ZADD', KEYS[2], 0, ARGV[4] .. ARGV[1])
end
redis.call('HSET', KEYS[1], 'version', ARGV[3], 'expires', ARGV[4], 'data', ARGV[5])
return 'ok'
