#!/usr/bin/env python3
"""What happens when the storage fails under load: no false acknowledgement, and recovery without a restart.

    faults.py [ROUNDS]

On SQLite, `strace` makes the system's calls fail: EIO from fsync, ENOSPC from writing. On PostgreSQL, a proxy between
the service and the database cuts every connection, and is away for a while: then everybody is refused at once, not after a
time-out. Or it hangs, as a dead machine or a stuck disk does: then newcomers are refused once that shows, and nobody waits
for ever. Clients take a 503 for what it says: not acknowledged, try again.
"""

import asyncio
import pathlib
import random
import re
import secrets
import subprocess
import sys
import threading
import time
import urllib.parse

import requests

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import contactbar  # noqa: E402
from kill_beacons import Clients, check_rollups, check_stored  # noqa: E402
from under_fire import Database, UnderFire  # noqa: E402

LOAD_SECS = 0.4
# While the database is away: a moment, on a machine that is busy with this test. Waiting for a connection would take 5.
REFUSED_WITHIN_SECS = 2
# When it hangs, those who were under way are told after 10 (tracking::ingest).
PATIENCE_SECS = 10
# Which calls fail how, and how often: SQLite's WAL is written with pwrite64 and synced with fdatasync.
FAILING = {
    "EIO from fsync": "inject=fdatasync,fsync:error=EIO:when=2+3",
    "ENOSPC from writing": "inject=pwrite64,ftruncate,fallocate:error=ENOSPC:when=5+4",
}


class Strace:
    """Makes calls of a running process fail, until it is taken away."""

    def __init__(self, pid, what):
        calls = re.match(r"inject=([^:]+)", what)[1]
        self.process = subprocess.Popen(
            ["strace", "-f", "-qq", "-p", str(pid), "-e", f"trace={calls}", "-e", what],
            stderr=subprocess.PIPE,
            text=True,
        )
        self.injected = 0
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        threads = pathlib.Path(f"/proc/{pid}/task")
        contactbar.wait_until("strace to attach", lambda: all(map(self.is_traced, threads.iterdir())), 10)

    @staticmethod
    def is_traced(thread):
        return not re.search(r"^TracerPid:\s+0$", (thread / "status").read_text(), re.MULTILINE)

    def read(self):
        for line in self.process.stderr:
            self.injected += "(INJECTED)" in line

    def take_away(self):
        self.process.terminate()
        self.process.wait()
        self.reader.join()


class Proxy:
    """Stands between the service and PostgreSQL; can be cut, and be away."""

    def __init__(self, host, port):
        self.target, self.port = (host, port), contactbar.free_port()
        self.open, self.away, self.hanging = set(), False, False
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(asyncio.start_server(self.connected, "127.0.0.1", self.port))
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    async def connected(self, reader, writer):
        if self.away:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, far_writer)
        self.open.add(pair)
        await asyncio.gather(self.copy(reader, far_writer), self.copy(far_reader, writer))
        self.open.discard(pair)

    async def copy(self, reader, writer):
        try:
            while data := await reader.read(65536):
                while self.hanging:
                    await asyncio.sleep(0.01)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    def cut(self):
        def now():
            self.away = True
            for pair in self.open:
                for writer in pair:
                    writer.transport.abort()

        self.loop.call_soon_threadsafe(now)

    def back(self):
        self.away = self.hanging = False


def load(clients, secs=LOAD_SECS):
    asyncio.run(clients.fire(secs, lambda: None))


def recovers(clients):
    """Counts again, by itself: what had to wait arrives, and something new."""

    def counted():
        before = len(clients.acknowledged)
        load(clients, 0.2)
        return not clients.unanswered and len(clients.acknowledged) > before

    contactbar.wait_until("it to count again", counted, 30)


def end(server, clients, told):
    assert server.process.poll() is None, "the server ended"
    server.stop()
    database = Database(server)
    stored = check_stored(database, clients, len(clients.acknowledged))
    check_rollups(database)
    print(
        f"{told}, {len(clients.acknowledged)} events acknowledged, {stored} stored, {clients.turned_away} times 503; "
        "false acknowledgements 0, doubled 0, roll-ups equal, recovered by itself"
    )


def sqlite(name, what, rounds):
    with UnderFire("sqlite") as server:
        member = contactbar.Member.registered(server)
        clients = Clients(server.port, [member.published_bar()], secrets.randbits(32))
        injected = 0
        for _ in range(rounds):
            load(clients)
            fault = Strace(server.process.pid, what)
            load(clients)
            fault.take_away()
            injected += fault.injected
            recovers(clients)
        assert injected, "no call failed: nothing was shown"
        end(server, clients, f"sqlite: {name}, {injected} calls failed in {rounds} rounds")


class Cabled(UnderFire):
    """Reaches PostgreSQL through a proxy; tables are looked at past it."""

    def __init__(self):
        super().__init__("postgres")
        self.straight = self.environment["CONTACTBAR_DATABASE_URL"]
        url = urllib.parse.urlsplit(self.straight)
        self.proxy = Proxy(url.hostname, url.port or 5432)
        behind = url._replace(netloc=url.netloc.rpartition("@")[0] + f"@127.0.0.1:{self.proxy.port}")
        self.environment["CONTACTBAR_DATABASE_URL"] = behind.geturl()

    def stop(self):
        super().stop()
        self.environment["CONTACTBAR_DATABASE_URL"] = self.straight

    def is_ready(self):
        return requests.get(self.url + "/readyz", timeout=10).ok


def away(rounds):
    with Cabled() as server:
        member = contactbar.Member.registered(server)
        clients = Clients(server.port, [member.published_bar()], secrets.randbits(32))
        for _ in range(rounds):
            load(clients)
            cut = threading.Timer(LOAD_SECS / 3, server.proxy.cut)
            cut.start()
            load(clients)
            cut.join()
            assert not server.is_ready(), "it says that it can work while its database is away"
            load(clients, random.uniform(0, LOAD_SECS))
            server.proxy.back()
            recovers(clients)
            assert server.is_ready(), "it says that it can't work although its database is back"
        slowest = clients.slowest_refusal_secs
        assert slowest < REFUSED_WITHIN_SECS, f"a 503 took {slowest:.1f} s"
        end(
            server,
            clients,
            f"postgres: all connections cut {rounds} times, refused after {slowest:.2f} s at most",
        )


def hanging():
    with Cabled() as server:
        member = contactbar.Member.registered(server)
        clients = Clients(server.port, [member.published_bar()], secrets.randbits(32))
        load(clients)
        hang = threading.Timer(LOAD_SECS / 3, lambda: setattr(server.proxy, "hanging", True))
        hang.start()
        load(clients)
        hang.join()
        under_way = clients.slowest_refusal_secs
        clients.slowest_refusal_secs = 0
        load(clients)
        newcomers = clients.slowest_refusal_secs
        server.proxy.back()
        recovers(clients)
        assert under_way < PATIENCE_SECS + REFUSED_WITHIN_SECS, f"who was under way waited {under_way:.1f} s"
        # Bars that are not in memory any more are not waited for longer than two seconds (bars::published).
        assert newcomers < 2 + REFUSED_WITHIN_SECS, f"newcomers waited {newcomers:.1f} s"
        end(
            server,
            clients,
            f"postgres: hung once; who was under way was told after {under_way:.1f} s, newcomers after {newcomers:.2f} s",
        )


if __name__ == "__main__":
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    began = time.monotonic()
    for name, what in FAILING.items():
        sqlite(name, what, rounds)
    away(rounds)
    hanging()
    print(f"{len(FAILING) + 2} passed, 0 failed ({time.monotonic() - began:.0f} s)")
