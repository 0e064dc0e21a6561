#!/usr/bin/env python3
"""What the product carries, beside what its server carries with nothing behind it. One line a figure:

    bench NAME VALUE UNIT target FIGURE ok|short

    bench.py [beacons|script|statistics|contacts …]

Load comes from wrk on this machine, so that it takes its share of the processors from both alike: the ratios are what
counts, not the numbers. PostgreSQL runs with its durability on.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "support"))
import contactbar  # noqa: E402
import requests  # noqa: E402
from contactbar import ROOT  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
BARE = contactbar.BINARY.parent / "examples" / "bare_server"
SECS = int(os.environ.get("BENCH_SECS", "8"))
BARS = int(os.environ.get("BENCH_BARS", "20"))
CONNECTIONS = [16, 64, 256]
MIB = 1 << 20
SETTINGS = contactbar.UNLIMITED | {
    "CONTACTBAR_TRUSTED_PROXIES": "127.0.0.1",
    "CONTACTBAR_LOG": "warn",
}
TICKS = os.sysconf("SC_CLK_TCK")


def say(name, value, unit, target=None, reached=None):
    figure = f"{value:.3g}" if isinstance(value, float) and value < 100 else f"{value:.0f}"
    end = "" if target is None else f" target {target} {'ok' if reached else 'short'}"
    print(f"bench {name} {figure} {unit}{end}", flush=True)


# ── Load, and what it costs ─────────────────────────────────────────────────────────────────────────────


def wrk(url, connections, script=None, headers=(), secs=SECS, **environment):
    """What wrk saw: requests a second, the median and 99th percentile in milliseconds."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{secs}s", "--timeout", "10s"]
    command += ["-s", HERE / (script or "done.lua")]
    for name, value in dict(headers).items():
        command += ["-H", f"{name}: {value}"]
    told = subprocess.run(
        [*command, url],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | environment,
    ).stdout
    seen = json.loads(told.strip().splitlines()[-1])
    if seen["broken"]:
        raise RuntimeError(f"{url}: {seen}")
    seen["rate"] = seen["requests"] / (seen["us"] / 1e6)
    seen["p50"], seen["p99"] = seen["p50"] / 1000, seen["p99"] / 1000
    return seen


