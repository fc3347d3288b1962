// Written by `npm run generate` from packages/store-redis/src/scripts/*.lua: change those.

export interface Script {
  readonly name: string;
  readonly sha1: string;
  readonly text: string;
}

export const compareAndSet: Script = {
  name: "compareAndSet",
  sha1: "b1bd8f80dc8541d732018594c629ef8df179b124",
  text: `local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function px(given, ttl)
  if given ~= '' then ttl = ttl + 3600000 end
  return ttl
end

local function repeated(lane, number)
  return tonumber(number) <= tonumber(redis.call('GET', lane) or '0')
end

local function remember(lane, number)
  redis.call('SET', lane, number, 'PX', '3600000')
end

local REPEATED = redis.error_reply('SLUICEREPEATED the script had run before and its reply was lost')

if repeated(KEYS[1], ARGV[1]) then return REPEATED end

local now = clock(ARGV[2])
local current = redis.call('GET', KEYS[2])
if ARGV[4] == '' or (current or '') ~= ARGV[3] then return { 0, now, current } end

redis.call('SET', KEYS[2], ARGV[4], 'PX', px(ARGV[2], tonumber(ARGV[5])))
remember(KEYS[1], ARGV[1])
return { 1, now, current }
`,
};

export const decide: Script = {
  name: "decide",
  sha1: "9fec7a45b9ee77f125e02afea37b89722611142c",
  text: `local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function px(given, ttl)
  if given ~= '' then ttl = ttl + 3600000 end
  return ttl
end

local function repeated(lane, number)
  return tonumber(number) <= tonumber(redis.call('GET', lane) or '0')
end

local function remember(lane, number)
  redis.call('SET', lane, number, 'PX', '3600000')
end

local REPEATED = redis.error_reply('SLUICEREPEATED the script had run before and its reply was lost')

local algorithms = {}
algorithms['token-bucket'] = {
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

  charge = function(policy, now, cost, _, _, busy, used)
    local rate, interval = policy[2], policy[3]
    local units = used + cost * interval
    local ahead = math.floor(units / rate)
    local full_at, numerator = now + ahead, units - ahead * rate
    return { full_at, numerator, rate, interval, busy }, math.ceil(units / rate), full_at, numerator, busy
  end,

  report = function(result, n, _, _, full_at, numerator, busy)
    result[n + 1], result[n + 2], result[n + 3] = full_at, numerator, busy
    return n + 3
  end,
}

algorithms['fixed-window'] = {
  settle = function(state, policy, now)
    if not state or state[2] == 0 or now - state[1] >= policy[3] then return now, 0 end
    return state[1], state[2]
  end,

  fits = function(policy, _, cost, _, used)
    return used + cost <= policy[2]
  end,

  charge = function(policy, now, cost, start, used)
    used = used + cost
    return { start, used }, start + policy[3] - now, start, used
  end,

  report = function(result, n, _, _, start, used)
    result[n + 1], result[n + 2] = start, used
    return n + 2
  end,
}

local function floor_of_ratio(count, ms, divisor)
  local product = count * ms
  if product <= 9007199254740991 then return math.floor(product / divisor) end
  local high = math.floor(count / 32768)
  local shifted = 32768 * ms
  return high * math.floor(shifted / divisor)
    + math.floor((high * math.fmod(shifted, divisor) + math.fmod(count, 32768) * ms) / divisor)
end

algorithms['sliding-window'] = {
  settle = function(state, policy, now)
    if not state then return now, 0, 0 end
    local window = policy[3]
    local start, previous, current = state[1], state[2], state[3]
    local elapsed = now - start
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

  charge = function(policy, now, cost, start, previous, current)
    current = current + cost
    return { start, previous, current }, start + 2 * policy[3] - now, start, previous, current
  end,

  report = function(result, n, _, _, start, previous, current)
    result[n + 1], result[n + 2], result[n + 3] = start, previous, current
    return n + 3
  end,
}

algorithms['sliding-log'] = {
  settle = function(state, policy, now)
    local log, used = {}, 0
    for i = 1, state and #state or 0, 2 do
      if state[i] + policy[3] > now then
        log[#log + 1] = state[i]
        log[#log + 1] = state[i + 1]
        used = used + state[i + 1]
      end
    end
    return log, used
  end,

  fits = function(policy, _, cost, _, used)
    return used + cost <= policy[2]
  end,

  charge = function(policy, now, cost, log, used)
    local newest = log[#log - 1]
    if newest and newest >= now then
      log[#log] = log[#log] + cost
    else
      newest = now
      log[#log + 1] = now
      log[#log + 1] = cost
    end
    return log, newest + policy[3] - now, log, used + cost
  end,

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

if repeated(KEYS[1], ARGV[1]) then return REPEATED end

local given = ARGV[2]
local now = clock(given)
local batch = cjson.decode(ARGV[3])
local policies, numbers = batch[1], batch[2]

local blocked, states, lifetimes = {}, {}, {}

local function load(entry)
  local value = redis.pcall('GET', KEYS[entry + 1])
  if not value then
    blocked[entry] = 0
    return
  end
  local ok, decoded = pcall(cjson.decode, value)
  if not ok or type(decoded) ~= 'table' or decoded[1] ~= 1 then
    blocked[entry] = false
    return
  end
  blocked[entry] = decoded[2]
  if type(decoded[3]) == 'table' then states[entry] = decoded[3] end
end

local result, n = { now }, 1

local function judge(entry, policy, cost)
  if blocked[entry] == nil then load(entry) end
  if not blocked[entry] then return -1 end
  local algorithm = policy.algorithm
  local a, b, c, d = algorithm.settle(states[entry], policy, now)
  if blocked[entry] > now or not algorithm.fits(policy, now, cost, a, b, c, d) then return 0, a, b, c, d end
  return 1, a, b, c, d
end

local function finish(charging, entry, policy, cost, a, b, c, d)
  local algorithm = policy.algorithm
  if charging then
    states[entry], lifetimes[entry], a, b, c, d = algorithm.charge(policy, now, cost, a, b, c, d)
    cost = 0
  end
  n = n + 1
  result[n] = blocked[entry]
  n = algorithm.report(result, n, policy, cost, a, b, c, d)
end

for i = 1, #policies do policies[i].algorithm = algorithms[policies[i][1]] end

local at, count = 1, #numbers
while at < count do
  local charging, first = numbers[at] == 1, at + 2
  local last = first + 3 * numbers[at + 1] - 1
  at = last + 1
  n = n + 1
  if last - first == 2 then
    local entry, policy, cost = numbers[first], policies[numbers[first + 1]], numbers[last]
    local verdict, a, b, c, d = judge(entry, policy, cost)
    result[n] = verdict
    if verdict ~= -1 then finish(charging and verdict == 1, entry, policy, cost, a, b, c, d) end
  else
    local verdict, place = 1, n
    for i = first, last, 3 do
      local fits = judge(numbers[i], policies[numbers[i + 1]], numbers[i + 2])
      if fits < verdict then verdict = fits end
    end
    result[place] = verdict
    for i = first, verdict == -1 and 0 or last, 3 do
      local entry, policy = numbers[i], policies[numbers[i + 1]]
      finish(charging and verdict == 1, entry, policy, numbers[i + 2], policy.algorithm.settle(states[entry], policy, now))
    end
  end
end

local whole = string.format('%d', 4503599627370497) == '4503599627370497' and '%d' or '%.0f'
local formats = {}
local function text(until_ms, state)
  local count = #state
  if count > 8 then
    local texts = {}
    for i = 1, count do texts[i] = string.format(whole, state[i]) end
    return '[1,' .. string.format(whole, until_ms) .. ',[' .. table.concat(texts, ',') .. ']]'
  end
  if not formats[count] then
    formats[count] = '[1,' .. whole .. ',[' .. string.rep(whole .. ',', count - 1) .. whole .. ']]'
  end
  return string.format(formats[count], until_ms, unpack(state))
end

for entry, lifetime in pairs(lifetimes) do
  local ttl = px(given, math.max(lifetime, blocked[entry] - now))
  redis.call('SET', KEYS[entry + 1], text(blocked[entry], states[entry]), 'PX', ttl)
end
if next(lifetimes) then remember(KEYS[1], ARGV[1]) end
return result
`,
};
