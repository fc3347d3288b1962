-- A client library may send a script again when the connection broke before the reply came, and the first one may have
-- run. Each caller counts its scripts on a lane of its own, so a number that is not larger than the last is a repetition.
local function repeated(lane, number)
  return tonumber(number) <= tonumber(redis.call('GET', lane) or '0')
end

-- Remembers that a script writes, before it does, and returns the server's answer. One that wrote nothing may as well run
-- again.
local function remember(lane, number)
  return redis.pcall('SET', lane, number, 'PX', '3600000')
end

local REPEATED = redis.error_reply('SLUICEREPEATED the script had run before and its reply was lost')
