#!/usr/bin/env python3
"""`kill -9` while mails go out, again and again: a mail that the API's answer promised arrives, and what arrives twice was
under way when the server died, under the same Message-ID.

    kill_mails.py ROUNDS [sqlite|postgres …]

People register without pause; the SMTP server takes its time over every mail. The lease of a run that died is made to
end in the table while the server is down: that stands for the minutes that it lasts.
"""

import asyncio
import collections
import pathlib
import random
import secrets
import subprocess
import sys
import threading
import time

import requests

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import contactbar  # noqa: E402
from under_fire import Database, UnderFire  # noqa: E402

PEOPLE = 4
SLOWEST_SECS = 0.15
SHORTEST_SECS, LONGEST_SECS = 0.1, 0.8


class SlowMailbox(contactbar.Mailbox):
    """Keeps a mail, and says so only after a while: whoever is killed in between does not know."""

    def __init__(self):
        self.random = random.Random(7)
        super().__init__()

    async def handle_DATA(self, server, session, envelope):
        answer = await super().handle_DATA(server, session, envelope)
        await asyncio.sleep(self.random.uniform(0, SLOWEST_SECS))
        return answer


class People:
    """They register, and remember to whom a mail was promised."""

    def __init__(self, server):
        self.server, self.promised, self.surprises = server, set(), []

    def register(self, stop):
        while not stop.is_set():
            address = f"ada-{secrets.token_hex(6)}@shop.example"
            try:
                url = self.server.url + contactbar.REGISTER
                # Everybody from a place of their own: one place that registers so often is turned away.
                place = {"X-Forwarded-For": f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"}
                answer = requests.post(url, json=contactbar.registration(address), headers=place, timeout=10)
            except requests.RequestException:
                return
            if answer.status_code == 202:
                self.promised.add(address)
            else:
                self.surprises.append(f"{answer.status_code} {answer.text}")

    def until(self, secs, then):
        stop = threading.Event()
        threads = [threading.Thread(target=self.register, args=[stop]) for _ in range(PEOPLE)]
        for thread in threads:
            thread.start()
        time.sleep(secs)
        then()
        stop.set()
        for thread in threads:
            thread.join()


def dkim_key():
    made = subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ED25519"], check=True, capture_output=True, text=True
    )
    return made.stdout


def run(kind, rounds):
    began, chance = time.monotonic(), random.Random(rounds)
    settings = {
        "CONTACTBAR_TRUSTED_PROXIES": "127.0.0.1/32",
        "CONTACTBAR_MAIL_FROM": "Contactbar <hello@bars.example>",
        "CONTACTBAR_DKIM_KEY": dkim_key(),
        # Everybody lives at one domain here.
        "CONTACTBAR_MAIL_DOMAIN_AT_A_TIME": "8",
        "CONTACTBAR_MAIL_DOMAIN_PER_MINUTE": "100000",
    }
    with UnderFire(kind, mailbox=SlowMailbox(), **settings) as server:
        people, database = People(server), Database(server)
        for _ in range(rounds):
            people.until(chance.uniform(SHORTEST_SECS, LONGEST_SECS), server.kill)
            database.change("update jobs set leased_until = run_at where leased_until is not null")
            server.start_again()

        def arrived():
            return people.promised <= {address for to, _ in server.mailbox.messages for address in to}

        contactbar.wait_until("all promised mails", arrived, 120)
        contactbar.wait_until(
            "an empty outbox",
            lambda: database.rows("select count(*) from messages where state = 'queued'") == [(0,)],
        )
        server.stop()
        assert not people.surprises, people.surprises
        ids = collections.defaultdict(list)
        for to, message in server.mailbox.messages:
            ids[to[0]].append((message["Message-ID"], message["DKIM-Signature"]))
        twice = {address: of for address, of in ids.items() if len(of) > 1}
        strange = {address: of for address, of in twice.items() if len(set(of)) > 1}
        assert not strange, f"sent again under another Message-ID or signature: {strange}"
        assert all(signature for of in ids.values() for _, signature in of), "a mail without a signature"
        sent = database.rows("select count(*) from messages where state = 'sent'")[0][0]
        assert sent == len(ids), (sent, len(ids))
        in_flight = rounds * server.MAILS_AT_ONCE
        assert sum(len(of) - 1 for of in twice.values()) <= in_flight, f"{len(twice)} mails arrived twice"
    print(
        f"{kind}: {rounds} × kill -9, {len(people.promised)} mails promised, {len(ids)} people got theirs, {len(twice)} twice "
        f"(under way when the server died, same Message-ID); lost 0 ({time.monotonic() - began:.0f} s)"
    )


if __name__ == "__main__":
    rounds = int(sys.argv[1])
    kinds = sys.argv[2:] or ["sqlite"]
    for kind in kinds:
        run(kind, rounds)
    print(f"{len(kinds)} passed, 0 failed")
