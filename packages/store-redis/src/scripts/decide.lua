-- Decides a batch of admissions, each completely or not at all.
--
-- KEYS[1]      the lane of the caller (see once.lua)
-- KEYS[2...]   the entries, each once
-- ARGV[1]      the number of this script on its lane
-- ARGV[2]      the time in milliseconds, or '' for the server's
-- ARGV[3]      JSON: [policies, numbers]
--                policies: an array of [algorithm, its numbers...]
--                numbers: for each admission 1 to charge or 0 to look, and its count of claims; then for each claim its
--                entry, its policy (both counted from 1) and its cost
--
-- Result       flat whole numbers (the largest as texts): the time; then for each admission 1 (allowed), 0 (denied), -1 (an entry can't be read, and
--              nothing follows) or -2 (it fits, the server refuses to write, and nothing follows), and for each of its
--              claims: the time until which the key is blocked, and what the algorithm's `report` adds, after the charge
--              if there was one. With any -2, last of all the server's error as a text.
--
-- Writes charges, and repairs of entries whose state was corrected on reading (see core's entry.ts). If the server
-- refuses to write a repair, the result does not change.
--
-- `algorithms` has a table of functions for each algorithm, each in a separate file:
--   settle(policy, now, value)                  the state as it stands: up to four values, then whether it was repaired
--   fits(policy, now, cost, a, b, c, d)         whether the cost fits
--   charge(policy, now, cost, a, b, c, d)       the settled state after the charge
--   write(policy, now, blocked, a, b, c, d)     the value to store, and its lifetime
--   report(result, n, policy, cost, a, b, c, d) adds what core's `read` of the algorithm takes; returns the new n
-- A settled state is passed as plain values, one of which may be a table: a table for each state would cost more than
-- the decision.

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

-- Entries as this batch leaves them, in the form of version 1: their values, false if there is no entry; the time until
-- which their keys are blocked, false if the value is not an entry; and the length of the block, false if unknown.
-- Written once, at the end.
local values, blocked, lengths, lifetimes = {}, {}, {}, {}

-- True if anything is charged; and the server's error if it refuses to write.
local charged, refusal = false, nil

local function load(entry)
  local value = redis.pcall('GET', KEYS[entry + 1])
  values[entry], blocked[entry], lengths[entry] = value, 0, false
  if not value then return end
  local plain, until_ms, for_ms = open_entry(value)
  values[entry], blocked[entry], lengths[entry] = plain, until_ms or false, for_ms
end

-- Returns whether the server accepts writes. Asked before the first charge, by the write that must come with it: the
-- server refuses all writes or none.
local function can_write()
  if not charged and not refusal then
    local reply = remember(KEYS[1], ARGV[1])
    if reply.err then refusal = reply.err else charged = true end
  end
  return charged
end

local result, n = { now }, 1

-- Returns whether a claim fits (1 or 0, -1 when its entry can't be read) and its settled state.
local function judge(entry, policy, cost)
  if blocked[entry] == nil then load(entry) end
  if not blocked[entry] then return -1 end
  local algorithm = policy.algorithm
  local a, b, c, d, repaired = algorithm.settle(policy, now, values[entry])
  local length = lengths[entry]
  local too_long = length and blocked[entry] - now > length
  if too_long then blocked[entry] = now + length end
  if repaired or too_long then
    local value, lifetime = algorithm.write(policy, now, blocked[entry], a, b, c, d)
    if repaired then values[entry] = value end
    lifetimes[entry] = math.max(1, lifetime)
  end
  if blocked[entry] > now or not algorithm.fits(policy, now, cost, a, b, c, d) then return 0, a, b, c, d end
  return 1, a, b, c, d
end

-- Charges a settled state and reports it, or reports it unchanged.
local function finish(charging, entry, policy, cost, a, b, c, d)
  local algorithm = policy.algorithm
  if charging then
    a, b, c, d = algorithm.charge(policy, now, cost, a, b, c, d)
    values[entry], lifetimes[entry] = algorithm.write(policy, now, blocked[entry], a, b, c, d)
    cost = 0
  end
  n = n + 1
  result[n] = blocked[entry]
  n = algorithm.report(result, n, policy, cost, a, b, c, d)
end

-- From here on, the numbers in the result are texts: client libraries read integers near 2^53 one off.
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
    local verdict, a, b, c, d = judge(entry, policy, cost)
    if verdict == 1 and charging and not can_write() then verdict = -2 end
    result[n] = verdict
    if verdict >= 0 then finish(charging and verdict == 1, entry, policy, cost, a, b, c, d) end
  else
    local verdict, place = 1, n
    for i = first, last, 3 do
      local fits = judge(numbers[i], policies[numbers[i + 1]], numbers[i + 2])
      if fits < verdict then verdict = fits end
    end
    if verdict == 1 and charging and not can_write() then verdict = -2 end
    result[place] = verdict
    for i = first, verdict < 0 and 0 or last, 3 do
      local entry, policy = numbers[i], policies[numbers[i + 1]]
      finish(charging and verdict == 1, entry, policy, numbers[i + 2], policy.algorithm.settle(policy, now, values[entry]))
    end
  end
end

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
