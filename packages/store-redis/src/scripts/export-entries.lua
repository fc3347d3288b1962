-- Lists some of the entries of this server. It declares no keys, because it can't know them. On a cluster it is sent to
-- each master separately.
--
-- ARGV[1]   the cursor, '0' to start
-- ARGV[2]   the pattern of the keys
-- ARGV[3]   about how many keys to examine
--
-- Result    { the next cursor ('0' at the end), and then for each live string with a lifetime its key, its value as JSON
--           (false if it can't be read), and the time at which it expires }

--@include "includes/now.lua"
--@include "includes/entry.lua"
--@include "includes/json.lua"
local page = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
local now = clock('')
local result = { page[1] }
for _, key in ipairs(page[2]) do
  local life = redis.call('PTTL', key)
  local value = life > 0 and redis.pcall('GET', key)
  if type(value) == 'string' then
    local readable, text = pcall(to_json, value)
    local n = #result
    result[n + 1], result[n + 2], result[n + 3] = key, readable and text, now + life
  end
end
return result
