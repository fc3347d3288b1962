-- Writes an entry if it still has the value that the caller saw. Otherwise, and if there is nothing to write, reads it. The
-- caller sees JSON.
--
-- KEYS[1]   the lane of the caller (see once.lua). Omitted while a cluster moves the slot, because the two keys might then be
--           on two servers
-- KEYS[2]   the entry
-- ARGV[1]   the number of this script on its lane
-- ARGV[2]   the time in milliseconds, or '' for the server's
-- ARGV[3]   the value that the caller saw, '' for none
-- ARGV[4]   the value to write, '' to read only
-- ARGV[5]   its lifetime in milliseconds
--
-- Result    { 1 if it was written, otherwise 0; the time; the previous value, or false }

--@include "includes/now.lua"
--@include "includes/once.lua"
--@include "includes/entry.lua"
--@include "includes/json.lua"
local lane, entry = KEYS[1], KEYS[2]
if not entry then lane, entry = nil, lane end
if lane and repeated(lane, ARGV[1]) then return REPEATED end

local now = clock(ARGV[2])
local current = to_json(redis.call('GET', entry))
if ARGV[4] == '' or (current or '') ~= ARGV[3] then return { 0, now, current } end

redis.call('SET', entry, from_json(ARGV[4]), 'PX', px(ARGV[2], tonumber(ARGV[5])))
if lane then remember(lane, ARGV[1]) end
return { 1, now, current }
