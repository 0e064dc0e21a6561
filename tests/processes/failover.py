#!/usr/bin/env python3
"""PostgreSQL's primary dies under load, and its standby takes over: what was acknowledged is there.

    failover.py

Two clusters of our own, the second a synchronous standby of the first, as Patroni keeps them. The service knows both by one
URL and asks for the one that takes writes. The primary is killed where it stands; the standby is promoted; nobody touches
the service.
"""

import asyncio
import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "crash"))
import contactbar  # noqa: E402
from kill_beacons import Clients, check_rollups, check_stored  # noqa: E402
from under_fire import Database, UnderFire  # noqa: E402

BIN = pathlib.Path(
    subprocess.run(
        [contactbar.ROOT / "tools" / "postgres", "bindir"], check=True, capture_output=True, text=True
    ).stdout.strip()
)
LOAD_SECS = 1.5
# Without a primary; Patroni takes some ten seconds to be sure.
AWAY_SECS = 2


class Cluster:
    """A PostgreSQL to be thrown away, with durability on."""

    OWNER = ("postgres" if shutil.which("runuser") else "nobody") if os.geteuid() == 0 else None

    def __init__(self, folder, name):
        self.data, self.log, self.port = folder / name, folder / f"{name}.log", contactbar.free_port()
        self.name = name

    def run(self, program, *arguments):
        subprocess.run(
            [BIN / program, *arguments], check=True, user=self.OWNER, cwd="/", stdout=subprocess.DEVNULL
        )

    def initialise(self):
        self.run("initdb", f"--pgdata={self.data}", "--username=contactbar", "--auth=trust", "--no-sync")
        with open(self.data / "postgresql.conf", "a") as settings:
            settings.write(
                "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nsynchronous_standby_names = '*'\n"
            )
        return self

    def copy(self, primary):
        self.run(
            "pg_basebackup",
            f"--dbname=host=127.0.0.1 port={primary.port} user=contactbar",
            f"--pgdata={self.data}",
            "-R",
            "-c",
            "fast",
        )
        # Once promoted it waits for nobody: there is no third.
        with open(self.data / "postgresql.conf", "a") as settings:
            settings.write("synchronous_standby_names = ''\n")
        return self

    def control(self, *command):
        self.run("pg_ctl", f"--pgdata={self.data}", f"--log={self.log}", "--wait", "--silent", *command)

    def start(self):
        self.control(f"--options=-p {self.port}", "start")
        return self

    def stop(self):
        if (self.data / "postmaster.pid").exists():
            self.control("--mode=immediate", "stop")

    def sql(self, statement, database="postgres"):
        url = f"postgres://contactbar@127.0.0.1:{self.port}/{database}"
        return subprocess.run(
            ["psql", "-qAtX", "-d", url, "-c", statement], check=True, capture_output=True, text=True
        ).stdout.strip()


class OnBoth(UnderFire):
    """Knows both clusters; tables are looked at in whichever is the primary now."""

    def __init__(self, primary, standby):
        self.clusters = [primary, standby]
        super().__init__("postgres")

    def create_database(self):
        self.clusters[0].sql("create database contactbar")
        hosts = ",".join(f"127.0.0.1:{cluster.port}" for cluster in self.clusters)
        return f"postgres://contactbar@{hosts}/contactbar?target_session_attrs=read-write"


def run():
    began = time.monotonic()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="contactbar-failover-"))
    if Cluster.OWNER:
        shutil.chown(folder, Cluster.OWNER)
    primary, standby = Cluster(folder, "primary"), Cluster(folder, "standby")
    try:
        primary.initialise().start()
        standby.copy(primary).start()
        contactbar.wait_until(
            "the standby to be in step",
            lambda: primary.sql("select sync_state from pg_stat_replication") == "sync",
        )
        with OnBoth(primary, standby) as server:
            member = contactbar.Member.registered(server)
            clients = Clients(server.port, [member.published_bar()], secrets.randbits(32))
            asyncio.run(clients.fire(LOAD_SECS, primary.stop))
            before = len(clients.acknowledged)
            asyncio.run(clients.fire(AWAY_SECS, lambda: None))
            assert len(clients.acknowledged) == before, "acknowledged by nobody's word"
            assert server.process.poll() is None, "the server ended"
            promoted = time.monotonic()
            standby.control("promote")

            def counted():
                asyncio.run(clients.fire(0.1, lambda: None))
                return len(clients.acknowledged) > before

            contactbar.wait_until("it to count again", counted, 30)
            again = time.monotonic() - promoted

            def nothing_is_open():
                asyncio.run(clients.fire(0.2, lambda: None))
                return not clients.unanswered

            contactbar.wait_until("every event to be answered", nothing_is_open)
            server.stop()
            database = Database(server)
            stored = check_stored(database, clients, len(clients.acknowledged))
            check_rollups(database)
        print(
            f"fail-over: {before} events acknowledged by the primary before it died, {len(clients.acknowledged)} in all, {stored} "
            f"stored, {clients.turned_away} times 503, the slowest after {clients.slowest_refusal_secs:.1f} s; counted again "
            f"{again:.1f} s after the promotion began; lost 0, doubled 0, roll-ups equal ({time.monotonic() - began:.0f} s)"
        )
    finally:
        for cluster in (standby, primary):
            cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    run()
    print("1 passed, 0 failed")
