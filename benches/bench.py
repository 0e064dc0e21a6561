#!/usr/bin/env python3
"""What the product carries, beside what its server carries with nothing behind it. One line a figure:

    bench NAME VALUE UNIT target FIGURE ok|short

    bench.py [--on sqlite|postgres] [beacons|script|statistics|contacts …]

Load comes from wrk on this machine, so that it takes its share of the processors from both alike: the ratios are what
counts, not the numbers. PostgreSQL runs with its durability on.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "support"))
import contactbar  # noqa: E402
import requests  # noqa: E402
from contactbar import ROOT  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = contactbar.BINARY.parent / "examples"
BARE, RUN_SQL = EXAMPLES / "bare_server", EXAMPLES / "run_sql"
SECS = int(os.environ.get("BENCH_SECS", "8"))
BARS = int(os.environ.get("BENCH_BARS", "20"))
CONNECTIONS = [16, 64, 256]
# 100,000,000 takes a quarter of an hour and 30 GiB on each database: ask for it.
EVENTS = [int(number) for number in os.environ.get("BENCH_EVENTS", "1000000,10000000").split(",")]
CONTACTS = int(os.environ.get("BENCH_CONTACTS", "1000000"))
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


def processes_of(database):
    """PostgreSQL's processes, as far as they run on this machine."""
    told = subprocess.run(
        ["psql", "-qAtX", "-d", database, "-c", "select min(pid) from pg_stat_activity"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    parents = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            parents[int(stat.parent.name)] = int(stat.read_text().rsplit(")", 1)[1].split()[1])
    server = parents.get(int(told))
    return [pid for pid, parent in parents.items() if parent == server is not None]


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
        for key in keys:  # what a publication sets off is over
            requests.get(f"http://127.0.0.1:{server.port}/b/{key}.js", timeout=60)
        load = {"script": "beacons.lua", "BARS": ",".join(keys)}
        url = f"http://127.0.0.1:{server.port}/e"
        wrk(url, 64, secs=2, **load)
        for connections in CONNECTIONS:
            most = wrk(floor + "/e", connections, **load)
            workers = [server.process.pid]
            before = processor_secs(workers)
            at = server.environment["CONTACTBAR_DATABASE_URL"]
            before_behind = processor_secs(processes_of(at)) if database == "postgres" else 0
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
            if database == "postgres":
                behind = processor_secs(processes_of(at)) - before_behind
                say(f"{name}_cpu_postgres", 1e6 * behind / counted, "us")
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


# ── Much that is stored ─────────────────────────────────────────────────────────────────────────────────


def fill(server, statements):
    """Puts rows into the tables, past the product, in one transaction."""
    url = server.environment["CONTACTBAR_DATABASE_URL"]
    subprocess.run([RUN_SQL, url], input=statements, text=True, check=True)


class Words:
    """How the two databases say the same."""

    def __init__(self, database):
        self.sqlite = database == "sqlite"

    def id(self, number):
        """The id whose last digits are the number."""
        if self.sqlite:
            return f"unhex(printf('%032x', {number}))"
        return f"lpad(to_hex({number}), 32, '0')::uuid"

    def constant_id(self, text):
        """An id as the API says it."""
        alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
        number = 0
        for letter in text.split("_")[1]:
            number = number << 5 | alphabet.index(letter)
        return f"x'{number:032x}'" if self.sqlite else f"'{number:032x}'::uuid"

    def ago(self, days):
        """A time so many days before now."""
        if self.sqlite:
            return f"(CAST((unixepoch('subsec') - 86400 * ({days})) * 1000000 AS INTEGER))"
        return f"(now() - interval '1 day' * ({days}))"

    def series(self, name, first, last):
        """The table `name` of the numbers `n` from first to last."""
        if self.sqlite:
            return (
                f"(WITH RECURSIVE {name}(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM {name} WHERE n < {last})"
                f" SELECT n FROM {name}) AS {name}"
            )
        return f"(SELECT n FROM generate_series({first}, {last}) AS n) AS {name}"

    @property
    def true(self):
        return "1" if self.sqlite else "true"


def milliseconds(ask, rounds=15):
    """The median time of an answer, and the answer."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        answer = ask()
        times.append(1000 * (time.perf_counter() - begun))
    return sorted(times)[rounds // 2], answer


def statistics(database):
    """One bar over 90 days, with as many events behind it as EVENTS says."""
    with contactbar.Server(database, **SETTINGS) as server:
        member = contactbar.Member.registered(server)
        me = member.call("GET", contactbar.SESSION)["member"]["member_id"]
        words = Words(database)
        figures = {}
        for events in EVENTS:
            bar = member.published_bar(name=f"{events}")
            fill(server, events_of(words, me, bar["id"], events))
            asked = {
                "totals": "stats",
                "series": "stats/series",
                "pages": "stats/breakdown?by=page&limit=50",
                "one_page": "stats?page=shop.example/p7",
            }
            today = datetime.datetime.now(datetime.UTC).date()
            period = f"from={today - datetime.timedelta(days=89)}&to={today}"
            for name, path in asked.items():
                url = f"{contactbar.BARS}/{bar['id']}/{path}{'&' if '?' in path else '?'}{period}"
                took, _ = milliseconds(lambda url=url: member.call("GET", url))
                label = f"{database}_statistics_{name}_{events // 1_000_000}m"
                say(label, took, "ms", 20, took < 20)
                figures.setdefault(name, []).append(took)
        for name, times in figures.items():
            if len(times) > 1:
                ratio = times[-1] / times[0]
                grown = EVENTS[-1] // EVENTS[0]
                say(f"{database}_statistics_{name}_at_{grown}_times_the_events", ratio, "ratio", 2, ratio < 2)


def events_of(words, member, bar, count):
    """A bar's last 90 days: its events, an even stream, and what they add up to."""
    member, bar = words.constant_id(member), words.constant_id(bar)
    hours = 90 * 24
    now_hour = int(time.time() // 3600)
    values = {"total": 1, "variant": 2, "page": 200, "site": 3, "referrer": 40, "browser": 6, "system": 5,
              "device": 3, "language": 12}  # fmt: skip
    names = {"total": "''", "variant": "'v' || k.n", "page": "'shop.example/p' || k.n", "site": "'s' || k.n || '.example'",
             "referrer": "'r' || k.n || '.example'"}  # fmt: skip
    yield_sql = [
        f"INSERT INTO events (member_id, bar_id, event_id, kind, received_at, visitor, variant, host, path, referrer_host, "
        f"browser, browser_version, system, device, language, shown_ms, first_of_day) "
        f"SELECT {member}, {bar}, {words.id('e.n')}, 1, {words.ago(f'90.0 - 90.0 * e.n / {count}')}, {words.id('e.n % 500000')}, 'v0', "
        f"'shop.example', '/p' || (e.n % 200), '', 'Firefox', '144', 'Linux', 'desktop', 'en', 1200, {words.true} "
        f"FROM {words.series('e', 1, count)};"
    ]
    for dimension, many in values.items():
        value = names.get(dimension, f"'{dimension}' || k.n")
        for table, bucket, buckets, last in [
            ("hourly_counts", "hour", hours, now_hour),
            ("daily_counts", "day", hours // 24, now_hour // 24),
        ]:
            views = max(1, count // buckets // many)
            yield_sql.append(
                f"INSERT INTO {table} (member_id, bar_id, dimension, {bucket}, value, views, visitors, clicks, closes, submissions) "
                f"SELECT {member}, {bar}, '{dimension}', {last} - b.n, {value}, {views}, {max(1, views // 3)}, {views // 20}, {views // 9}, "
                f"{views // 90} FROM {words.series('b', 0, buckets - 1)}, {words.series('k', 0, many - 1)};"
            )
    return "\n".join([*yield_sql, "ANALYZE;"])


def contacts(database):
    with contactbar.Server(database, **SETTINGS) as server:
        member = contactbar.Member.registered(server)
        bar = member.published_bar()
        me, words = member.call("GET", contactbar.SESSION)["member"]["member_id"], Words(database)
        fill(server, contacts_of(words, me, bar["id"], CONTACTS))
        count = f"{database}_contacts"
        pages = {
            "first_page": "?limit=50",
            "search_rare": f"?limit=50&search=visitor{CONTACTS // 2}@",
            "search_common": "?limit=50&search=mail.example",
            "search_two_words": "?limit=50&search=ada+north",
            "filtered": "?limit=50&status=open",
        }
        for name, query in pages.items():
            took, page = milliseconds(lambda query=query: member.call("GET", contactbar.CONTACTS + query))
            if not page["items"]:
                raise RuntimeError(f"{name} found nothing")
            say(f"{count}_{name}", took, "ms", 20, took < 20)
        before = memory(server.process.pid, "VmHWM")
        begun, size = time.perf_counter(), 0
        with member.http.get(f"{server.url}/api/v1/contacts.csv", stream=True, timeout=600) as answer:
            for chunk in answer.iter_content(1 << 20):
                size += len(chunk)
        took = time.perf_counter() - begun
        say(f"{count}_export", CONTACTS / took, "1/s")
        say(f"{count}_export_size", size / MIB, "MiB")
        grown = memory(server.process.pid, "VmHWM") - before
        say(f"{count}_export_memory", grown, "MiB", 32, grown < 32)


def contacts_of(words, member, bar, count):
    member, bar = words.constant_id(member), words.constant_id(bar)
    name = (
        "CASE n % 5 WHEN 0 THEN 'Ada' WHEN 1 THEN 'Bob' WHEN 2 THEN 'Cleo' WHEN 3 THEN 'Dora' ELSE 'Emil' END || ' ' || "
        "CASE n % 7 WHEN 0 THEN 'North' WHEN 1 THEN 'East' WHEN 2 THEN 'South' WHEN 3 THEN 'West' ELSE 'Mill' || n % 97 END"
    )
    address = "'visitor' || n || '@mail.example'"
    policy = "(SELECT id FROM policy_versions WHERE document = 'privacy' ORDER BY version DESC LIMIT 1)"
    at = words.ago(f"300.0 - 300.0 * n / {count}")
    return "\n".join(
        [
            f"INSERT INTO contacts (id, member_id, email, name, status, search, submissions, first_submitted_at, last_submitted_at, "
            f"last_submission_id, policy_version_id, collected_at, updated_at) "
            f"SELECT {words.id('n')}, {member}, {address}, {name}, CASE n % 3 WHEN 0 THEN 'new' WHEN 1 THEN 'open' ELSE 'done' END, "
            f"lower({address} || char(10) || {name}), 1, {at}, {at}, {words.id('n')}, {policy}, {at}, {at} "
            f"FROM {words.series('s', 1, count)};".replace(
                "char(10)", "char(10)" if words.sqlite else "chr(10)"
            ),
            f"INSERT INTO submissions (id, member_id, contact_id, bar_id, bar_version, event_id, variant, fields, host, path, referrer_host, "
            f"language, policy_version_id, collected_at, notified_at) "
            f"SELECT {words.id('n')}, {member}, {words.id('n')}, {bar}, 1, {words.id('n')}, 'a', '[]', 'shop.example', '/', '', 'en', "
            f"{policy}, {at}, {at} FROM {words.series('s', 1, count)};",
            "ANALYZE;",
        ]
    )


# ── Which, on what ──────────────────────────────────────────────────────────────────────────────────────

PARTS = {"beacons": beacons, "script": script, "statistics": statistics, "contacts": contacts}


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
