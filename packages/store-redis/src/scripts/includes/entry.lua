-- An entry is stored as MessagePack: its version, the time until which its key is blocked, in version 2 the length of that
-- block, and the numbers of its state. That takes half the size of JSON, and less than half the time to read and write. The
-- first byte is 1 or 2, with which JSON never starts.
local VERSION, BLOCKED_VERSION = 1, 2
local pack, unpack_some = cmsgpack.pack, cmsgpack.unpack_limit

-- Lua's stack has room for a few thousand values.
local CHUNK = 1000

-- Returns the value in the form of version 1, the time until which it is blocked, the length of the block (false if
-- unknown), and up to five numbers of its state. Returns nothing if it is not an entry.
local function open_entry(value)
  local ok, _, version, until_ms, a, b, c, d, e, f = pcall(unpack_some, value, 8, 0)
  if not ok or type(until_ms) ~= 'number' then return nil end
  if version == VERSION then return value, until_ms, false, a, b, c, d, e end
  if version ~= BLOCKED_VERSION or type(a) ~= 'number' then return nil end
  local offset = unpack_some(value, 3, 0)
  local plain = pack(VERSION, until_ms) .. (offset == -1 and '' or string.sub(value, offset + 1))
  return plain, until_ms, a, b, c, d, e, f
end

-- Returns up to five numbers of the state in a value of version 1.
local function state_of(value)
  local _, _, _, a, b, c, d, e = unpack_some(value, 7, 0)
  return a, b, c, d, e
end

-- Returns the value with another block.
local function close_entry(value, until_ms, for_ms)
  local offset = unpack_some(value, 2, 0)
  local header = for_ms and pack(BLOCKED_VERSION, until_ms, for_ms) or pack(VERSION, until_ms)
  return header .. (offset == -1 and '' or string.sub(value, offset + 1))
end

-- Returns a value of version 1 with a list of numbers, which is nil if there is no state. An empty list is stored as
-- false, to distinguish it from a missing state.
local function pack_list(blocked, numbers)
  local packed = { pack(VERSION, blocked) }
  if numbers and #numbers == 0 then packed[2] = pack(false) end
  for first = 1, numbers and #numbers or 0, CHUNK do
    packed[#packed + 1] = pack(unpack(numbers, first, math.min(first + CHUNK - 1, #numbers)))
  end
  return table.concat(packed)
end

-- Returns the numbers in a value of version 1, or nil if there is no state.
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
