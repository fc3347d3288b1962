-- The time in whole milliseconds: the one given, for tests, or the server's.
local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- The PX argument for a lifetime. With a time given for a test the key outlives it: this server's clock, by which keys
-- expire, does not move with the test's.
local function px(given, ttl)
  if given ~= '' then ttl = ttl + 3600000 end
  return ttl
end
