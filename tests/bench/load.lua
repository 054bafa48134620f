-- wrk sends the requests of a file, one after the other, and counts the answers by status.
-- Each request stands behind its length in bytes on a line of its own.
local requests, sent, threads = {}, 0, {}
accepted, repeated, other = 0, 0, 0

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  for length in function() return file:read("*l") end do
    requests[#requests + 1] = file:read(tonumber(length))
  end
  file:close()
end

function request()
  sent = sent % #requests + 1
  return requests[sent]
end

function response(status)
  if status == 202 then accepted = accepted + 1
  elseif status == 200 then repeated = repeated + 1
  else other = other + 1 end
end

function done(summary)
  local a, r, o = 0, 0, 0
  for _, thread in ipairs(threads) do
    a, r, o = a + thread:get("accepted"), r + thread:get("repeated"), o + thread:get("other")
  end
  io.write(string.format('\n{"seconds": %f, "accepted": %d, "repeated": %d, "other": %d}\n', summary.duration / 1e6, a, r, o))
end
