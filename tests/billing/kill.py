"""`kill -9` between any two steps, on the real binary: right before and right after each request that it makes of Stripe while a member
subscribes, changes and cancels. Whoever asked asks again. Then each thing was done exactly once, there and here.

    kill.py STEP sqlite postgres     every STEP-th place (1: all of them)
"""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import requests
from billing.life import Payer, command, sold
from billing.stripe_front import Front
from support.contactbar import wait_until


def patiently(server, payer, path, body, done):
    """As a client does that gets no answer: again, until it is done."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            answer = payer.member.http.post(f"{server.url}/api/v1/billing{path}", json=body, timeout=30)
            if answer.ok or done(payer.billing()):
                return answer.json() if answer.ok else None
            if answer.status_code not in (409, 503):
                raise RuntimeError(f"{path}: {answer.status_code} {answer.text}")
        except (requests.RequestException, RuntimeError) as error:
            if "billing" in str(error) and server.process.poll() is None and "Connection" not in str(error):
                raise
        if server.process.poll() is not None:
            restart(server)
        time.sleep(0.05)
    raise TimeoutError(path)


def restart(server):
    server.process.wait()
    with open(server.log, "ab") as log:
        server.process = start(server, log)
    wait_until("the server to be back", server.ready, 60)


def start(server, log):
    import subprocess

    from support.contactbar import BINARY

    return subprocess.Popen(
        [BINARY, "serve"],
        env=server.environment,
        cwd=server.folder,
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
    )


def trial(server, front, place, when):
    """One member's story with a death at a place; answers whether it got so far."""
    payer = Payer(server, front)
    wait_until("quiet", lambda: not front.undelivered)

    def kill():
        server.process.kill()

    front.kill, front.killed, front.asked = kill, False, 0
    front.kill_at = (place, when)
    page = patiently(server, payer, "/checkout", {"plan": "pro", "interval": "monthly"}, lambda b: False)
    subscription = front.complete(page["url"])
    is_on = lambda plan: lambda b: b["plan"] == plan  # noqa: E731

    def seen():
        if server.process.poll() is not None:
            restart(server)
        try:
            return payer.billing()["plan"] == "pro"
        except (requests.RequestException, RuntimeError):
            return False

    wait_until("the plan", seen, 60)
    patiently(server, payer, "/change", {"plan": "business", "interval": "monthly"}, is_on("business"))
    patiently(server, payer, "/cancel", None, lambda b: bool(b.get("subscription", {}).get("ends_at")))
    front.kill_at = None
    if server.process.poll() is not None:
        restart(server)
    command(server, "billing", "reconcile")
    billing = payer.billing()
    assert billing["plan"] == "business" and billing["subscription"]["ends_at"], billing
    customer = front.ask("GET", f"/v1/subscriptions/{subscription}")["customer"]
    everybody = front.ask("GET", "/v1/customers", {"limit": 99})["data"]
    mine = [c for c in everybody if c["email"] == payer.member.address]
    assert [c["id"] for c in mine] == [customer], "one customer"
    subscriptions = front.ask("GET", "/v1/subscriptions", {"customer": customer, "status": "all"})["data"]
    assert [s["id"] for s in subscriptions] == [subscription], "one subscription"
    invoices = front.ask("GET", "/v1/invoices", {"customer": customer})["data"]
    assert len(invoices) == 2 and all(i["status"] == "paid" for i in invoices), "two payments"
    actions = payer.actions()
    assert actions.count("billing.subscribed") == 1, actions
    assert actions.count("billing.invoice_paid") == 2, actions
    return payer, front.killed


def all_on_record(payer):
    """What was written down and not heard of has been ended by its job: a minute later, at the latest."""
    actions = payer.actions()
    once = ("billing.customer_made", "billing.change_made", "billing.cancellation_set")
    assert all(actions.count(action) <= 1 for action in once), actions
    return all(action in actions for action in once)


def all_on_record_of(payers):
    return all(all_on_record(payer) for payer in payers)


def main(step, databases):
    deaths = 0
    for database in databases:
        front = Front()
        try:
            with sold(database, front) as server:
                payers = []
                for when in ("before", "after"):
                    place, killed = 1, True
                    while killed:
                        payer, killed = trial(server, front, place, when)
                        payers.append(payer)
                        deaths += killed
                        place += step
                wait_until("all of it on record", lambda all=payers: all_on_record_of(all), 150)
        finally:
            front.close()
    print(f"{deaths} deaths between two steps: nothing lost, nothing done twice")
    print(f"{len(databases)} passed")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
