// Written by `npm run generate` from packages/store-redis/src/scripts/*.lua: change those.

export interface Script {
  readonly name: string;
  readonly sha1: string;
  readonly text: string;
}

export const compareAndSet: Script = {
  name: "compareAndSet",
  sha1: "360c990821ff9ccd96f47e9bbda3870349dda7bb",
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
  return redis.pcall('SET', lane, number, 'PX', '3600000')
end

local REPEATED = redis.error_reply('SLUICEREPEATED the script had run before and its reply was lost')

local VERSION, BLOCKED_VERSION = 1, 2
local pack, unpack_some = cmsgpack.pack, cmsgpack.unpack_limit

local CHUNK = 1000

local function open_entry(value)
  local ok, _, version, until_ms, a, b, c, d, e, f = pcall(unpack_some, value, 8, 0)
  if not ok or type(until_ms) ~= 'number' then return nil end
  if version == VERSION then return value, until_ms, false, a, b, c, d, e end
  if version ~= BLOCKED_VERSION or type(a) ~= 'number' then return nil end
  local offset = unpack_some(value, 3, 0)
  local plain = pack(VERSION, until_ms) .. (offset == -1 and '' or string.sub(value, offset + 1))
  return plain, until_ms, a, b, c, d, e, f
end

local function state_of(value)
  local _, _, _, a, b, c, d, e = unpack_some(value, 7, 0)
  return a, b, c, d, e
end

local function close_entry(value, until_ms, for_ms)
  local offset = unpack_some(value, 2, 0)
  local header = for_ms and pack(BLOCKED_VERSION, until_ms, for_ms) or pack(VERSION, until_ms)
  return header .. (offset == -1 and '' or string.sub(value, offset + 1))
end

local function pack_list(blocked, numbers)
  local packed = { pack(VERSION, blocked) }
  if numbers and #numbers == 0 then packed[2] = pack(false) end
  for first = 1, numbers and #numbers or 0, CHUNK do
    packed[#packed + 1] = pack(unpack(numbers, first, math.min(first + CHUNK - 1, #numbers)))
  end
  return table.concat(packed)
end

local function unpack_list(value)
  local all, offset = {}, 0
  repeat
    local chunk = { unpack_some(value, CHUNK, offset) }
    offset = chunk[1]
    for i = 2, #chunk do all[#all + 1] = chunk[i] end
  until offset == -1
  local numbers
  if #all > 2 then
    numbers = {}
    for i = 3, all[3] and #all or 0 do numbers[i - 2] = all[i] end
  end
  return numbers
end

local function whole(number)
  return string.format('%.0f', number)
end

local function to_json(value)
  local first = value and string.byte(value)
  if first ~= VERSION and first ~= BLOCKED_VERSION then return value end
  local plain, blocked, length = open_entry(value)
  local numbers = unpack_list(plain)
  for i = 1, numbers and #numbers or 0 do numbers[i] = whole(numbers[i]) end
  local state = numbers and '[' .. table.concat(numbers, ',') .. ']' or 'null'
  if not length then return '[1,' .. whole(blocked) .. ',' .. state .. ']' end
  return '[2,' .. whole(blocked) .. ',' .. state .. ',' .. whole(length) .. ']'
end

local function from_json(text)
  local start = string.sub(text, 1, 3)
  if start ~= '[1,' and start ~= '[2,' then return text end
  local ok, entry = pcall(cjson.decode, text)
  if not ok or type(entry[2]) ~= 'number' then return text end
  local length = entry[1] == BLOCKED_VERSION and entry[4]
  if length ~= false and type(length) ~= 'number' then return text end
  local packed
  ok, packed = pcall(pack_list, entry[2], type(entry[3]) == 'table' and entry[3] or nil)
  if not ok then return text end
  if length then packed = close_entry(packed, entry[2], length) end
  return to_json(packed) == text and packed or text
end

local lane, entry = KEYS[1], KEYS[2]
if not entry then lane, entry = nil, lane end
if lane and repeated(lane, ARGV[1]) then return REPEATED end

local now = clock(ARGV[2])
local current = to_json(redis.call('GET', entry))
if ARGV[4] == '' or (current or '') ~= ARGV[3] then return { 0, now, current } end

redis.call('SET', entry, from_json(ARGV[4]), 'PX', px(ARGV[2], tonumber(ARGV[5])))
if lane then remember(lane, ARGV[1]) end
return { 1, now, current }
`,
};

export const decide: Script = {
  name: "decide",
  sha1: "ad9e35ea1f7c836a8a8948ed2b0e09a1c07eaba0",
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
  return redis.pcall('SET', lane, number, 'PX', '3600000')
end

local REPEATED = redis.error_reply('SLUICEREPEATED the script had run before and its reply was lost')

local VERSION, BLOCKED_VERSION = 1, 2
local pack, unpack_some = cmsgpack.pack, cmsgpack.unpack_limit

local CHUNK = 1000

local function open_entry(value)
  local ok, _, version, until_ms, a, b, c, d, e, f = pcall(unpack_some, value, 8, 0)
  if not ok or type(until_ms) ~= 'number' then return nil end
  if version == VERSION then return value, until_ms, false, a, b, c, d, e end
  if version ~= BLOCKED_VERSION or type(a) ~= 'number' then return nil end
  local offset = unpack_some(value, 3, 0)
  local plain = pack(VERSION, until_ms) .. (offset == -1 and '' or string.sub(value, offset + 1))
  return plain, until_ms, a, b, c, d, e, f
end

local function state_of(value)
  local _, _, _, a, b, c, d, e = unpack_some(value, 7, 0)
  return a, b, c, d, e
end

local function close_entry(value, until_ms, for_ms)
  local offset = unpack_some(value, 2, 0)
  local header = for_ms and pack(BLOCKED_VERSION, until_ms, for_ms) or pack(VERSION, until_ms)
  return header .. (offset == -1 and '' or string.sub(value, offset + 1))
end

local function pack_list(blocked, numbers)
  local packed = { pack(VERSION, blocked) }
  if numbers and #numbers == 0 then packed[2] = pack(false) end
  for first = 1, numbers and #numbers or 0, CHUNK do
    packed[#packed + 1] = pack(unpack(numbers, first, math.min(first + CHUNK - 1, #numbers)))
  end
  return table.concat(packed)
end

local function unpack_list(value)
  local all, offset = {}, 0
  repeat
    local chunk = { unpack_some(value, CHUNK, offset) }
    offset = chunk[1]
    for i = 2, #chunk do all[#all + 1] = chunk[i] end
  until offset == -1
  local numbers
  if #all > 2 then
    numbers = {}
    for i = 3, all[3] and #all or 0 do numbers[i - 2] = all[i] end
  end
  return numbers
end

local ONE_MORE, ALL = 35184372088832, 9007199254740992

local function time_of(epoch)
  if epoch < ONE_MORE then return epoch end
  return epoch % ONE_MORE
end

local function epoch_after(previous, now)
  if time_of(previous) ~= now then return now end
  local following = previous + ONE_MORE
  return following < ALL and following or now
end

local function floor_of_ratio(a, b, divisor)
  local product = a * b
  if product <= 9007199254740991 then return math.floor(product / divisor) end
  local quotient, rest, left = 0, 0, b
  for _, weight in ipairs({ 1073741824, 32768, 1 }) do
    local digit = math.floor(left / weight)
    left = left - digit * weight
    local part = rest * 32768 + a * digit
    local whole = math.floor(part / divisor)
    quotient = quotient * 32768 + whole
    rest = part - whole * divisor
  end
  return quotient
end

local algorithms = {}
algorithms['fixed-window'] = {
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

  charge = function(_, _, cost, start, used)
    return start, used + cost
  end,

  write = function(policy, now, blocked, start, used)
    return pack(VERSION, blocked, start, used), time_of(start) + policy[3] - now
  end,

  report = function(result, n, _, _, start, used)
    result[n + 1], result[n + 2] = start, used
    return n + 2
  end,
}

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

  charge = function(_, now, cost, log, used)
    add_grant(log, now, cost)
    return log, used + cost
  end,

  write = function(policy, now, blocked, log)
    local newest = log[#log - 1]
    return pack_list(blocked, log), newest and time_of(newest) + policy[3] - now or 1
  end,

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

algorithms['sliding-window'] = {
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

  charge = function(_, _, cost, start, previous, current)
    return start, previous, current + cost
  end,

  write = function(policy, now, blocked, start, previous, current)
    local windows = current > 0 and 2 or 1
    return pack(VERSION, blocked, start, previous, current), time_of(start) + windows * policy[3] - now
  end,

  report = function(result, n, _, _, start, previous, current)
    result[n + 1], result[n + 2], result[n + 3] = start, previous, current
    return n + 3
  end,
}

local function converted(units, old_interval, interval, burst)
  local tokens = math.floor(units / old_interval)
  if tokens >= burst or units > 9007199254740991 then return burst * interval end
  local rest = units - tokens * old_interval
  return tokens * interval + interval - floor_of_ratio(old_interval - rest, interval, old_interval)
end

local function next_busy_since(busy_since, now)
  return busy_since >= now and busy_since + 1 or now
end

algorithms['token-bucket'] = {
  settle = function(policy, now, _, full_at, numerator, old_rate, old_interval, busy_since)
    if not full_at then return now, 0, now, 0 end
    local units = full_at < now and 0 or (full_at - now) * old_rate + numerator
    if units == 0 then return now, 0, next_busy_since(busy_since, now), 0 end
    local rate, interval, burst = policy[2], policy[3], policy[4]
    local same = old_rate == rate and old_interval == interval
    if same and units <= burst * interval then return full_at, numerator, busy_since, units end
    local used = same and burst * interval or converted(units, old_interval, interval, burst)
    local ahead = math.floor(used / rate)
    return now + ahead, used - ahead * rate, next_busy_since(busy_since, now), used, true
  end,

  fits = function(policy, _, cost, _, _, _, used)
    return cost * policy[3] <= policy[4] * policy[3] - used
  end,

  charge = function(policy, now, cost, _, _, busy_since, used)
    local rate = policy[2]
    local units = used + cost * policy[3]
    local ahead = math.floor(units / rate)
    return now + ahead, units - ahead * rate, busy_since, units
  end,

  write = function(policy, _, blocked, full_at, numerator, busy_since, used)
    return pack(VERSION, blocked, full_at, numerator, policy[2], policy[3], busy_since), math.ceil(used / policy[2])
  end,

  report = function(result, n, _, _, full_at, numerator, busy_since)
    result[n + 1], result[n + 2], result[n + 3] = full_at, numerator, busy_since
    return n + 3
  end,
}

if repeated(KEYS[1], ARGV[1]) then return REPEATED end

local given = ARGV[2]
local now = clock(given)
local batch = cjson.decode(ARGV[3])
local policies, numbers = batch[1], batch[2]

local values, blocked, lengths, lifetimes = {}, {}, {}, {}

local held, as, bs, cs, ds = {}, {}, {}, {}, {}
local shares = #numbers > 5 * (#KEYS - 1)

local charged, refusal = false, nil

local function can_write()
  if not charged and not refusal then
    local reply = remember(KEYS[1], ARGV[1])
    if reply.err then refusal = reply.err else charged = true end
  end
  return charged
end

local result, n = { now }, 1

local function keep(entry, policy, a, b, c, d)
  values[entry], lifetimes[entry] = policy.algorithm.write(policy, now, blocked[entry], a, b, c, d)
  held[entry] = nil
end

local function settle(entry, policy)
  local algorithm, owner = policy.algorithm, held[entry]
  if owner == policy then return as[entry], bs[entry], cs[entry], ds[entry] end
  if owner then keep(entry, owner, as[entry], bs[entry], cs[entry], ds[entry]) end
  local value, until_ms, length, a, b, c, d, e = values[entry], blocked[entry], nil
  if until_ms == nil then
    value = redis.pcall('GET', KEYS[entry + 1])
    until_ms, length = 0, false
    if value then value, until_ms, length, a, b, c, d, e = open_entry(value) end
    values[entry], blocked[entry], lengths[entry] = value, until_ms or false, length
  elseif value then
    a, b, c, d, e = state_of(value)
  end
  if not blocked[entry] then return nil end
  local repaired
  a, b, c, d, repaired = algorithm.settle(policy, now, value, a, b, c, d, e)
  local too_long = length and until_ms - now > length
  if too_long then blocked[entry] = now + length end
  if repaired or too_long then
    local packed, lifetime = algorithm.write(policy, now, blocked[entry], a, b, c, d)
    if repaired then values[entry] = packed end
    lifetimes[entry] = math.max(1, lifetime)
  end
  return a, b, c, d
end

local function judge(entry, policy, cost, a, b, c, d)
  if not a then return -1 end
  return blocked[entry] <= now and policy.algorithm.fits(policy, now, cost, a, b, c, d) and 1 or 0
end

local function finish(charging, entry, policy, cost, a, b, c, d)
  local algorithm = policy.algorithm
  if charging then
    a, b, c, d = algorithm.charge(policy, now, cost, a, b, c, d)
    if shares then
      held[entry], as[entry], bs[entry], cs[entry], ds[entry] = policy, a, b, c, d
    else
      keep(entry, policy, a, b, c, d)
    end
    cost = 0
  end
  n = n + 1
  result[n] = blocked[entry]
  n = algorithm.report(result, n, policy, cost, a, b, c, d)
end

local LARGE = 4503599627370496
local is_large = false

for i = 1, #policies do
  local policy = policies[i]
  policy.algorithm = algorithms[policy[1]]
  for j = 2, #policy do is_large = is_large or policy[j] >= LARGE end
end

local at, count = 1, #numbers
while at < count do
  local charging, first = numbers[at] == 1, at + 2
  local last = first + 3 * numbers[at + 1] - 1
  at = last + 1
  n = n + 1
  if last - first == 2 then
    local entry, policy, cost = numbers[first], policies[numbers[first + 1]], numbers[last]
    local a, b, c, d = settle(entry, policy)
    local verdict = judge(entry, policy, cost, a, b, c, d)
    if verdict == 1 and charging and not can_write() then verdict = -2 end
    result[n] = verdict
    if verdict >= 0 then finish(charging and verdict == 1, entry, policy, cost, a, b, c, d) end
  else
    local verdict, place = 1, n
    for i = first, last, 3 do
      local entry, policy = numbers[i], policies[numbers[i + 1]]
      local fits = judge(entry, policy, numbers[i + 2], settle(entry, policy))
      if fits < verdict then verdict = fits end
    end
    if verdict == 1 and charging and not can_write() then verdict = -2 end
    result[place] = verdict
    for i = first, verdict < 0 and 0 or last, 3 do
      local entry, policy = numbers[i], policies[numbers[i + 1]]
      finish(charging and verdict == 1, entry, policy, numbers[i + 2], settle(entry, policy))
    end
  end
end

for entry, policy in pairs(held) do keep(entry, policy, as[entry], bs[entry], cs[entry], ds[entry]) end
local write = charged and redis.call or redis.pcall
for entry, lifetime in pairs(lifetimes) do
  local value = values[entry]
  if lengths[entry] then value = close_entry(value, blocked[entry], lengths[entry]) end
  write('SET', KEYS[entry + 1], value, 'PX', px(given, math.max(lifetime, blocked[entry] - now)))
end
for i = 2, is_large and n or 0 do
  if result[i] >= LARGE then result[i] = string.format('%.0f', result[i]) end
end
result[n + 1] = refusal
return result
`,
};

export const exportEntries: Script = {
  name: "exportEntries",
  sha1: "a6f54be582ec1198486dd8a123dd6cb08b070f4d",
  text: `local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function px(given, ttl)
  if given ~= '' then ttl = ttl + 3600000 end
  return ttl
end

local VERSION, BLOCKED_VERSION = 1, 2
local pack, unpack_some = cmsgpack.pack, cmsgpack.unpack_limit

local CHUNK = 1000

local function open_entry(value)
  local ok, _, version, until_ms, a, b, c, d, e, f = pcall(unpack_some, value, 8, 0)
  if not ok or type(until_ms) ~= 'number' then return nil end
  if version == VERSION then return value, until_ms, false, a, b, c, d, e end
  if version ~= BLOCKED_VERSION or type(a) ~= 'number' then return nil end
  local offset = unpack_some(value, 3, 0)
  local plain = pack(VERSION, until_ms) .. (offset == -1 and '' or string.sub(value, offset + 1))
  return plain, until_ms, a, b, c, d, e, f
end

local function state_of(value)
  local _, _, _, a, b, c, d, e = unpack_some(value, 7, 0)
  return a, b, c, d, e
end

local function close_entry(value, until_ms, for_ms)
  local offset = unpack_some(value, 2, 0)
  local header = for_ms and pack(BLOCKED_VERSION, until_ms, for_ms) or pack(VERSION, until_ms)
  return header .. (offset == -1 and '' or string.sub(value, offset + 1))
end

local function pack_list(blocked, numbers)
  local packed = { pack(VERSION, blocked) }
  if numbers and #numbers == 0 then packed[2] = pack(false) end
  for first = 1, numbers and #numbers or 0, CHUNK do
    packed[#packed + 1] = pack(unpack(numbers, first, math.min(first + CHUNK - 1, #numbers)))
  end
  return table.concat(packed)
end

local function unpack_list(value)
  local all, offset = {}, 0
  repeat
    local chunk = { unpack_some(value, CHUNK, offset) }
    offset = chunk[1]
    for i = 2, #chunk do all[#all + 1] = chunk[i] end
  until offset == -1
  local numbers
  if #all > 2 then
    numbers = {}
    for i = 3, all[3] and #all or 0 do numbers[i - 2] = all[i] end
  end
  return numbers
end

local function whole(number)
  return string.format('%.0f', number)
end

local function to_json(value)
  local first = value and string.byte(value)
  if first ~= VERSION and first ~= BLOCKED_VERSION then return value end
  local plain, blocked, length = open_entry(value)
  local numbers = unpack_list(plain)
  for i = 1, numbers and #numbers or 0 do numbers[i] = whole(numbers[i]) end
  local state = numbers and '[' .. table.concat(numbers, ',') .. ']' or 'null'
  if not length then return '[1,' .. whole(blocked) .. ',' .. state .. ']' end
  return '[2,' .. whole(blocked) .. ',' .. state .. ',' .. whole(length) .. ']'
end

local function from_json(text)
  local start = string.sub(text, 1, 3)
  if start ~= '[1,' and start ~= '[2,' then return text end
  local ok, entry = pcall(cjson.decode, text)
  if not ok or type(entry[2]) ~= 'number' then return text end
  local length = entry[1] == BLOCKED_VERSION and entry[4]
  if length ~= false and type(length) ~= 'number' then return text end
  local packed
  ok, packed = pcall(pack_list, entry[2], type(entry[3]) == 'table' and entry[3] or nil)
  if not ok then return text end
  if length then packed = close_entry(packed, entry[2], length) end
  return to_json(packed) == text and packed or text
end

local page = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
local now = clock('')
local result = { page[1] }
for _, key in ipairs(page[2]) do
  local life = redis.call('PTTL', key)
  local value = life > 0 and redis.pcall('GET', key)
  if type(value) == 'string' then
    local readable, text = pcall(to_json, value)
    local n = #result
    result[n + 1], result[n + 2], result[n + 3] = key, readable and text, now + life
  end
end
return result
`,
};

export const importEntries: Script = {
  name: "importEntries",
  sha1: "7dc5e86a3923c11c2e654b9fb635ad4297c40461",
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
  return redis.pcall('SET', lane, number, 'PX', '3600000')
end

local REPEATED = redis.error_reply('SLUICEREPEATED the script had run before and its reply was lost')

local VERSION, BLOCKED_VERSION = 1, 2
local pack, unpack_some = cmsgpack.pack, cmsgpack.unpack_limit

local CHUNK = 1000

local function open_entry(value)
  local ok, _, version, until_ms, a, b, c, d, e, f = pcall(unpack_some, value, 8, 0)
  if not ok or type(until_ms) ~= 'number' then return nil end
  if version == VERSION then return value, until_ms, false, a, b, c, d, e end
  if version ~= BLOCKED_VERSION or type(a) ~= 'number' then return nil end
  local offset = unpack_some(value, 3, 0)
  local plain = pack(VERSION, until_ms) .. (offset == -1 and '' or string.sub(value, offset + 1))
  return plain, until_ms, a, b, c, d, e, f
end

local function state_of(value)
  local _, _, _, a, b, c, d, e = unpack_some(value, 7, 0)
  return a, b, c, d, e
end

local function close_entry(value, until_ms, for_ms)
  local offset = unpack_some(value, 2, 0)
  local header = for_ms and pack(BLOCKED_VERSION, until_ms, for_ms) or pack(VERSION, until_ms)
  return header .. (offset == -1 and '' or string.sub(value, offset + 1))
end

local function pack_list(blocked, numbers)
  local packed = { pack(VERSION, blocked) }
  if numbers and #numbers == 0 then packed[2] = pack(false) end
  for first = 1, numbers and #numbers or 0, CHUNK do
    packed[#packed + 1] = pack(unpack(numbers, first, math.min(first + CHUNK - 1, #numbers)))
  end
  return table.concat(packed)
end

local function unpack_list(value)
  local all, offset = {}, 0
  repeat
    local chunk = { unpack_some(value, CHUNK, offset) }
    offset = chunk[1]
    for i = 2, #chunk do all[#all + 1] = chunk[i] end
  until offset == -1
  local numbers
  if #all > 2 then
    numbers = {}
    for i = 3, all[3] and #all or 0 do numbers[i - 2] = all[i] end
  end
  return numbers
end

local function whole(number)
  return string.format('%.0f', number)
end

local function to_json(value)
  local first = value and string.byte(value)
  if first ~= VERSION and first ~= BLOCKED_VERSION then return value end
  local plain, blocked, length = open_entry(value)
  local numbers = unpack_list(plain)
  for i = 1, numbers and #numbers or 0 do numbers[i] = whole(numbers[i]) end
  local state = numbers and '[' .. table.concat(numbers, ',') .. ']' or 'null'
  if not length then return '[1,' .. whole(blocked) .. ',' .. state .. ']' end
  return '[2,' .. whole(blocked) .. ',' .. state .. ',' .. whole(length) .. ']'
end

local function from_json(text)
  local start = string.sub(text, 1, 3)
  if start ~= '[1,' and start ~= '[2,' then return text end
  local ok, entry = pcall(cjson.decode, text)
  if not ok or type(entry[2]) ~= 'number' then return text end
  local length = entry[1] == BLOCKED_VERSION and entry[4]
  if length ~= false and type(length) ~= 'number' then return text end
  local packed
  ok, packed = pcall(pack_list, entry[2], type(entry[3]) == 'table' and entry[3] or nil)
  if not ok then return text end
  if length then packed = close_entry(packed, entry[2], length) end
  return to_json(packed) == text and packed or text
end

if repeated(KEYS[1], ARGV[1]) then return REPEATED end

local now = clock('')
local left, written = {}, false
for i = 2, #KEYS do
  local life = tonumber(ARGV[2 * i - 1]) - now
  if life > 0 then
    if redis.call('SET', KEYS[i], from_json(ARGV[2 * i - 2]), 'NX', 'PX', life) then
      written = true
    else
      left[#left + 1] = i - 2
    end
  end
end
if written then remember(KEYS[1], ARGV[1]) end
return left
`,
};
