-- Policy: { name, rate, intervalMs, burst }. State: fullAtMs, numerator, rate, intervalMs, busySinceMs.
-- The arithmetic, and why it is exact, is explained in core's token-bucket.ts. Needs ratio.lua.

-- Converts units of a bucket with another interval to units of this one: rounded up, and at most what the bucket holds.
local function converted(units, old_interval, interval, burst)
  local tokens = math.floor(units / old_interval)
  if tokens >= burst or units > 9007199254740991 then return burst * interval end
  local rest = units - tokens * old_interval
  return tokens * interval + interval - floor_of_ratio(old_interval - rest, interval, old_interval)
end

-- The name of a busy period that starts now.
local function next_busy_since(busy_since, now)
  return busy_since >= now and busy_since + 1 or now
end

algorithms['token-bucket'] = {
  -- fullAtMs, numerator, busySinceMs, units missing; and whether it was repaired
  settle = function(policy, now, _, full_at, numerator, old_rate, old_interval, busy_since)
    if not full_at then return now, 0, now, 0 end
    local units = full_at < now and 0 or (full_at - now) * old_rate + numerator
    if units == 0 then return now, 0, next_busy_since(busy_since, now), 0 end
    local rate, interval, burst = policy[2], policy[3], policy[4]
    local same = old_rate == rate and old_interval == interval
    if same and units <= burst * interval then return full_at, numerator, busy_since, units end
    local used = same and burst * interval or converted(units, old_interval, interval, burst)
    local ahead = math.floor(used / rate)
    return now + ahead, used - ahead * rate, next_busy_since(busy_since, now), used, true
  end,

  fits = function(policy, _, cost, _, _, _, used)
    return cost * policy[3] <= policy[4] * policy[3] - used
  end,

  -- the new settled state
  charge = function(policy, now, cost, _, _, busy_since, used)
    local rate = policy[2]
    local units = used + cost * policy[3]
    local ahead = math.floor(units / rate)
    return now + ahead, units - ahead * rate, busy_since, units
  end,

  -- the value, and its lifetime
  write = function(policy, _, blocked, full_at, numerator, busy_since, used)
    return pack(VERSION, blocked, full_at, numerator, policy[2], policy[3], busy_since), math.ceil(used / policy[2])
  end,

  -- fullAtMs, numerator, busySinceMs
  report = function(result, n, _, _, full_at, numerator, busy_since)
    result[n + 1], result[n + 2], result[n + 3] = full_at, numerator, busy_since
    return n + 3
  end,
}
