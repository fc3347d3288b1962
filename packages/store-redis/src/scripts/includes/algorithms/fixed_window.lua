-- Policy: { name, limit, windowMs }. State: startMs, used. Needs epoch.lua.
algorithms['fixed-window'] = {
  -- startMs, used; and whether it was repaired
  settle = function(policy, now, _, start, used)
    if not start then return now, 0 end
    local elapsed = now - time_of(start)
    if used == 0 or elapsed >= policy[3] then return epoch_after(start, now), 0 end
    if elapsed < 0 then return now, used, nil, nil, true end
    return start, used
  end,

  fits = function(policy, _, cost, _, used)
    return used + cost <= policy[2]
  end,

  -- the new settled state
  charge = function(_, _, cost, start, used)
    return start, used + cost
  end,

  -- the value, and its lifetime
  write = function(policy, now, blocked, start, used)
    return pack(VERSION, blocked, start, used), time_of(start) + policy[3] - now
  end,

  -- startMs, used
  report = function(result, n, _, _, start, used)
    result[n + 1], result[n + 2] = start, used
    return n + 2
  end,
}
