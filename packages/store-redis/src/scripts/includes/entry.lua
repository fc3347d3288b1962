-- An entry is stored as MessagePack: its version, the time until which its key is blocked, in version 2 the length of
-- that block, and the numbers of its state, one after the other. That is half the size of JSON, and is read and written
-- in less than half the time. The first byte is 1 or 2, which JSON never starts with.
local VERSION, BLOCKED_VERSION = 1, 2
local pack, unpack_some = cmsgpack.pack, cmsgpack.unpack_limit

-- Lua's stack has room for a few thousand values.
local CHUNK = 1000

-- Returns the value as one of version 1, the time until which it is blocked, for how long (false: not known), and up to
-- five numbers of its state. Returns nothing if it is not an entry.
local function open_entry(value)
  local ok, _, version, until_ms, a, b, c, d, e, f = pcall(unpack_some, value, 8, 0)
  if not ok or type(until_ms) ~= 'number' then return nil end
  if version == VERSION then return value, until_ms, false, a, b, c, d, e end
  if version ~= BLOCKED_VERSION or type(a) ~= 'number' then return nil end
  local offset = unpack_some(value, 3, 0)
  local plain = pack(VERSION, until_ms) .. (offset == -1 and '' or string.sub(value, offset + 1))
  return plain, until_ms, a, b, c, d, e, f
end

-- Returns up to five numbers of the state of a value of version 1.
local function state_of(value)
  local _, _, _, a, b, c, d, e = unpack_some(value, 7, 0)
  return a, b, c, d, e
end

-- Returns the same value with another block.
local function close_entry(value, until_ms, for_ms)
  local offset = unpack_some(value, 2, 0)
  local header = for_ms and pack(BLOCKED_VERSION, until_ms, for_ms) or pack(VERSION, until_ms)
  return header .. (offset == -1 and '' or string.sub(value, offset + 1))
end

-- Returns the same for a list of numbers; nil if there is no state. An empty list is false, to distinguish it from no
-- state.
local function pack_list(blocked, numbers)
  local packed = { pack(VERSION, blocked) }
  if numbers and #numbers == 0 then packed[2] = pack(false) end
  for first = 1, numbers and #numbers or 0, CHUNK do
    packed[#packed + 1] = pack(unpack(numbers, first, math.min(first + CHUNK - 1, #numbers)))
  end
  return table.concat(packed)
end

-- Returns the numbers of a value of version 1; nil if there is no state.
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
