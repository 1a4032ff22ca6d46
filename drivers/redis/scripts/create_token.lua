-- KEYS: the record, the tokens of its user, the tokens by expiry. ARGV: id, version,
-- expiry, user, type, data.
if redis.call('EXISTS', KEYS[1]) > 0 then
  return 'conflict'
end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'expires', ARGV[3], 'user_id', ARGV[4], 'token_type', ARGV[5], 'data', ARGV[6])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('ZADD', KEYS[3], 0, ARGV[3] .. ARGV[1])
return 'ok'
