-- The names of windows: see core's epoch.ts.
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
