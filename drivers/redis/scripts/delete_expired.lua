-- KEYS: the tokens by expiry. ARGV: the first expiry that stays, how many, what the
-- key of a record begins with, and that of a user's tokens. An expiry has 16
-- characters; the id follows.
local expired = redis.call('ZRANGEBYLEX', KEYS[1], '-', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
for _, member in ipairs(expired) do
  local id = string.sub(member, 17)
  local record = ARGV[3] .. id
  local user = redis.call('HGET', record, 'user_id')
  if user then
    redis.call('ZREM', ARGV[4] .. user, id)
  end
  redis.call('DEL', record)
  redis.call('ZREM', KEYS[1], member)
end
return #expired
