"""Stripe, as far as a test needs it: localstripe, and before it what localstripe lacks.

localstripe (real HTTP, real signatures) has customers, cards, subscriptions, invoices, payments, refunds and their events. This front
adds prices with lookup keys (localstripe has their forebears, plans), checkout, the portal, schedules' absence, webhook endpoints,
Idempotency-Keys, and deliveries that are repeated until they are taken, as Stripe does. And it can kill somebody right before or right
after it has done what it was asked: that is `kill_at`.
"""

import json
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from support.contactbar import free_port, wait_until

KEY = "sk_test_0123456789"
GOOD, FAILING = "4242424242424242", "4000000000000341"
SECRET = "whsec_localstripe0123456789"


class Front:
    def __init__(self):
        self.lock = threading.RLock()
        self.prices, self.sessions, self.configurations, self.endpoints, self.keys = {}, {}, {}, [], {}
        self.asked, self.kill_at, self.kill, self.killed = 0, None, None, False
        self.deliver, self.receiver, self.undelivered = True, None, []
        self.inner = f"http://localhost:{free_port()}"
        port = self.inner.rsplit(":", 1)[1]
        self.localstripe = subprocess.Popen(
            [sys.executable, "-m", "localstripe", "--port", port, "--from-scratch"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = front.answer(self.command, self.path, body, self.headers)
                if answer is None:  # whoever asked is dead
                    self.close_connection = True
                    return
                status, value = answer
                text = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, *_):  # whoever asked has hung up, or is dead
                pass

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        threading.Thread(target=self.postman, daemon=True).start()
        wait_until("localstripe", self.is_up)

    def is_up(self):
        try:
            return requests.get(self.inner + "/v1/products", headers=self.auth, timeout=2).ok
        except requests.RequestException:
            return False

    auth = {"Authorization": f"Bearer {KEY}"}

    def close(self):
        self.server.shutdown()
        self.localstripe.terminate()
        self.localstripe.wait(10)

    # ── What localstripe is asked ──────────────────────────────────────────────────────────────────────

    def ask(self, method, path, form=None, status=200):
        data = {"params" if method == "GET" else "data": form or {}}
        answer = requests.request(method, self.inner + path, headers=self.auth, timeout=10, **data)
        if status and answer.status_code != status:
            raise RuntimeError(f"localstripe: {method} {path} {form}: {answer.status_code} {answer.text}")
        return answer.json()

    def card(self, customer, number):
        """Gives a customer a card."""
        form = {
            "type": "card",
            "card[number]": number,
            "card[exp_month]": 12,
            "card[exp_year]": 2040,
            "card[cvc]": "123",
        }
        method = self.ask("POST", "/v1/payment_methods", form)["id"]
        self.ask("POST", f"/v1/payment_methods/{method}/attach", {"customer": customer})
        self.ask("POST", f"/v1/customers/{customer}", {"invoice_settings[default_payment_method]": method})

    def complete(self, url, number=GOOD):
        """What a person does on the page of a checkout."""
        with self.lock:
            session = self.sessions[url.rsplit("/", 1)[1]]
            assert session["status"] == "open", session
            session["status"] = "complete"
            self.card(session["customer"], number)
            form = {"customer": session["customer"], "items[0][plan]": session["price"]}
            return self.ask("POST", "/v1/subscriptions", form)["id"]

    def bill(self, customer, subscription):
        """The next invoice, and a try to have it paid; answers it."""
        form = {"customer": customer, "subscription": subscription}
        invoice = self.ask("POST", "/v1/invoices", form)["id"]
        self.ask("POST", f"/v1/invoices/{invoice}/pay", status=None)
        return self.ask("GET", f"/v1/invoices/{invoice}")

    # ── What the service asks ──────────────────────────────────────────────────────────────────────────

    def answer(self, method, path, body, headers):
        if path == "/_hook":
            self.undelivered.append((body, headers["Stripe-Signature"], headers["Content-Type"]))
            return 200, {}
        with self.lock:
            self.asked += 1
            now, when = self.asked, None
            if self.kill_at and now == self.kill_at[0]:
                when = self.kill_at[1]
            if when == "before":
                return self.die()
            key = headers.get("Idempotency-Key")
            asked = (method, path, body)
            if key in self.keys:
                same, answer = self.keys[key]
                if same != asked:
                    return 400, error("idempotency_error", "another request under the same key")
            else:
                answer = self.handle(method, path, body)
                if key:
                    self.keys[key] = asked, answer
            return self.die() if when == "after" else answer

    def die(self):
        self.killed, self.kill_at = True, None
        self.kill()

    def handle(self, method, path, body):
        url = urlsplit(path)
        form = dict(parse_qsl(body.decode() if method == "POST" else url.query, keep_blank_values=True))
        form = {k: v for k, v in form.items() if not k.startswith("expand")}
        parts = url.path.removeprefix("/v1/").split("/")
        match method, parts:
            case "GET", ["prices"]:
                wanted = [v for k, v in form.items() if k.startswith("lookup_keys")]
                return 200, page([p for p in self.prices.values() if p["lookup_key"] in wanted])
            case "POST", ["prices"]:
                price = f"price_{form['lookup_key']}"
                plan = {
                    "id": price,
                    "amount": form["unit_amount"],
                    "currency": form["currency"],
                    "interval": form["recurring[interval]"],
                    "product": form["product"],
                } | {k: v for k, v in form.items() if k.startswith("metadata")}
                made = self.ask("POST", "/v1/plans", plan)
                made |= {"object": "price", "unit_amount": made["amount"], "lookup_key": form["lookup_key"]}
                self.prices[price] = made
                return 200, made
            case "POST", ["checkout", "sessions"]:
                made = f"cs_{len(self.sessions)}"
                self.sessions[made] = {
                    "id": made,
                    "url": f"{self.url}/pay/{made}",
                    "status": "open",
                    "customer": form["customer"],
                    "price": form["line_items[0][price]"],
                    "expires_at": int(time.time()) + 86_400,
                }
                return 200, self.sessions[made]
            case "POST", ["checkout", "sessions", session, "expire"]:
                if self.sessions[session]["status"] != "open":
                    return 400, error("invalid_request_error", "not open")
                self.sessions[session]["status"] = "expired"
                return 200, self.sessions[session]
            case "GET", ["billing_portal", "configurations"]:
                return 200, page(list(self.configurations.values()))
            case "POST", ["billing_portal", "configurations"]:
                self.configurations["bpc_1"] = {"id": "bpc_1", "metadata": {"contactbar": "1"}}
                return 200, self.configurations["bpc_1"]
            case "POST", ["billing_portal", "sessions"]:
                return 200, {"id": "bps_1", "url": f"{self.url}/portal/{form.get('flow_data[type]', '')}"}
            case "GET", ["webhook_endpoints"]:
                return 200, page(self.endpoints)
            case "POST", ["webhook_endpoints"]:
                events = [v for k, v in form.items() if k.startswith("enabled_events")]
                made = {"id": "we_1", "url": form["url"], "status": "enabled", "enabled_events": events}
                self.endpoints.append(made | {"api_version": form["api_version"]})
                self.receiver = form["url"]
                hook = {"url": f"{self.url}/_hook", "secret": SECRET}
                self.ask_config(hook)
                return 200, made | {"secret": SECRET}
            case "POST", ["customers"]:
                form = {k: v for k, v in form.items() if not k.startswith("preferred_locales")}
            case "GET", ["customers", customer]:
                found = self.ask("GET", f"/v1/customers/{customer}", status=None)
                settings = found.get("invoice_settings") or {}
                if isinstance(method_id := settings.get("default_payment_method"), str):
                    settings["default_payment_method"] = self.ask("GET", f"/v1/payment_methods/{method_id}")
                return (404 if "error" in found else 200), found
            case "POST", ["subscriptions", subscription]:
                return 200, self.change(subscription, form)
            case "DELETE", ["subscriptions", _]:
                form = {}
            case "POST", ["invoices", "create_preview"]:
                form = {k: v for k, v in form.items() if "proration_behavior" not in k and "[id]" not in k}
                form = {k.replace("[price]", "[plan]"): v for k, v in form.items()}
        data = urlencode(form)
        target = self.inner + url.path + (f"?{data}" if method != "POST" and data else "")
        headers = self.auth | {"Content-Type": "application/x-www-form-urlencoded"}
        passed = requests.request(
            method, target, data=data if method == "POST" else None, headers=headers, timeout=10
        )
        return passed.status_code, typed(passed)

    def change(self, subscription, form):
        path = f"/v1/subscriptions/{subscription}"
        if price := form.get("items[0][price]"):
            before = self.ask("GET", path)
            if before["items"]["data"][0]["plan"]["id"] != price:
                self.ask("POST", path, {"items[0][plan]": price})
                self.bill(before["customer"], subscription)  # as `always_invoice` does
        if ends := form.get("cancel_at_period_end"):
            self.ask("POST", path, {"cancel_at_period_end": ends})
        return self.ask("GET", path)

    def ask_config(self, hook):
        answer = requests.post(f"{self.inner}/_config/webhooks/contactbar", json=hook, timeout=10)
        answer.raise_for_status()

    def postman(self):
        """Delivers until it is taken, as Stripe does, though not in its order of days."""
        while True:
            if not self.undelivered or not self.deliver or not self.receiver:
                time.sleep(0.02)
                continue
            body, signature, kind = self.undelivered.pop(0)
            headers = {"Stripe-Signature": signature, "Content-Type": kind}
            try:
                taken = requests.post(self.receiver, data=body, headers=headers, timeout=15).ok
            except requests.RequestException:
                taken = False
            if not taken:
                self.undelivered.append((body, signature, kind))
                time.sleep(0.1)


def page(items):
    return {"object": "list", "data": items, "has_more": False}


def error(kind, message):
    return {"error": {"type": kind, "message": message}}


def typed(answer):
    """localstripe's errors lack what Stripe's have."""
    value = answer.json()
    if "error" in value:
        value["error"].setdefault("type", "invalid_request_error")
    return value


def secret_in(text):
    return re.search(r"CONTACTBAR_STRIPE_WEBHOOK_SECRET=(\S+)", text).group(1)
