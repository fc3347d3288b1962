-- How an entry is stored: MessagePack of its version, the time until which its key is blocked, and the numbers of its
-- state, one after the other. Half the size of JSON, read and written in less than half the time. Its first byte is 1,
-- with which no JSON begins.
local VERSION = 1
local pack, unpack_one, unpack_some = cmsgpack.pack, cmsgpack.unpack, cmsgpack.unpack_limit

-- Lua's stack has room for some thousands of values.
local CHUNK = 1000

-- The same for as many numbers as there are; nil for no state. No numbers at all are false, to be told from no state.
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
