"""The whole life of a subscription on the real binary against localstripe: real HTTP, real signatures, on each database named.

life.py sqlite postgres
"""

import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import requests
from billing.stripe_front import FAILING, GOOD, KEY, Front, secret_in
from support.contactbar import BINARY, Member, Server, wait_until


def command(server, *args):
    done = subprocess.run([BINARY, *args], env=server.environment, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise RuntimeError(f"{args}: {done.stderr}")
    return done.stdout


def sold(database, front):
    """A server that sells, set up by `contactbar billing sync`."""
    server = Server(
        database,
        CONTACTBAR_STRIPE_KEY=KEY,
        CONTACTBAR_STRIPE_URL=front.url,
        CONTACTBAR_OPERATOR_ADDRESS="operator@example.com",
        CONTACTBAR_RATE_LIMITS="off",
        CONTACTBAR_LOG="warn",
    )
    dry = command(server, "billing", "sync", "--dry-run")
    assert dry.count("missing ") == 8 and not front.prices, dry
    made = command(server, "billing", "sync")
    assert made.count("made ") == 8, made
    server.environment["CONTACTBAR_STRIPE_WEBHOOK_SECRET"] = secret_in(made)
    assert "Stripe has everything" in command(server, "billing", "sync")
    return server


class Payer:
    def __init__(self, server, front):
        self.server, self.front = server, front
        self.member = Member.registered(server)

    def billing(self):
        return self.member.call("GET", "/api/v1/billing")

    def post(self, path, body=None):
        return self.member.call("POST", f"/api/v1/billing{path}", body)

    def until(self, what, condition):
        wait_until(what, lambda: condition(self.billing()), 30)

    def actions(self):
        log = self.member.call("GET", "/api/v1/audit-log?limit=200&area=billing")
        return [entry["action"] for entry in log["items"]]


def life(database):
    front = Front()
    try:
        with sold(database, front) as server:
            payer = Payer(server, front)
            assert payer.billing()["plan"] == "free"
            wanted = {"plan": "pro", "interval": "monthly"}
            page = payer.post("/checkout", wanted)["url"]
            assert payer.post("/checkout", wanted)["url"] == page, "the same page"
            subscription = front.complete(page)
            payer.until("the plan by webhooks alone", lambda b: b["plan"] == "pro")
            customer = front.ask("GET", f"/v1/subscriptions/{subscription}")["customer"]
            payer.until("the card", lambda b: b.get("card", {}).get("last4") == "4242")

            preview = payer.member.call("GET", "/api/v1/billing/change?plan=business&interval=monthly")
            assert preview["at_once"] and preview["due_now"] == {"amount": 3700, "currency": "eur"}, preview
            assert payer.post("/change", {"plan": "business", "interval": "monthly"})["plan"] == "business"

            # A payment that fails, another card, and the payment.
            front.card(customer, FAILING)
            # localstripe has no clock: another interval bills at once, as a renewal would.
            yearly = {"items[0][plan]": "price_contactbar_business_yearly"}
            front.ask("POST", f"/v1/subscriptions/{subscription}", yearly)
            all_invoices = front.ask("GET", "/v1/invoices", {"customer": customer})["data"]
            [failed] = [invoice for invoice in all_invoices if invoice["status"] == "open"]
            payer.until("the missing payment", lambda b: b.get("delinquent_since"))
            assert payer.billing()["plan"] == "business", "the plan goes on"
            server.mailbox.wait_for(payer.member.address, "did not go through")
            front.card(customer, GOOD)
            front.ask("POST", f"/v1/invoices/{failed['id']}/pay")
            front.ask("POST", f"/v1/subscriptions/{subscription}", {"metadata[paid]": "yes"})
            payer.until("the payment", lambda b: not b.get("delinquent_since"))

            charge = front.ask("GET", "/v1/charges", {"customer": customer})["data"][0]["id"]
            front.ask("POST", "/v1/refunds", {"charge": charge, "amount": 300})
            wait_until("the refund on record", lambda: "billing.refunded" in payer.actions())
            server.mailbox.wait_for("operator@example.com", "Refunded")

            assert payer.post("/cancel")["subscription"]["ends_at"]
            assert "ends_at" not in payer.post("/resume")["subscription"]
            payer.post("/cancel")
            front.ask("DELETE", f"/v1/subscriptions/{subscription}")
            payer.until("the free plan", lambda b: b["plan"] == "free")
            server.mailbox.wait_for(payer.member.address, "free plan")

            # Events that never come: one reconciliation knows.
            front.deliver = False
            again = front.complete(payer.post("/checkout", wanted)["url"])
            front.undelivered.clear()
            assert payer.billing()["plan"] == "free"
            said = command(server, "billing", "reconcile")
            assert "repaired 1" in said and "failed 0" in said, said
            assert payer.billing()["plan"] == "pro"
            assert "repaired 0" in command(server, "billing", "reconcile")
            front.deliver = True

            # Ending the account ends what is paid for.
            member = payer.member.call("GET", "/api/v1/session")["member"]["member_id"]
            payer.member.call(
                "POST", f"/api/v1/members/{member}/ending", {"password": "seven quiet herons wade"}
            )
            path = f"/v1/subscriptions/{again}"
            wait_until("the end at Stripe", lambda: front.ask("GET", path)["cancel_at_period_end"])

            forged = requests.post(
                server.url + "/stripe/webhook",
                data="{}",
                headers={"Stripe-Signature": "t=1,v1=0"},
                timeout=10,
            )
            assert forged.status_code == 400, forged.text
            record = payer.actions()
            for action in ("billing.subscribed", "billing.invoice_paid", "billing.payment_failed"):
                assert action in record, (action, record)
    finally:
        front.close()
    print(f"the life of a subscription, {database}: fine")


if __name__ == "__main__":
    databases = sys.argv[1:] or ["sqlite"]
    os.environ.setdefault("CONTACTBAR_TEST_POSTGRES", "")
    for name in databases:
        life(name)
    print(f"{len(databases)} passed")
