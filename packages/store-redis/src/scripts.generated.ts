// Written by `npm run generate` from packages/store-redis/src/scripts/*.lua: change those.

export interface Script {
  readonly name: string;
  readonly sha1: string;
  readonly text: string;
}

export const compareAndSet: Script = {
  name: "compareAndSet",
  sha1: "496c9ed3073e88a0d596d69e2ce8aa35100710ec",
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

local VERSION = 1
local pack, unpack_one, unpack_some = cmsgpack.pack, cmsgpack.unpack, cmsgpack.unpack_limit

local CHUNK = 1000

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
  local blocked, numbers = all[2], nil
  if #all > 2 then
    numbers = {}
    for i = 3, all[3] and #all or 0 do numbers[i - 2] = all[i] end
  end
  return numbers, blocked
end

local function whole(number)
  return string.format('%.0f', number)
end

local function to_json(value)
  if not value or string.byte(value) ~= VERSION then return value end
  local numbers, blocked = unpack_list(value)
  for i = 1, numbers and #numbers or 0 do numbers[i] = whole(numbers[i]) end
  local state = numbers and '[' .. table.concat(numbers, ',') .. ']' or 'null'
  return '[1,' .. whole(blocked) .. ',' .. state .. ']'
end

local function from_json(text)
  if string.sub(text, 1, 3) ~= '[1,' then return text end
  local ok, entry = pcall(cjson.decode, text)
  if not ok or type(entry[2]) ~= 'number' then return text end
  local packed
  ok, packed = pcall(pack_list, entry[2], type(entry[3]) == 'table' and entry[3] or nil)
  return ok and to_json(packed) == text and packed or text
end

if repeated(KEYS[1], ARGV[1]) then return REPEATED end

local now = clock(ARGV[2])
local current = to_json(redis.call('GET', KEYS[2]))
if ARGV[4] == '' or (current or '') ~= ARGV[3] then return { 0, now, current } end

redis.call('SET', KEYS[2], from_json(ARGV[4]), 'PX', px(ARGV[2], tonumber(ARGV[5])))
remember(KEYS[1], ARGV[1])
return { 1, now, current }
`,
};

export const decide: Script = {
  name: "decide",
  sha1: "0064013a9442e907a626afe026022994b7be94bb",
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

local VERSION = 1
local pack, unpack_one, unpack_some = cmsgpack.pack, cmsgpack.unpack, cmsgpack.unpack_limit

local CHUNK = 1000

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
  local blocked, numbers = all[2], nil
  if #all > 2 then
    numbers = {}
    for i = 3, all[3] and #all or 0 do numbers[i - 2] = all[i] end
  end
  return numbers, blocked
end

local algorithms = {}
algorithms['token-bucket'] = {
  settle = function(policy, now, value)
    if not value then return now, 0, now, 0 end
    local _, _, full_at, numerator, old_rate, old_interval, busy_since = unpack_one(value)
    if not full_at or full_at < now then return now, 0, now, 0 end
    local units = (full_at - now) * old_rate + numerator
    if units == 0 then return now, 0, now, 0 end
    local rate, interval = policy[2], policy[3]
    if old_rate == rate and old_interval == interval then return full_at, numerator, busy_since, units end
    local used = math.min(math.ceil(units / old_interval), policy[4]) * interval
    local ahead = math.floor(used / rate)
    return now + ahead, used - ahead * rate, busy_since, used
  end,

  fits = function(policy, _, cost, _, _, _, used)
    return cost * policy[3] <= policy[4] * policy[3] - used
  end,

  charge = function(policy, now, cost, blocked, _, _, busy_since, used)
    local rate, interval = policy[2], policy[3]
    local units = used + cost * interval
    local ahead = math.floor(units / rate)
    local full_at, numerator = now + ahead, units - ahead * rate
    return pack(VERSION, blocked, full_at, numerator, rate, interval, busy_since),
      math.ceil(units / rate), full_at, numerator, busy_since
  end,

  report = function(result, n, _, _, full_at, numerator, busy_since)
    result[n + 1], result[n + 2], result[n + 3] = full_at, numerator, busy_since
    return n + 3
  end,
}

algorithms['fixed-window'] = {
  settle = function(policy, now, value)
    if not value then return now, 0 end
    local _, _, start, used = unpack_one(value)
    if not start or used == 0 or now - start >= policy[3] then return now, 0 end
    return start, used
  end,

  fits = function(policy, _, cost, _, used)
    return used + cost <= policy[2]
  end,

  charge = function(policy, now, cost, blocked, start, used)
    used = used + cost
    return pack(VERSION, blocked, start, used), start + policy[3] - now, start, used
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

  charge = function(policy, now, cost, blocked, start, previous, current)
    current = current + cost
    return pack(VERSION, blocked, start, previous, current), start + 2 * policy[3] - now, start, previous, current
  end,

  report = function(result, n, _, _, start, previous, current)
    result[n + 1], result[n + 2], result[n + 3] = start, previous, current
    return n + 3
  end,
}

algorithms['sliding-log'] = {
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

local values, blocked, lifetimes = {}, {}, {}

local function load(entry)
  local value = redis.pcall('GET', KEYS[entry + 1])
  values[entry], blocked[entry] = value, 0
  if value then
    local ok, _, version, until_ms = pcall(unpack_some, value, 2, 0)
    blocked[entry] = ok and version == VERSION and type(until_ms) == 'number' and until_ms
  end
end

local result, n = { now }, 1

local function judge(entry, policy, cost)
  if blocked[entry] == nil then load(entry) end
  if not blocked[entry] then return -1 end
  local algorithm = policy.algorithm
  local a, b, c, d = algorithm.settle(policy, now, values[entry])
  if blocked[entry] > now or not algorithm.fits(policy, now, cost, a, b, c, d) then return 0, a, b, c, d end
  return 1, a, b, c, d
end

local function finish(charging, entry, policy, cost, a, b, c, d)
  local algorithm = policy.algorithm
  if charging then
    values[entry], lifetimes[entry], a, b, c, d = algorithm.charge(policy, now, cost, blocked[entry], a, b, c, d)
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
      finish(charging and verdict == 1, entry, policy, numbers[i + 2], policy.algorithm.settle(policy, now, values[entry]))
    end
  end
end

for entry, lifetime in pairs(lifetimes) do
  redis.call('SET', KEYS[entry + 1], values[entry], 'PX', px(given, math.max(lifetime, blocked[entry] - now)))
end
if next(lifetimes) then remember(KEYS[1], ARGV[1]) end
return result
`,
};

