-- Policy: { name, limit, windowMs }. State: startMs, used.
algorithms['fixed-window'] = {
  -- startMs, used
  settle = function(policy, now, value)
    if not value then return now, 0 end
    local _, _, start, used = unpack_one(value)
    if not start or used == 0 or now - start >= policy[3] then return now, 0 end
    return start, used
  end,

  fits = function(policy, _, cost, _, used)
    return used + cost <= policy[2]
  end,

  -- the new value, its lifetime, and the new state settled
  charge = function(policy, now, cost, blocked, start, used)
    used = used + cost
    return pack(VERSION, blocked, start, used), start + policy[3] - now, start, used
  end,

  -- startMs, used
  report = function(result, n, _, _, start, used)
    result[n + 1], result[n + 2] = start, used
    return n + 2
  end,
}
