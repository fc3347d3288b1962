-- Policy: { name, limit, windowMs }. State: atMs, cost, atMs, cost, ..., oldest first. Needs epoch.lua.

-- Adds a grant to a log, at the time of its newest entry.
local function add_grant(log, now, cost)
  local size = #log
  local newest, granted = log[size - 1], log[size]
  if newest and granted > 0 and time_of(newest) == now then
    log[size] = granted + cost
  elseif newest and granted == 0 then
    log[size - 1], log[size] = epoch_after(newest, now), cost
  else
    log[size + 1], log[size + 2] = now, cost
  end
end

algorithms['sliding-log'] = {
  -- the log without grants that have left the window, the units used, and whether it was repaired
  settle = function(policy, now, value)
    local all, log, used, ahead = value and unpack_list(value) or {}, {}, 0, 0
    for i = 1, #all, 2 do
      local at, cost = time_of(all[i]), all[i + 1]
      if at > now then
        ahead = ahead + cost
      elseif at + policy[3] > now then
        log[#log + 1] = all[i]
        log[#log + 1] = cost
        used = used + cost
      end
    end
    if ahead == 0 then return log, used end
    add_grant(log, now, ahead)
    return log, used + ahead, nil, nil, true
  end,

  fits = function(policy, _, cost, _, used)
    return used + cost <= policy[2]
  end,

  -- the new settled state
  charge = function(_, now, cost, log, used)
    add_grant(log, now, cost)
    return log, used + cost
  end,

  -- the value, and its lifetime
  write = function(policy, now, blocked, log)
    local newest = log[#log - 1]
    return pack_list(blocked, log), newest and time_of(newest) + policy[3] - now or 1
  end,

  -- the units used, the name of the newest grant (-1: none), fitsAtMs (-1: it fits now or never)
  report = function(result, n, policy, cost, log, used)
    local left, fits_at, i = used, -1, 1
    while left + cost > policy[2] and log[i] do
      left = left - log[i + 1]
      fits_at = time_of(log[i]) + policy[3]
      i = i + 2
    end
    result[n + 1], result[n + 2], result[n + 3] = used, log[#log - 1] or -1, fits_at
    return n + 3
  end,
}
