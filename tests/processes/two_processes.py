#!/usr/bin/env python3
"""Two processes of the service on one PostgreSQL, behind one port: nothing is lost, nothing doubled, nothing missed.

    two_processes.py [ROUNDS] [pgbouncer]

Both start at once on an empty database. What one is told, the other knows: sessions, tokens and throttles at once, what is
published or paused within the five seconds for which a process believes what it has read. Mails go out once. Then visitors
count through both while one after the other is killed and started again; who was not answered tries again, and lands
on the other. With `pgbouncer` the processes reach PostgreSQL through it, in transaction mode.
"""

import asyncio
import datetime
import itertools
import os
import pathlib
import secrets
import subprocess
import sys
import threading
import time

import requests

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "crash"))
import contactbar  # noqa: E402
import pgbouncer  # noqa: E402
from kill_beacons import Clients, check_rollups, check_stored  # noqa: E402
from under_fire import Database  # noqa: E402

# For so long a process believes what it knows of a bar (bars::FRESH).
FRESH_SECS, BUSY_MACHINE_SECS = 5, 2
PEOPLE = 8
VISITORS = 40
SHORTEST_SECS, LONGEST_SECS = 0.3, 0.8


class Balancer:
    """One port before several: each connection goes to the next process that answers."""

    def __init__(self, ports):
        self.port, self.turns = contactbar.free_port(), itertools.cycle(ports)
        self.processes = len(ports)
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(asyncio.start_server(self.connected, "127.0.0.1", self.port))
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    async def connected(self, reader, writer):
        for _ in range(self.processes):
            try:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", next(self.turns))
            except OSError:
                continue
            await asyncio.gather(self.copy(reader, far_writer), self.copy(far_reader, writer))
            return
        writer.transport.abort()

    async def copy(self, reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


class Process:
    """One of them."""

    def __init__(self, group, name, port):
        self.group, self.name, self.port = group, name, port
        self.log = group.folder / f"log-{name}"
        self.process = None

    def start(self):
        environment = self.group.environment | {
            "CONTACTBAR_LISTEN": f"127.0.0.1:{self.port}",
            "CONTACTBAR_DATA_DIR": str(self.group.folder / self.name),
        }
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [contactbar.BINARY, "serve"],
                env=environment,
                cwd=self.group.folder,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        return self

    def wait(self):
        contactbar.wait_until(f"{self.name} to be ready", self.is_ready, 60)

    def is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended:\n{self.log.read_text()}")
        try:
            return self.get("/readyz").ok
        except requests.RequestException:
            return False

    def get(self, path):
        host = {"Host": f"localhost:{self.group.port}"}
        return requests.get(f"http://127.0.0.1:{self.port}{path}", headers=host, timeout=10)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        if (code := self.process.wait(30)) != 0:
            raise RuntimeError(f"{self.name} ended with {code}:\n{self.log.read_text()[-5000:]}")


class Group(contactbar.Server):
    """The processes, their database, the port before them."""

    def __init__(self, names, **settings):
        super().__init__("postgres", **settings)
        self.processes = [Process(self, name, contactbar.free_port()) for name in names]
        self.balancer = Balancer([process.port for process in self.processes])
        self.port, self.url = self.balancer.port, f"http://localhost:{self.balancer.port}"
        self.environment["CONTACTBAR_PUBLIC_URL"] = self.url

    def __enter__(self):
        for process in self.processes:
            process.start()
        try:
            for process in self.processes:
                process.wait()
        except BaseException:
            self.__exit__(True)
            raise
        return self

    def __exit__(self, kind=None, *_):
        for process in self.processes:
            if process.process and process.process.poll() is None:
                process.kill()
            if kind and process.log.exists():
                print(f"── {process.name}'s log ──", process.log.read_text()[-10_000:], sep="\n")
        super().__exit__()


class Through(contactbar.Member):
    """A member whose calls go to a process by name, with one session in all."""

    def __init__(self, group, address):
        super().__init__(group.url, address)
        self.group = group
        self.http.headers["Host"] = f"localhost:{group.port}"

    def to(self, process):
        self.url = f"http://127.0.0.1:{process.port}"
        return self


class ManyVisitors(Clients):
    """Known to the service by address and browser, whichever process they meet."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.seen = set()

    def visitor(self):
        return f"{super().visitor()}\r\nX-Forwarded-For: 203.0.113.{self.random.randrange(VISITORS)}"

    def count(self, visitor, events):
        self.seen.update((event["b"], visitor) for event in events)


def check(what, is_so):
    if not is_so:
        raise AssertionError(what)


def migrated_once(group, database):
    wanted = sum(1 for folder in (contactbar.ROOT / "migrations" / "postgres").iterdir() if folder.is_dir())
    ran = database.rows("select count(*) from __diesel_schema_migrations")
    check(f"{wanted} migrations, once each: {ran}", ran == [(wanted,)])
    policies = database.rows(
        "select document, version, count(*) from policy_versions group by 1, 2 having count(*) > 1"
    )
    check(f"the first policies were posted once: {policies}", not policies)


def known_to_both(group, member):
    """What is never cached: seen by the other process with the next request."""
    one, other = group.processes
    check("a session of one is one of the other", member.to(other).call("GET", contactbar.SESSION))
    token = member.to(one).call("POST", contactbar.TOKENS, {"name": "t", "scopes": contactbar.SCOPES})
    bearer = {"Authorization": f"Bearer {token['token']}", "Host": f"localhost:{group.port}"}

    def bars_by_token(process):
        return requests.get(
            f"http://127.0.0.1:{process.port}{contactbar.BARS}", headers=bearer, timeout=10
        ).status_code

    check("a token of one is one of the other", bars_by_token(other) == 200)
    found = next(t for t in member.to(one).call("GET", contactbar.TOKENS)["items"] if t["name"] == "t")
    member.to(other).call("DELETE", f"{contactbar.TOKENS}/{found['id']}")
    check("a token taken back by one is none of the other", bars_by_token(one) == 401)

    key = {"Idempotency-Key": secrets.token_hex(8)}
    new = {"name": "Once", "allowed_hosts": ["*"], "draft": contactbar.configuration()}
    first = member.to(one).call("POST", contactbar.BARS, new, headers=key)
    again = member.to(other).call("POST", contactbar.BARS, new, headers=key)
    check("a request sent again to the other is done once", first["id"] == again["id"])

    guess = {"email": f"{secrets.token_hex(4)}@shop.example", "password": "wrong but long enough"}
    answers = []
    for process, _ in zip(itertools.cycle(group.processes), range(40), strict=False):
        answer = requests.post(
            f"http://127.0.0.1:{process.port}{contactbar.SESSION}",
            json=guess,
            headers={"Host": f"localhost:{group.port}", "Origin": group.url},
            timeout=30,
        )
        answers.append(answer.status_code)
        if answer.status_code == 429:
            break
    check(f"guesses at both are counted together: {answers}", answers[-1] == 429 and len(answers) <= 12)


class Seen(threading.Thread):
    """Notes how long it took until something was so; its deadline is the promise."""

    def __init__(self, what, condition):
        super().__init__()
        self.what, self.condition, self.secs, self.error = what, condition, None, None

    def run(self):
        began = time.monotonic()
        try:
            contactbar.wait_until(self.what, self.condition, FRESH_SECS + BUSY_MACHINE_SECS)
            self.secs = time.monotonic() - began
        except Exception as error:
            self.error = error

    def took(self):
        self.join()
        if self.error:
            raise self.error
        return self.secs


def changes_are_seen(group, member):
    """A publication and a pause by one, while the other has the bar in memory. Answers the watchers."""
    one, other = group.processes
    published, paused = member.to(one).published_bar(), member.to(one).published_bar()
    for process in group.processes:
        for bar in (published, paused):
            check("the script is served", "Questions?" in process.get(f"/b/{bar['key']}.js").text)
    draft = contactbar.configuration()
    draft["variants"][0]["texts"]["en"]["message"] = "Something new"
    path = f"{contactbar.BARS}/{published['id']}/draft"
    revision = member.to(other).call("GET", path)["revision"]
    member.to(one).call("PUT", path, {"configuration": draft, "revision": revision})
    member.to(one).call("POST", f"{contactbar.BARS}/{published['id']}/publish")
    member.to(other).call("POST", f"{contactbar.BARS}/{paused['id']}/pause")

    def shows_what_is_new():
        return "Something new" in other.get(f"/b/{published['key']}.js").text

    def counts_no_more():
        answer = requests.post(
            f"http://127.0.0.1:{one.port}/e",
            json=[contactbar.beacon(paused, "view")],
            headers={"Host": f"localhost:{group.port}", "User-Agent": contactbar.BROWSER},
            timeout=10,
        )
        return "paused" in answer.headers.get("X-Contactbar-Dropped", "")

    watchers = [Seen("the new version", shows_what_is_new), Seen("the pause", counts_no_more)]
    for watcher in watchers:
        watcher.start()
    return watchers


def mails_go_out_once(group, database):
    """People register with both; each mail is sent by one of the two, and once."""
    before = len(group.mailbox.messages)
    people = [f"vi-{secrets.token_hex(6)}@shop.example" for _ in range(PEOPLE)]

    def register(process, address):
        answer = requests.post(
            f"http://127.0.0.1:{process.port}{contactbar.REGISTER}",
            json=contactbar.registration(address),
            headers={
                "Host": f"localhost:{group.port}",
                "Origin": group.url,
                "X-Forwarded-For": f"2001:db8:{secrets.token_hex(2)}::1",
            },
            timeout=30,
        )
        check(f"{answer.status_code} {answer.text}", answer.status_code == 202)

    threads = [
        threading.Thread(target=register, args=pair)
        for pair in zip(itertools.cycle(group.processes), people, strict=False)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    contactbar.wait_until(
        "all jobs of mails",
        lambda: (
            database.rows("select count(*) from messages where state = 'queued'") == [(0,)]
            and len(group.mailbox.messages) - before >= PEOPLE
        ),
    )
    got = sorted(to[0] for to, _ in group.mailbox.messages[before:])
    check(f"each gets one mail: {got}", got == sorted(people))


def count_under_fire(group, clients, rounds):
    for round_ in range(rounds):
        victim = group.processes[round_ % 2]
        asyncio.run(clients.fire(clients.random.uniform(SHORTEST_SECS, LONGEST_SECS) / 2, victim.kill))
        # Meanwhile the other answers for both.
        asyncio.run(clients.fire(clients.random.uniform(SHORTEST_SECS, LONGEST_SECS) / 2, lambda: None))
        victim.start().wait()

    def nothing_is_open():
        asyncio.run(clients.fire(0.3, lambda: None))
        return not clients.unanswered

    contactbar.wait_until("every event to be answered", nothing_is_open)


def run(rounds, settings):
    began, today = time.monotonic(), datetime.datetime.now(datetime.UTC).date()
    settings = settings | contactbar.UNLIMITED | {"CONTACTBAR_TRUSTED_PROXIES": "127.0.0.1/32"}
    with Group(["one", "other"], **settings) as group:
        database = Database(group)
        migrated_once(group, database)
        one, other = group.processes
        member = Through(group, f"ada-{secrets.token_hex(4)}@shop.example").to(one)
        member.call("POST", contactbar.REGISTER, contactbar.registration(member.address))
        confirmation = contactbar.token_in(group.mailbox.wait_for(member.address))
        member.to(other).call("POST", contactbar.VERIFY, {"token": confirmation})
        member.to(one).log_in()
        known_to_both(group, member)
        watchers = changes_are_seen(group, member)
        mails_go_out_once(group, database)
        seen = [watcher.took() for watcher in watchers]
        counted = database.rows("select count(*) from events")[0][0]

        bars = [member.to(one).published_bar() for _ in range(3)]
        clients = ManyVisitors(group.port, bars, secrets.randbits(32))
        count_under_fire(group, clients, rounds)
        member.to(other).call("DELETE", contactbar.SESSION)
        ended = one.get(contactbar.SESSION).status_code
        check(f"a session that one has ended is over for the other: {ended}", ended == 401)
        for process in group.processes:
            process.stop()

        stored = check_stored(database, clients, len(clients.acknowledged) + counted)
        check_rollups(database)
        keys = ", ".join(f"'{bar['key']}'" for bar in bars)
        visitors = database.rows(
            f"select count(*) from daily_visitors v join bars b on b.id = v.bar_id where b.key in ({keys})"
        )
        if datetime.datetime.now(datetime.UTC).date() == today:
            check(
                f"{len(clients.seen)} visitors, counted over both: {visitors}",
                visitors == [(len(clients.seen),)],
            )
        failed = database.rows("select kind, error from jobs where state = 'failed'")
        check(f"no job failed: {failed}", not failed)
    print(
        f"two processes: {rounds} × kill -9 of one of them, {len(clients.acknowledged)} events acknowledged, {stored} stored, "
        f"{clients.sent_again} requests sent again to whoever lived; lost 0, doubled 0, roll-ups equal, {len(clients.seen)} "
        f"visitors exact; changes seen by the other after {max(seen):.1f} s at most ({time.monotonic() - began:.0f} s)"
    )


if __name__ == "__main__":
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    if sys.argv[2:] == ["pgbouncer"]:
        pooler = pgbouncer.PgBouncer(os.environ["CONTACTBAR_TEST_POSTGRES"])
        os.environ["CONTACTBAR_TEST_POSTGRES"] = pooler.url
        try:
            run(rounds, {"CONTACTBAR_PREPARED_STATEMENTS": "off"})
        finally:
            pooler.close()
    else:
        run(rounds, {})
    print("1 passed, 0 failed")
