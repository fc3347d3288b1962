-- Entries as JSON, the form that callers see. Needs entry.lua.
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

-- If encoding a value again would not give the same text, the text is kept.
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
