#!/usr/bin/env python3
"""What happens when the storage fails under load: no false acknowledgement, and recovery without a restart.

    faults.py [ROUNDS]

On SQLite, `strace` makes the system's calls fail: EIO from fsync, ENOSPC from writing. On PostgreSQL, a proxy between
the service and the database cuts every connection, and is away for a while. Clients take a 503 for what it says: not
counted, try again.
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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import contactbar  # noqa: E402
from kill_beacons import Clients, check_rollups, check_stored  # noqa: E402
from under_fire import Database, UnderFire  # noqa: E402

LOAD_SECS = 0.4
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
        self.open, self.away = set(), False
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
        self.away = False


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


def postgres(rounds):
    with UnderFire("postgres") as server:
        url = urllib.parse.urlsplit(server.environment["CONTACTBAR_DATABASE_URL"])
        proxy = Proxy(url.hostname, url.port or 5432)
        behind = url._replace(netloc=url.netloc.rpartition("@")[0] + f"@127.0.0.1:{proxy.port}")
        straight = server.environment["CONTACTBAR_DATABASE_URL"]
        server.stop()
        server.environment["CONTACTBAR_DATABASE_URL"] = behind.geturl()
        server.start_again()
        member = contactbar.Member.registered(server)
        clients = Clients(server.port, [member.published_bar()], secrets.randbits(32))
        for _ in range(rounds):
            load(clients)
            cut = threading.Timer(LOAD_SECS / 3, proxy.cut)
            cut.start()
            load(clients)
            cut.join()
            load(clients, random.uniform(0, LOAD_SECS))
            proxy.back()
            recovers(clients)
        server.environment["CONTACTBAR_DATABASE_URL"] = straight
        end(server, clients, f"postgres: all connections cut {rounds} times")


if __name__ == "__main__":
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    began = time.monotonic()
    for name, what in FAILING.items():
        sqlite(name, what, rounds)
    postgres(rounds)
    print(f"{len(FAILING) + 1} passed, 0 failed ({time.monotonic() - began:.0f} s)")
