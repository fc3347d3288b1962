-- Policy: { name, rate, intervalMs, burst }. State: { fullAtMs, numerator, rate, intervalMs, busySinceMs }.
-- The arithmetic, and why it is exact, is explained in core's token-bucket.ts.
algorithms['token-bucket'] = {
  -- fullAtMs, numerator, busySinceMs, units missing
  settle = function(state, policy, now)
    if not state or state[1] < now then return now, 0, now, 0 end
    local units = (state[1] - now) * state[3] + state[2]
    if units == 0 then return now, 0, now, 0 end
    local rate, interval = policy[2], policy[3]
    if state[3] == rate and state[4] == interval then return state[1], state[2], state[5], units end
    local used = math.min(math.ceil(units / state[4]), policy[4]) * interval
    local ahead = math.floor(used / rate)
    return now + ahead, used - ahead * rate, state[5], used
  end,

  fits = function(policy, _, cost, _, _, _, used)
    return cost * policy[3] <= policy[4] * policy[3] - used
  end,

  -- the new state, its lifetime, and the same settled
  charge = function(policy, now, cost, _, _, busy, used)
    local rate, interval = policy[2], policy[3]
    local units = used + cost * interval
    local ahead = math.floor(units / rate)
    local full_at, numerator = now + ahead, units - ahead * rate
    return { full_at, numerator, rate, interval, busy }, math.ceil(units / rate), full_at, numerator, busy
  end,

  -- fullAtMs, numerator, busySinceMs
  report = function(result, n, _, _, full_at, numerator, busy)
    result[n + 1], result[n + 2], result[n + 3] = full_at, numerator, busy
    return n + 3
  end,
}
