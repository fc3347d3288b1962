-- Policy: { name, limit, windowMs }. State: atMs, cost, atMs, cost, ..., oldest first.
algorithms['sliding-log'] = {
  -- the log without what has left the window, units used
  settle = function(policy, now, value)
    local all, log, used = value and (unpack_list(value)) or {}, {}, 0
    for i = 1, #all, 2 do
      if all[i] + policy[3] > now then
        log[#log + 1] = all[i]
        log[#log + 1] = all[i + 1]
        used = used + all[i + 1]
      end
    end
    return log, used
  end,

  fits = function(policy, _, cost, _, used)
    return used + cost <= policy[2]
  end,

  -- the new value, its lifetime, and the new state settled
  charge = function(policy, now, cost, blocked, log, used)
    local newest = log[#log - 1]
    if newest and newest >= now then
      log[#log] = log[#log] + cost
    else
      newest = now
      log[#log + 1] = now
      log[#log + 1] = cost
    end
    return pack_list(blocked, log), newest + policy[3] - now, log, used + cost
  end,

  -- used, newestMs (-1: none), fitsAtMs (-1: it fits, or never will)
  report = function(result, n, policy, cost, log, used)
    local left, fits_at, i = used, -1, 1
    while left + cost > policy[2] and log[i] do
      left = left - log[i + 1]
      fits_at = log[i] + policy[3]
      i = i + 2
    end
    result[n + 1], result[n + 2], result[n + 3] = used, log[#log - 1] or -1, fits_at
    return n + 3
  end,
}
