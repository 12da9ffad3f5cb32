-- Plays a file of requests in order, over and over, and checks every answer.
-- A line: method, path, body, text that a good answer contains; separated by tabs.
-- Where a file of ids is given, an answer to a read must carry one of them as its id.

local requests, needles, ids = {}, {}, {}
local at, seen, distinct, bad, first_bad = 0, {}, 0, 0, nil
thread_handle = nil

function setup(thread) thread_handle = thread end

function init(args)
  for line in io.lines(args[1]) do
    local method, path, body, needle = line:match("^(.-)\t(.-)\t(.-)\t(.-)$")
    local headers = { ["Content-Type"] = "application/json" }
    requests[#requests + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
    needles[needle] = true
  end
  if args[2] and args[2] ~= "-" then
    for id in io.lines(args[2]) do ids[id] = true end
    check_ids = true
  end
  bad_count, distinct_count, bad_example = 0, 0, ""
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function response(status, headers, body)
  local good = status >= 200 and status < 300
  if good then
    good = false
    for needle in pairs(needles) do
      if needle == "" or body:find(needle, 1, true) then good = true break end
    end
  end
  if good and check_ids and status == 200 then
    local id = body:match('"id":"([%x%-]+)"')
    if id and ids[id] and not seen[id] then seen[id] = true distinct_count = distinct_count + 1 end
  end
  if not good then
    bad_count = bad_count + 1
    if bad_example == "" then bad_example = status .. " " .. body:sub(1, 200):gsub('[%c"\\]', " ") end
  end
end

function done(summary, latency, all)
  local e = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"seconds":%f,"bad":%d,"socket":%d,"distinct":%d,"p99_ms":%f,"example":"%s"}\n',
    summary.requests, summary.duration / 1e6, thread_handle:get("bad_count"),
    e.connect + e.read + e.write + e.timeout, thread_handle:get("distinct_count"),
    latency:percentile(99) / 1000, thread_handle:get("bad_example")))
end
