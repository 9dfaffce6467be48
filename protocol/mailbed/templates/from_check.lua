-- Run by OpenDKIM when the header of a letter is complete: what an account submits must bear its own
-- address, and nothing else, in From. (Postfix sees either the account or the header, never both.)
-- OpenDKIM also runs this once at its start, with made-up values; an error would end it.

local account = odkim.get_mtasymbol(ctx, "{auth_authen}")

-- The one address in a field like `"The Shop" <orders@shop.example>` or `orders@shop.example`. Whatever
-- could be read in two ways has none.
local function address_in(field)
  local plain = field:gsub('"[^"\\]*"', "")
  if plain:find('["\\(),;:]') then return nil end
  local inside = plain:match("^[^<>]*<([^<>]*)>%s*$") or plain
  return inside:match("^%s*([^%s@<>]+@[^%s@<>]+)%s*$")
end

if account ~= nil then
  local first = odkim.get_header(ctx, "From", 0)
  local second = odkim.get_header(ctx, "From", 1)
  local address = first ~= nil and second == nil and address_in(first) or nil
  -- local+anything belongs to local
  if address == nil or address:lower():gsub("%+[^@]*", "") ~= account:lower() then
    odkim.set_result(ctx, SMFIS_REJECT)
  end
end
return nil
