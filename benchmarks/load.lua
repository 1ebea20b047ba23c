-- Sends prepared requests in turn and counts every answer that is not a success.
-- The file named by REQUESTS holds four lines a request: path, headers as name=value
-- joined by tabs, body, and an empty line.
local requests, at, failures = {}, 0, 0
local threads = {}

function setup(thread) table.insert(threads, thread) end

function init()
  local file = assert(io.open(os.getenv("REQUESTS"), "r"))
  while true do
    local path = file:read("l")
    if not path then break end
    local headers = {}
    for name, value in file:read("l"):gmatch("([^\t=]+)=([^\t]*)") do headers[name] = value end
    local body = file:read("l")
    file:read("l")
    table.insert(requests, wrk.format("POST", path, headers, body))
  end
  file:close()
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function response(status, headers, body)
  if status ~= 200 or body:find('"Error"', 1, true) then
    failures = failures + 1
  end
  refused = failures
end

function done(summary, latency)
  local refusals = 0
  for _, thread in ipairs(threads) do refusals = refusals + (thread:get("refused") or 0) end
  local lost = summary.errors
  io.write(string.format(
    '\nRESULT {"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "failures": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3,
    refusals + lost.connect + lost.read + lost.write + lost.timeout))
end
