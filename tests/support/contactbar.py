"""The real binary, started for a test and thrown away, and what a member does with it over HTTP.

The one place that the Python tests (OpenAPI, browser) know settings, paths and mails from. It judges nothing:
it raises when a step that must work does not.
"""

import email
import email.policy
import os
import pathlib
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time

import requests
from aiosmtpd.controller import Controller

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("CONTACTBAR_BIN", ROOT / "target" / "debug" / "contactbar"))
PASSWORD = "seven quiet herons wade"

# What a person's browser calls itself; what calls itself a program is a robot, and not counted.
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"

REGISTER = "/api/v1/users"
VERIFY = "/api/v1/users/verification"
SESSION = "/api/v1/session"
TOKENS = "/api/v1/tokens"
BARS = "/api/v1/bars"
CONTACTS = "/api/v1/contacts"

# Every scope that a token can have.
SCOPES = [
    "members:read",
    "members:write",
    "bars:read",
    "bars:write",
    "stats:read",
    "contacts:read",
    "contacts:write",
    "webhooks:read",
    "webhooks:write",
    "messages:read",
    "audit:read",
    "billing:read",
]
# Settings under which a test that asks a thousand times a second is not turned away.
UNLIMITED = {"CONTACTBAR_RATE_LIMITS": "off"}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(what, condition, seconds=30):
    """Polls until `condition()` is true and returns it; a deadline, never a fixed sleep."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise TimeoutError(f"waited {seconds} s for {what}")


class Mailbox:
    """A real SMTP server that keeps what it is given."""

    def __init__(self):
        self.messages = []
        self.controller = Controller(self, hostname="127.0.0.1", port=free_port(), ready_timeout=60)
        self.controller.start()
        self.url = f"smtp://127.0.0.1:{self.controller.port}"

    async def handle_DATA(self, server, session, envelope):
        self.messages.append(
            (envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.default))
        )
        return "250 kept"

    def to(self, address):
        return [message for recipients, message in self.messages if address in recipients]

    def wait_for(self, address, subject="", count=1):
        """The newest message to `address` whose subject contains `subject`, once there are `count` of them."""

        def enough():
            found = [m for m in self.to(address) if subject.lower() in str(m["Subject"]).lower()]
            return found[-1] if len(found) >= count else None

        return wait_until(f"a mail “{subject}” to {address}", enough)

    def close(self):
        self.controller.stop()


def text_of(message):
    return message.get_body(("plain",)).get_content()


def token_in(message):
    """The token of the link that a mail asks its reader to follow."""
    return re.search(r"[?&]token=([A-Za-z0-9_-]{43,})", text_of(message)).group(1)


class Server:
    """`contactbar serve` on a free port, on a database of its own: `sqlite` or `postgres`."""

    def __init__(self, database, mailbox=None, **settings):
        self.database = database
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="contactbar-test-"))
        self.mailbox = mailbox or Mailbox()
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.log = self.folder / "log"
        self.postgres = None
        self.process = None
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CONTACTBAR_")}
        environment |= {
            "CONTACTBAR_LISTEN": f"127.0.0.1:{self.port}",
            "CONTACTBAR_PUBLIC_URL": self.url,
            "CONTACTBAR_DATA_DIR": str(self.folder / "data"),
            "CONTACTBAR_DATABASE_URL": self.create_database(),
            "CONTACTBAR_SMTP_URL": self.mailbox.url,
        }
        self.environment = environment | settings

    def create_database(self):
        if self.database == "sqlite":
            return f"sqlite:{self.folder / 'contactbar.db'}"
        self.postgres = os.environ["CONTACTBAR_TEST_POSTGRES"]
        self.name = f"contactbar_{secrets.token_hex(6)}"
        self.psql(f"create database {self.name}")
        return self.postgres.rsplit("/", 1)[0] + "/" + self.name

    def psql(self, statement):
        subprocess.run(["psql", "--quiet", "--no-psqlrc", self.postgres, "-c", statement], check=True)

    def __enter__(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve"],
                env=self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        try:
            wait_until("the server to be ready", self.ready, 60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended:\n{self.log.read_text()}")
        try:
            return requests.get(self.url + "/readyz", timeout=2).ok
        except requests.RequestException:
            return False

    def __exit__(self, kind=None, *_):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise RuntimeError("the server did not stop within 30 s of SIGTERM") from None
        self.mailbox.close()
        if kind:
            lines = [line for line in self.log.read_text().splitlines() if "guards: answered" not in line]
            print(f"── the server's log ({self.database}) ──", *lines[-100:], sep="\n")
        if self.postgres:
            self.psql(f"drop database if exists {self.name} with (force)")
        shutil.rmtree(self.folder, ignore_errors=True)


def registration(address):
    return {"email": address, "password": PASSWORD, "privacy_version": 1, "terms_version": 1}


class Member:
    """A member with a session, who calls the API as a program would."""

    def __init__(self, url, address):
        self.url = url
        self.address = address
        self.http = requests.Session()
        self.http.headers["Origin"] = url  # as a browser on our own pages

    @classmethod
    def registered(cls, server):
        """A new one: registers, follows the link in the mail, logs in."""
        member = cls(server.url, f"ada-{secrets.token_hex(4)}@shop.example")
        member.call("POST", REGISTER, registration(member.address))
        member.call("POST", VERIFY, {"token": token_in(server.mailbox.wait_for(member.address))})
        return member.log_in()

    def log_in(self):
        self.call("POST", SESSION, {"email": self.address, "password": PASSWORD})
        return self

    @property
    def cookies(self):
        return self.http.cookies.get_dict()

    def call(self, method, path, body=None, **more):
        answer = self.http.request(method, self.url + path, json=body, timeout=30, **more)
        if not answer.ok:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
        return (
            answer.json() if answer.content and "json" in answer.headers.get("Content-Type", "") else answer
        )

    def token(self):
        return self.call("POST", TOKENS, {"name": "test", "scopes": SCOPES})["token"]

    def published_bar(self, **changes):
        bar = self.call(
            "POST", BARS, {"name": "Say hello", "allowed_hosts": ["*"], "draft": configuration()} | changes
        )
        self.call("POST", f"{BARS}/{bar['id']}/publish")
        return bar


def configuration():
    """A bar with a form: the smallest that says something, everything else by default."""
    return {
        "variants": [
            {
                "key": "a",
                "goal": {"kind": "contact", "fields": [{"name": "email", "kind": "email", "required": True}]},
                "texts": {
                    "en": {"message": "Questions? We call back.", "button": "Send", "success": "Thank you!"}
                },
            }
        ]
    }


def beacon(bar, kind, **changes):
    return {
        "b": bar["key"],
        "i": secrets.token_hex(16),
        "k": kind,
        "v": "a",
        "u": "https://shop.example/",
        "t": 1200,
    } | changes


def form_post(**changes):
    return {
        "i": secrets.token_hex(16),
        "v": "a",
        "u": "https://shop.example/",
        "t": 5000,
        "f": {"email": "vi@visitor.example"},
    } | changes
