-- Writes entries under keys that do not exist yet.
--
-- KEYS[1]      the lane of the caller (see once.lua)
-- KEYS[2...]   the entries, each once
-- ARGV[1]      the number of this script on its lane
-- ARGV[2...]   for each entry its value as JSON, and the time at which it expires
--
-- Result       the entries, counted from 0, that were not written because their keys exist

--@include "includes/now.lua"
--@include "includes/once.lua"
--@include "includes/entry.lua"
--@include "includes/json.lua"
if repeated(KEYS[1], ARGV[1]) then return REPEATED end

local now = clock('')
local left, written = {}, false
for i = 2, #KEYS do
  local life = tonumber(ARGV[2 * i - 1]) - now
  if life > 0 then
    if redis.call('SET', KEYS[i], from_json(ARGV[2 * i - 2]), 'NX', 'PX', life) then
      written = true
    else
      left[#left + 1] = i - 2
    end
  end
end
if written then remember(KEYS[1], ARGV[1]) end
return left
