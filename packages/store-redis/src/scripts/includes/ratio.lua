-- floor(a * b / divisor), exact even if the product exceeds 2^53: see core's ratio.ts.
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