export const exportEntries: Script = {
  name: "exportEntries",
  sha1: "036cdb9082839fe5466740fb68160c4c891c08d4",
  text: `local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function px(given, ttl)
  if given ~= '' then ttl = ttl + 3600000 end
  return ttl
end

local VERSION = 1
local pack, unpack_one, unpack_some = cmsgpack.pack, cmsgpack.unpack, cmsgpack.unpack_limit

local CHUNK = 1000

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
  local blocked, numbers = all[2], nil
  if #all > 2 then
    numbers = {}
    for i = 3, all[3] and #all or 0 do numbers[i - 2] = all[i] end
  end
  return numbers, blocked
end

local function whole(number)
  return string.format('%.0f', number)
end

local function to_json(value)
  if not value or string.byte(value) ~= VERSION then return value end
  local numbers, blocked = unpack_list(value)
  for i = 1, numbers and #numbers or 0 do numbers[i] = whole(numbers[i]) end
  local state = numbers and '[' .. table.concat(numbers, ',') .. ']' or 'null'
  return '[1,' .. whole(blocked) .. ',' .. state .. ']'
end

local function from_json(text)
  if string.sub(text, 1, 3) ~= '[1,' then return text end
  local ok, entry = pcall(cjson.decode, text)
  if not ok or type(entry[2]) ~= 'number' then return text end
  local packed
  ok, packed = pcall(pack_list, entry[2], type(entry[3]) == 'table' and entry[3] or nil)
  return ok and to_json(packed) == text and packed or text
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
  sha1: "3975223167277801ec1ae4e4e1235ffb51c348a1",
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

local VERSION = 1
local pack, unpack_one, unpack_some = cmsgpack.pack, cmsgpack.unpack, cmsgpack.unpack_limit

local CHUNK = 1000

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
  local blocked, numbers = all[2], nil
  if #all > 2 then
    numbers = {}
    for i = 3, all[3] and #all or 0 do numbers[i - 2] = all[i] end
  end
  return numbers, blocked
end

local function whole(number)
  return string.format('%.0f', number)
end

local function to_json(value)
  if not value or string.byte(value) ~= VERSION then return value end
  local numbers, blocked = unpack_list(value)
  for i = 1, numbers and #numbers or 0 do numbers[i] = whole(numbers[i]) end
  local state = numbers and '[' .. table.concat(numbers, ',') .. ']' or 'null'
  return '[1,' .. whole(blocked) .. ',' .. state .. ']'
end

local function from_json(text)
  if string.sub(text, 1, 3) ~= '[1,' then return text end
  local ok, entry = pcall(cjson.decode, text)
  if not ok or type(entry[2]) ~= 'number' then return text end
  local packed
  ok, packed = pcall(pack_list, entry[2], type(entry[3]) == 'table' and entry[3] or nil)
  return ok and to_json(packed) == text and packed or text
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
