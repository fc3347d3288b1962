-- Policy: { name, limit, windowMs }. State: { startMs, used }.
algorithms['fixed-window'] = {
  -- startMs, used
  settle = function(state, policy, now)
    if not state or state[2] == 0 or now - state[1] >= policy[3] then return now, 0 end
    return state[1], state[2]
  end,

  fits = function(policy, _, cost, _, used)
    return used + cost <= policy[2]
  end,

  -- the new state, its lifetime, and the same settled
  charge = function(policy, now, cost, start, used)
    used = used + cost
    return { start, used }, start + policy[3] - now, start, used
  end,

  -- startMs, used
  report = function(result, n, _, _, start, used)
    result[n + 1], result[n + 2] = start, used
    return n + 2
  end,
}
