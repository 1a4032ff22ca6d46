-- KEYS: the address. ARGV: what the key of a record begins with.
local id = redis.call('GET', KEYS[1])
if not id then
  return {false, false}
end
return redis.call('HMGET', ARGV[1] .. id, 'version', 'data')
