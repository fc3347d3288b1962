-- If the connection breaks before the reply arrives, a client library may send a script again, although it may have run.
-- Each caller numbers its scripts on a lane that only it uses. So a number that is not larger than the last one is a
-- repetition.
local function repeated(lane, number)
  return tonumber(number) <= tonumber(redis.call('GET', lane) or '0')
end

-- Records that a script is about to write, and returns the server's answer. A script that wrote nothing may run again.
local function remember(lane, number)
  return redis.pcall('SET', lane, number, 'PX', '3600000')
end

local REPEATED = redis.error_reply('SLUICEREPEATED the script had run before and its reply was lost')
