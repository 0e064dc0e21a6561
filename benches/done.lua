-- What wrk saw, as one line of JSON.
function done(summary, latency)
  io.write(string.format('\n{"requests":%d,"us":%d,"p50":%d,"p99":%d,"refused":%d,"broken":%d}\n', summary.requests,
    summary.duration, latency:percentile(50), latency:percentile(99), summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
