-- Visitors of some shops, for wrk: one beacon a request, each with an id of its own.
--   BARS      the bars' keys, with commas
--   RATE      beacons a second in all connections together; without it, as many as go
--   CONNECTIONS  how many there are, if RATE is set
local bars, seeds = {}, 0
local pages = { "/", "/teas", "/teas/green", "/teas/black", "/cups", "/about", "/contact", "/news" }
local referrers = { "", "", "https://search.example/?q=tea", "https://news.example/today" }
local agents = {
  "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
}

function setup(thread)
  seeds = seeds + 1
  thread:set("seed", seeds)
end

function init()
  math.randomseed(seed * 7919 + os.time())
  for key in string.gmatch(os.getenv("BARS"), "[^,]+") do bars[#bars + 1] = key end
end

-- wrk calls `delay` where there is one. Between nothing and twice the mean, so that connections don't march in step.
if os.getenv("RATE") then
  local most = 2000 * tonumber(os.getenv("CONNECTIONS")) / tonumber(os.getenv("RATE"))
  function delay() return math.random() * most end
end

local function any(list) return list[math.random(#list)] end

function request()
  -- As the bar makes it: milliseconds, then chance.
  local id = string.format("%011x%07x%07x%07x", os.time() * 1000 + math.random(0, 999), math.random(0, 0xfffffff),
    math.random(0, 0xfffffff), math.random(0, 0xfffffff))
  local body = string.format(
    '{"b":"%s","i":"%s","k":"%s","v":"a","u":"https://shop.example%s","r":"%s","l":"en-GB","t":%d}',
    any(bars), id, math.random() < 0.9 and "view" or "click", any(pages), any(referrers), math.random(200, 9000))
  return wrk.format("POST", "/e", {
    ["Content-Type"] = "text/plain",
    ["User-Agent"] = any(agents),
    ["X-Forwarded-For"] = string.format("198.%d.%d.%d", math.random(18, 19), math.random(0, 255), math.random(1, 254)),
  }, body)
end

dofile(debug.getinfo(1, "S").source:match("^@(.*)beacons%.lua$") .. "done.lua")
