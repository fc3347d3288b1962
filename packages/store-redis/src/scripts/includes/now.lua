-- The time in whole milliseconds: the given time in tests, otherwise the server's.
local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- The PX argument for a lifetime. If a test sets the time, the key lives longer, because this server expires keys by its own
-- clock, which does not follow the test's.
local function px(given, ttl)
  if given ~= '' then ttl = ttl + 3600000 end
  return ttl
end
