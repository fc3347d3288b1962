-- Policy: { name, rate, intervalMs, burst }. State: fullAtMs, numerator, rate, intervalMs, busySinceMs.
-- The arithmetic, and why it is exact, is explained in core's token-bucket.ts.
algorithms['token-bucket'] = {
  -- fullAtMs, numerator, busySinceMs, units missing
  settle = function(policy, now, value)
    if not value then return now, 0, now, 0 end
    local _, _, full_at, numerator, old_rate, old_interval, busy_since = unpack_one(value)
    if not full_at or full_at < now then return now, 0, now, 0 end
    local units = (full_at - now) * old_rate + numerator
    if units == 0 then return now, 0, now, 0 end
    local rate, interval = policy[2], policy[3]
    if old_rate == rate and old_interval == interval then return full_at, numerator, busy_since, units end
    local used = math.min(math.ceil(units / old_interval), policy[4]) * interval
    local ahead = math.floor(used / rate)
    return now + ahead, used - ahead * rate, busy_since, used
  end,

  fits = function(policy, _, cost, _, _, _, used)
    return cost * policy[3] <= policy[4] * policy[3] - used
  end,

  -- the new value, its lifetime, and the new state settled
  charge = function(policy, now, cost, blocked, _, _, busy_since, used)
    local rate, interval = policy[2], policy[3]
    local units = used + cost * interval
    local ahead = math.floor(units / rate)
    local full_at, numerator = now + ahead, units - ahead * rate
    return pack(VERSION, blocked, full_at, numerator, rate, interval, busy_since),
      math.ceil(units / rate), full_at, numerator, busy_since
  end,

  -- fullAtMs, numerator, busySinceMs
  report = function(result, n, _, _, full_at, numerator, busy_since)
    result[n + 1], result[n + 2], result[n + 3] = full_at, numerator, busy_since
    return n + 3
  end,
}
