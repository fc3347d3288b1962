-- Policy: { name, limit, windowMs }. State: startMs, previous, current.

-- floor(count * ms / divisor), also where the product passes 2^53: see core's sliding-window.ts.
local function floor_of_ratio(count, ms, divisor)
  local product = count * ms
  if product <= 9007199254740991 then return math.floor(product / divisor) end
  local high = math.floor(count / 32768)
  local shifted = 32768 * ms
  return high * math.floor(shifted / divisor)
    + math.floor((high * math.fmod(shifted, divisor) + math.fmod(count, 32768) * ms) / divisor)
end

algorithms['sliding-window'] = {
  -- startMs, previous, current
  settle = function(policy, now, value)
    if not value then return now, 0, 0 end
    local _, _, start, previous, current = unpack_one(value)
    if not start then return now, 0, 0 end
    local window, elapsed = policy[3], now - start
    if elapsed >= 2 * window then
      previous, current = 0, 0
    elseif elapsed >= window then
      start, previous, current = start + window, current, 0
    end
    if previous == 0 and current == 0 then start = now end
    return start, previous, current
  end,

  fits = function(policy, now, cost, start, previous, current)
    local window = policy[3]
    local left = math.min(window, start + window - now)
    local weighted = previous - floor_of_ratio(previous, window - left, window)
    return cost <= policy[2] - current - weighted
  end,

  -- the new value, its lifetime, and the new state settled
  charge = function(policy, now, cost, blocked, start, previous, current)
    current = current + cost
    return pack(VERSION, blocked, start, previous, current), start + 2 * policy[3] - now, start, previous, current
  end,

  -- startMs, previous, current
  report = function(result, n, _, _, start, previous, current)
    result[n + 1], result[n + 2], result[n + 3] = start, previous, current
    return n + 3
  end,
}
