-- KEYS: the record, the address. ARGV: id, version, address, data.
if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then
  return 'exists'
end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'email_key', ARGV[3], 'data', ARGV[4])
redis.call('SET', KEYS[2], ARGV[1])
return 'ok'
