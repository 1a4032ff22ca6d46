-- KEYS: the record. ARGV: what the key of an address begins with.
local email = redis.call('HGET', KEYS[1], 'email_key')
if not email then
  return 'absent'
end
redis.call('DEL', KEYS[1], ARGV[1] .. email)
return 'ok'
