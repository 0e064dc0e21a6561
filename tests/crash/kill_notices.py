#!/usr/bin/env python3
"""`kill -9` while notices go out, again and again: everybody is told each of them, and nobody twice.

    kill_notices.py ROUNDS [sqlite|postgres …]

Each round lets a notice go to all members, and kills the server somewhere on the way. The lease of a run that died is made
to end in the table while the server is down: that stands for the minutes that it lasts.
"""

import pathlib
import random
import re
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import contactbar  # noqa: E402
from under_fire import Database, UnderFire  # noqa: E402

MEMBERS = 3000
# About as long as a notice is on its way.
LONGEST_SECS = {"sqlite": 0.4, "postgres": 0.8}

NOTICE = """+++
kind = "feature"
everyone = true
title = { en = "Something new", de = "Etwas Neues" }
+++
It is **new**.
+++ de
Es ist **neu**.
"""

# Members with an owner each, as they register.
FILL = {
    "members": (
        "id, name, kind, state, plan, region, language, time_zone, created_at, policy_version_id, collected_at",
        "{id1}, 'Member', 'individual', 'active', 'free', 'eu', 'en', 'UTC', {now}, {policy}, {now}",
    ),
    "users": (
        "id, email, email_folded, email_verified_at, language, password_hash, password_changed_at, policy_version_id, "
        "collected_at, created_at",
        "{id2}, 'u' || n || '@example.com', 'u' || n || '@example.com', {now}, "
        "CASE WHEN n % 3 = 0 THEN 'de' ELSE 'en' END, 'x', {now}, {policy}, {now}, {now}",
    ),
    "memberships": ("member_id, user_id, role, created_at", "{id1}, {id2}, 'owner', {now}"),
}
NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {})",
    "postgres": "WITH numbers(n) AS (SELECT generate_series(1, {}))",
}
SAYINGS = {
    "sqlite": {"id1": "id(1, n)", "id2": "id(2, n)", "now": "1795341600000000"},
    "postgres": {
        "id1": "('1' || lpad(to_hex(n), 31, '0'))::uuid",
        "id2": "('2' || lpad(to_hex(n), 31, '0'))::uuid",
        "now": "timestamptz '2026-11-22 10:00:00Z'",
    },
}


def fill(database):
    policy = "(SELECT id FROM policy_versions WHERE document = 'privacy')"
    sayings = SAYINGS[database.kind] | {"policy": policy}
    for table, (columns, values) in FILL.items():
        numbers = NUMBERS[database.kind].format(MEMBERS)
        statement = (
            f"INSERT INTO {table} ({columns}) {numbers} SELECT {values.format(**sayings)} FROM numbers"
        )
        if database.kind == "postgres":
            database.change(statement)
            continue
        connection = sqlite3.connect(database.url.removeprefix("sqlite:"))
        connection.create_function("id", 2, lambda prefix, n: bytes.fromhex(f"{prefix}{n:031x}"))
        with connection:
            connection.execute(statement)
        connection.close()


def command(server, *arguments):
    told = subprocess.run(
        [contactbar.BINARY, *arguments], env=server.environment, check=True, capture_output=True, text=True
    )
    return told.stdout


def announce(server):
    file = server.folder / "notice.md"
    file.write_text(NOTICE)
    notice = re.search(r"Written: (ntc_\w+)", command(server, "notice", "write", str(file))).group(1)
    command(server, "notice", "send", notice, "--yes")


def run(kind, rounds):
    began, chance = time.monotonic(), random.Random(rounds)
    on_the_way = 0
    with UnderFire(kind) as server:
        database = Database(server)
        fill(database)

        def all_sent():
            unsent = "select count(*) from notices where state <> 'sent'"
            contactbar.wait_until("all notices to be sent", lambda: database.rows(unsent) == [(0,)], 120)

        for _ in range(rounds):
            all_sent()
            # The mails' own way out is tried by kill_mails.py; here they would only be waited for.
            database.change("delete from jobs where kind = 'mail.send'")
            announce(server)
            contactbar.wait_until(
                "the notice to go",
                lambda: database.rows("select count(*) from notices where begun_at is null") == [(0,)],
            )
            time.sleep(chance.uniform(0, LONGEST_SECS[kind]))
            server.kill()
            on_the_way += database.rows("select count(*) from notices where state = 'sending'")[0][0]
            database.change("update jobs set leased_until = run_at where leased_until is not null")
            server.start_again()
        all_sent()
        server.kill()
        told = database.rows(
            "select count(*), count(distinct user_id), count(distinct message_id) from notice_recipients group by notice_id"
        )
        assert told == [(MEMBERS, MEMBERS, MEMBERS)] * rounds, told
        shown = database.rows("select count(*) from notice_members group by notice_id")
        assert shown == [(MEMBERS,)] * rounds, shown
        mails = database.rows("select count(*) from messages")
        assert mails == [(MEMBERS * rounds,)], mails
        orphans = database.rows(
            "select count(*) from messages where id not in (select message_id from notice_recipients)"
        )
        assert orphans == [(0,)], orphans
        assert on_the_way > 0, "no notice was on its way when the server died: nothing was tried"
    print(
        f"{kind}: {rounds} × kill -9, {on_the_way} of them with a notice on its way; {rounds} notices to {MEMBERS} people, each "
        f"told once; lost 0, doubled 0 ({time.monotonic() - began:.0f} s)"
    )


if __name__ == "__main__":
    rounds = int(sys.argv[1])
    kinds = sys.argv[2:] or ["sqlite"]
    for kind in kinds:
        run(kind, rounds)
    print(f"{len(kinds)} passed, 0 failed")
