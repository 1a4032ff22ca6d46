-- KEYS: the record, the new address. ARGV: id, version, next version, new address,
-- data, what the key of an address begins with. Versions are compared as text:
-- numbers of Lua end at 2^53.
local stored = redis.call('HMGET', KEYS[1], 'version', 'email_key')
if not stored[1] then
  return 'absent'
end
if stored[1] ~= ARGV[2] then
  return 'conflict'
end
if stored[2] ~= ARGV[4] then
  if redis.call('EXISTS', KEYS[2]) > 0 then
    return 'exists'
  end
  redis.call('DEL', ARGV[6] .. stored[2])
  redis.call('SET', KEYS[2], ARGV[1])
end
redis.call('HSET', KEYS[1], 'version', ARGV[3], 'email_key', ARGV[4], 'data', ARGV[5])
return 'ok'