def processor_secs(pids):
    total = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory(pid, what):
    return (
        int(re.search(rf"{what}:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1))
        / 1024
    )


def backends_of(database):
    """The processes of PostgreSQL that work for this database."""
    told = subprocess.run(
        ["psql", "-qAtX", "-d", database, "-c", "select pid from pg_stat_activity where datname = current_database()"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return [int(pid) for pid in told.split()]


@contextlib.contextmanager
def bare(script=None):
    """The same server with nothing behind it."""
    port = contactbar.free_port()
    process = subprocess.Popen([BARE, str(port), *([script] if script else [])])
    try:
        url = f"http://127.0.0.1:{port}"
        contactbar.wait_until("the bare server", lambda: answers(url + "/b/x.js"))
        yield url
    finally:
        process.terminate()
        process.wait()


def answers(url):
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(url, timeout=2).ok


# ── Beacons ─────────────────────────────────────────────────────────────────────────────────────────────


def beacons(database):
    with contactbar.Server(database, **SETTINGS) as server, bare() as floor:
        say(
            f"{database}_memory_at_rest",
            memory(server.process.pid, "VmRSS"),
            "MiB",
            80,
            memory(server.process.pid, "VmRSS") < 80,
        )
        member = contactbar.Member.registered(server)
        keys = [member.published_bar(name=f"Bar {n}")["key"] for n in range(BARS)]
        load = {"script": "beacons.lua", "BARS": ",".join(keys)}
        url = f"http://127.0.0.1:{server.port}/e"
        wrk(url, 64, secs=2, **load)
        for connections in CONNECTIONS:
            most = wrk(floor + "/e", connections, **load)
            workers = [server.process.pid]
            before = processor_secs(workers)
            behind = (
                backends_of(server.environment["CONTACTBAR_DATABASE_URL"]) if database == "postgres" else []
            )
            before_behind = processor_secs(behind)
            ours = wrk(url, connections, **load)
            counted = ours["requests"] - ours["refused"]
            name = f"{database}_beacons_{connections}"
            say(f"{name}_bare", most["rate"], "1/s")
            say(name, counted / (ours["us"] / 1e6), "1/s")
            ratio = counted / (ours["us"] / 1e6) / most["rate"]
            say(
                f"{name}_of_bare",
                ratio,
                "ratio",
                *((0.6, ratio >= 0.6) if connections == 64 else ()),
            )
            say(f"{name}_p50", ours["p50"], "ms")
            say(f"{name}_p99", ours["p99"], "ms")
            say(f"{name}_cpu", 1e6 * (processor_secs(workers) - before) / counted, "us")
            if behind:
                say(
                    f"{name}_cpu_postgres",
                    1e6 * (processor_secs(behind) - before_behind) / counted,
                    "us",
                )
            if ours["refused"]:
                say(f"{name}_refused", ours["refused"], "requests")
            if connections == 64:
                half = wrk(url, 64, RATE=str(ours["rate"] / 2), CONNECTIONS="64", **load)
                say(f"{name}_p99_at_half_load", half["p99"], "ms", 25, half["p99"] < 25)
        peak = memory(server.process.pid, "VmHWM")
        say(f"{database}_memory_at_most", peak, "MiB", 256, peak < 256)


# ── The bar's script ────────────────────────────────────────────────────────────────────────────────────


def script(database):
    with contactbar.Server(database, **SETTINGS) as server:
        member = contactbar.Member.registered(server)
        key = member.published_bar()["key"]
        url = f"http://127.0.0.1:{server.port}/b/{key}.js"
        answer = requests.get(url, headers={"Accept-Encoding": "br"}, stream=True, timeout=10)
        body = server.folder / "script.br"
        body.write_bytes(answer.raw.read(decode_content=False))
        with bare(body) as floor:
            for name, header, target in [
                ("script", {"Accept-Encoding": "br"}, 0.85),
                (
                    "script_304",
                    {"If-None-Match": answer.headers["ETag"], "Accept-Encoding": "br"},
                    0.85,
                ),
            ]:
                rounds = []
                for _ in range(3):
                    most = wrk(floor + "/b/x.js", 64, headers=header, secs=max(2, SECS // 2))
                    ours = wrk(url, 64, headers=header, secs=max(2, SECS // 2))
                    rounds.append((ours["rate"] / most["rate"], ours["rate"], most["rate"]))
                ratio, rate, most = sorted(rounds)[1]
                say(f"{database}_{name}_bare", most, "1/s")
                say(f"{database}_{name}", rate, "1/s")
                say(
                    f"{database}_{name}_of_bare",
                    ratio,
                    "ratio",
                    target,
                    ratio >= target,
                )


# ── Which, on what ──────────────────────────────────────────────────────────────────────────────────────

PARTS = {"beacons": beacons, "script": script}


@contextlib.contextmanager
def durable_postgres():
    """A cluster of its own that means what it says."""
    if os.environ.get("CONTACTBAR_BENCH_POSTGRES"):
        yield os.environ["CONTACTBAR_BENCH_POSTGRES"]
        return
    environment = os.environ | {
        "CONTACTBAR_PG_HOME": str(ROOT / ".build" / "postgres-bench"),
        "CONTACTBAR_PG_DURABLE": "yes",
    }
    tool = ROOT / "tools" / "postgres"
    url = subprocess.run(
        [tool, "start"], env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()
    try:
        yield url
    finally:
        subprocess.run([tool, "stop"], env=environment, check=True)


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("parts", nargs="*", choices=[*PARTS, []])
    arguments.add_argument("--on", action="append", choices=["sqlite", "postgres"])
    asked = arguments.parse_args()
    databases = asked.on or ["sqlite", "postgres"]
    with contextlib.ExitStack() as open_things:
        if "postgres" in databases:
            os.environ["CONTACTBAR_TEST_POSTGRES"] = open_things.enter_context(durable_postgres())
        for part in asked.parts or PARTS:
            for database in databases:
                PARTS[part](database)


if __name__ == "__main__":
    main()
