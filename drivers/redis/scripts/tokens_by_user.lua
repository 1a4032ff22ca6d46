-- KEYS: the tokens of the user. ARGV: the id to begin after, how many, what the key
-- of a record begins with. Returns version, data, user and type of each.
local from = '-'
if ARGV[1] ~= '' then
  from = '(' .. ARGV[1]
end
local found = {}
for _, id in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], from, '+', 'LIMIT', 0, ARGV[2])) do
  found[#found + 1] = redis.call('HMGET', ARGV[3] .. id, 'version', 'data', 'user_id', 'token_type')
end
return found
