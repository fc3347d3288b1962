-- Entries as JSON, which is how callers see them. Needs entry.lua.
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

-- Whatever does not come back as the same text stays the text that it is.
local function from_json(text)
  if string.sub(text, 1, 3) ~= '[1,' then return text end
  local ok, entry = pcall(cjson.decode, text)
  if not ok or type(entry[2]) ~= 'number' then return text end
  local packed
  ok, packed = pcall(pack_list, entry[2], type(entry[3]) == 'table' and entry[3] or nil)
  return ok and to_json(packed) == text and packed or text
end
