#!/usr/bin/env python3
"""`kill -9` under full load, again and again: what was acknowledged is stored, once, and the roll-ups are the events' sums.

    kill_beacons.py ROUNDS [sqlite|postgres …]

Clients keep a journal of the event ids that a 204 acknowledged. What was under way when the server died they send again,
as a browser does; now and then they also send again what was acknowledged. After the last round the journal is held
against the tables: none lost, none there twice, every roll-up equal to its events.
"""

import asyncio
import collections
import json
import pathlib
import random
import secrets
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import contactbar  # noqa: E402
from under_fire import Database, UnderFire  # noqa: E402

CLIENTS = 32
SHORTEST_SECS, LONGEST_SECS = 0.05, 0.45
# After so many rounds, while the server is down, the roll-ups are held against the events.
COMPARED_EVERY = 10
KINDS = ["view", "view", "view", "click", "close"]
BROWSERS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
    "Mobile/15E148 Safari/604.1",
]


class Clients:
    """Visitors' browsers, as many as there are connections, and what they were told."""

    def __init__(self, port, bars, seed):
        self.port, self.bars, self.random = port, bars, random.Random(seed)
        self.acknowledged, self.sent_again, self.turned_away = set(), 0, 0
        # How long the slowest 503 took.
        self.slowest_refusal_secs = 0
        # What has had no answer yet, a request each: with the next server, it comes first.
        self.unanswered = collections.deque()

    def events(self):
        bar = self.random.choice(self.bars)
        return [
            contactbar.beacon(
                bar, self.random.choice(KINDS), u=f"https://shop.example/p{self.random.randrange(40)}"
            )
            for _ in range(self.random.choice([1, 1, 2, 5]))
        ]

    def visitor(self):
        """Who sends a request, as the header that it comes with says."""
        return f"User-Agent: {self.random.choice(BROWSERS)}"

    def next_request(self, last):
        """A visitor and their events."""
        if self.unanswered:
            self.sent_again += 1
            return self.unanswered.popleft()
        if last and self.random.random() < 0.05:
            return last
        return self.visitor(), self.events()

    def count(self, visitor, events):
        """Is told of what was acknowledged."""

    async def client(self, stop):
        reader = writer = last = None
        while not stop.is_set():
            visitor, events = request = self.next_request(last)
            body = json.dumps(events).encode()
            head = (
                f"POST /e HTTP/1.1\r\nHost: localhost:{self.port}\r\n{visitor}\r\nContent-Type: text/plain\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            ).encode()
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                began = time.monotonic()
                writer.write(head + body)
                answer = await reader.readuntil(b"\r\n\r\n")
            except (OSError, asyncio.IncompleteReadError):
                self.unanswered.append(request)
                return
            status = int(answer[9:12])
            if status == 204:
                self.acknowledged.update(event["i"] for event in events)
                self.count(visitor, events)
                last = request
            elif status == 503:
                self.turned_away += 1
                self.slowest_refusal_secs = max(self.slowest_refusal_secs, time.monotonic() - began)
                self.unanswered.append(request)
                writer.close()
                reader = writer = None
                await asyncio.sleep(0)
            else:
                raise AssertionError(f"answered {answer!r} to {body!r}")
        if writer:
            writer.close()

    async def fire(self, secs, then):
        """All at once, until `then` is done to the server after so many seconds."""
        stop = asyncio.Event()
        clients = [asyncio.create_task(self.client(stop)) for _ in range(CLIENTS)]
        await asyncio.sleep(secs)
        then()
        stop.set()
        await asyncio.gather(*clients)


def fold_the_rest(server, database):
    """What a process that was killed had in hand when the last one stopped still stands in the journal: the next start folds it."""
    if waiting := database.rows("select count(*), coalesce(sum(events), 0) from event_journal")[0]:
        if waiting[0]:
            print(
                f"{waiting[0]} entries with {waiting[1]} events wait in the journal for the next start",
                flush=True,
            )
            server.start_again()
            server.stop()
    left = database.rows("select count(*) from event_journal")[0][0]
    assert left == 0, f"{left} entries stay in the journal"


def check_stored(database, clients, total):
    # With a letter before it: an id of digits alone would be read as a number.
    rows = database.rows("select 'i' || {hex(event_id)} from events")
    stored = collections.Counter(row[0][1:] for row in rows)
    lost = clients.acknowledged - set(stored)
    doubled = [event for event, times in stored.items() if times > 1]
    assert not lost, f"{len(lost)} of {len(clients.acknowledged)} acknowledged events are lost"
    assert not doubled, f"{len(doubled)} events are stored twice"
    assert len(stored) >= total, (len(stored), total)
    return len(stored)


KIND_SUMS = ", ".join(
    f"sum(case kind when {{kind({kind})}} then 1 else 0 end)" for kind in ("view", "click", "close", "submit")
)


def check_rollups(database):
    """Each roll-up of closed dimensions is what its events add up to; of open ones, the sums are. One statement, so that it is
    one look at the database, and a cheap one."""
    differences = []
    for bucket, table, micros in (
        ("hour", "hourly_counts", 3_600_000_000),
        ("day", "daily_counts", 86_400_000_000),
    ):
        for dimension, value in (
            ("total", "''"),
            ("variant", "variant"),
            ("browser", "browser"),
            ("device", "device"),
        ):
            counted = (
                f"select bar_id, {bucket}, value, sum(views), sum(clicks), sum(closes), sum(submissions) from {table} "
                f"where dimension = '{dimension}' group by 1, 2, 3"
            )
            summed = f"select bar_id, {{micros(received_at)}} / {micros}, {value}, {KIND_SUMS} from events group by 1, 2, 3"
            for more, less in ((counted, summed), (summed, counted)):
                differences.append(f"select '{table}: {dimension}', count(*) from ({more} except {less}) t")
    views = "(select coalesce(sum(case kind when {kind(view)} then 1 else 0 end), 0) from events)"
    for name, equal in (
        ("pages", f"{views} = (select coalesce(sum(views), 0) from daily_counts where dimension = 'page')"),
        ("sites", f"{views} = (select coalesce(sum(views), 0) from sites)"),
        (
            "visitors",
            "(select count(*) from daily_visitors) = "
            "(select coalesce(sum(visitors), 0) from daily_counts where dimension = 'total')",
        ),
        (
            "firsts",
            "(select count(*) from daily_visitors) = (select count(*) from events where first_of_day)",
        ),
    ):
        differences.append(f"select '{name}', case when {equal} then 0 else 1 end")
    unequal = [row for row in database.rows(" union all ".join(differences)) if row[1] != 0]
    assert not unequal, f"roll-ups differ from their events: {unequal}"


def run(kind, rounds):
    began = time.monotonic()
    seed = secrets.randbits(32)
    with UnderFire(kind) as server:
        member = contactbar.Member.registered(server)
        bars = [member.published_bar() for _ in range(3)]
        clients = Clients(server.port, bars, seed)
        database = Database(server)
        for round_ in range(rounds):
            asyncio.run(clients.fire(clients.random.uniform(SHORTEST_SECS, LONGEST_SECS), server.kill))
            if round_ % COMPARED_EVERY == 0:
                check_rollups(database)
            server.start_again()
        # The last round ends in peace: what is still unanswered arrives now.
        asyncio.run(clients.fire(0.5, lambda: None))
        server.stop()
        fold_the_rest(server, database)
        stored = check_stored(database, clients, len(clients.acknowledged))
        check_rollups(database)
    print(
        f"{kind}: {rounds} × kill -9, {len(clients.acknowledged)} events acknowledged, {stored} stored, "
        f"{clients.sent_again} requests sent again; lost 0, doubled 0, roll-ups equal ({time.monotonic() - began:.0f} s, "
        f"seed {seed})"
    )


if __name__ == "__main__":
    rounds = int(sys.argv[1])
    kinds = sys.argv[2:] or ["sqlite"]
    for kind in kinds:
        run(kind, rounds)
    print(f"{len(kinds)} passed, 0 failed")
