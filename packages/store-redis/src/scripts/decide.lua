-- Decides a batch of admissions, each completely or not at all.
--
-- KEYS[1]      the lane of the caller (see once.lua)
-- KEYS[2...]   the entries, each once
-- ARGV[1]      the number of this script on its lane
-- ARGV[2]      the time in milliseconds, or '' for the server's
-- ARGV[3]      JSON: [policies, numbers]
--                policies: an array of [algorithm, its numbers...]
--                numbers: for each admission 1 to charge or 0 to look, its number of claims, and then for each claim its
--                entry, its policy (both counted from 1) and its cost
--
-- Result       a flat list of whole numbers (the largest as text). First the time. Then for each admission a verdict: 1
--              (allowed), 0 (denied), -1 (an entry can't be read) or -2 (it fits, but the server refuses to write). After 1
--              and 0 follow, for each claim, the time until which the key is blocked and the numbers that the algorithm's
--              `report` adds. They include the charge if there was one. If there is any -2, the server's error as text is
--              the last value.
--
-- Writes charges, and repairs of entries whose state was corrected when it was read (see core's entry.ts). If the server
-- refuses to write a repair, the result does not change.
--
-- `algorithms` has a table of functions for each algorithm, each in a separate file:
--   settle(policy, now, value, ...)             returns the settled state: up to four values, then whether it was repaired.
--                                               Its arguments are the value and the first five numbers of its state
--   fits(policy, now, cost, a, b, c, d)         whether the cost fits
--   charge(policy, now, cost, a, b, c, d)       the settled state after the charge
--   write(policy, now, blocked, a, b, c, d)     the value to store, and its lifetime
--   report(result, n, policy, cost, a, b, c, d) adds the numbers for core's `read` of the algorithm; returns the new n
-- A settled state is passed as plain values, one of which may be a table, because a table for each state would cost more
-- than the decision. Settling a value that `write` packed at the same time does not change it.

--@include "includes/now.lua"
--@include "includes/once.lua"
--@include "includes/entry.lua"
--@include "includes/epoch.lua"
--@include "includes/ratio.lua"
local algorithms = {}
--@include "includes/algorithms/*.lua"

if repeated(KEYS[1], ARGV[1]) then return REPEATED end

local given = ARGV[2]
local now = clock(given)
local batch = cjson.decode(ARGV[3])
local policies, numbers = batch[1], batch[2]

-- Entries after the calls so far, in the form of version 1: their values (false if there is no entry), the times until
-- which their keys are blocked (false if the value is not an entry), and the lengths of the blocks (false if unknown).
-- Written once, at the end.
local values, blocked, lengths, lifetimes = {}, {}, {}, {}

-- For each charged entry, the policy and the settled state after the charge. If claims share entries, the state is packed
-- once, at the end. If the counts show that no claims share entries, the state is not kept.
local held, as, bs, cs, ds = {}, {}, {}, {}, {}
local shares = #numbers > 5 * (#KEYS - 1)

-- True if anything is charged, and the server's error if it refuses to write.
local charged, refusal = false, nil

-- Returns whether the server accepts writes. Tested before the first charge, with the write that each charge needs anyway,
-- because the server refuses all writes or none.
local function can_write()
  if not charged and not refusal then
    local reply = remember(KEYS[1], ARGV[1])
    if reply.err then refusal = reply.err else charged = true end
  end
  return charged
end

local result, n = { now }, 1

-- Packs the state of a charged entry.
local function keep(entry, policy, a, b, c, d)
  values[entry], lifetimes[entry] = policy.algorithm.write(policy, now, blocked[entry], a, b, c, d)
  held[entry] = nil
end

-- Returns the settled state of an entry, or nothing if it can't be read.
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

-- Returns 1 if a claim on a settled state fits, 0 if not, and -1 if its entry can't be read.
local function judge(entry, policy, cost, a, b, c, d)
  if not a then return -1 end
  return blocked[entry] <= now and policy.algorithm.fits(policy, now, cost, a, b, c, d) and 1 or 0
end

-- Charges a settled state and reports it, or reports it without a charge.
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

-- From here on, the numbers in the result are text, because client libraries read integers near 2^53 inexactly.
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
