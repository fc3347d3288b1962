-- Policy: { name, limit, windowMs }. State: startMs, previous, current. Needs epoch.lua and ratio.lua.
algorithms['sliding-window'] = {
  -- startMs, previous, current; and whether it was repaired
  settle = function(policy, now, _, start, previous, current)
    if not start then return now, 0, 0 end
    local window, elapsed = policy[3], now - time_of(start)
    if elapsed >= 2 * window then
      previous, current = 0, 0
    elseif elapsed >= window then
      previous, current = current, 0
      if previous > 0 then return time_of(start) + window, previous, 0 end
    end
    if previous == 0 and current == 0 then return epoch_after(start, now), 0, 0 end
    if elapsed < 0 then return now, previous, current, nil, true end
    return start, previous, current
  end,

  fits = function(policy, now, cost, start, previous, current)
    local window = policy[3]
    local left = math.min(window, time_of(start) + window - now)
    local weighted = previous - floor_of_ratio(window - left, previous, window)
    return cost <= policy[2] - current - weighted
  end,

  -- the new settled state
  charge = function(_, _, cost, start, previous, current)
    return start, previous, current + cost
  end,

  -- the value, and its lifetime
  write = function(policy, now, blocked, start, previous, current)
    local windows = current > 0 and 2 or 1
    return pack(VERSION, blocked, start, previous, current), time_of(start) + windows * policy[3] - now
  end,

  -- startMs, previous, current
  report = function(result, n, _, _, start, previous, current)
    result[n + 1], result[n + 2], result[n + 3] = start, previous, current
    return n + 3
  end,
}
