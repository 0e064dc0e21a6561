#!/usr/bin/env python3
"""The service's mail against real SMTP servers: in the clear, STARTTLS, TLS, with a password; and the servers that it
must not talk to.

    smtp_servers.py [sqlite|postgres …]

A good server gets the mail of a registration. A bad one gets nothing, not even the password, and the mail waits for
another try. What arrives is signed so that a verifier of somebody else's says so (dkimpy); what comes back is taken in; and a
server that hangs holds up nobody but those whose mails hang.
"""

import asyncio
import email
import email.policy
import logging
import os
import pathlib
import re
import ssl
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import contactbar  # noqa: E402
import dkim  # noqa: E402
import trustme  # noqa: E402
from aiosmtpd.controller import Controller  # noqa: E402
from aiosmtpd.smtp import AuthResult, LoginPassword  # noqa: E402

logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # aiosmtpd's: the refused handshakes are the point

USER, PASSWORD = "mailer", "p@ss:w/rd"
SIGNED_IN = f"{USER}:p%40ss%3Aw%2Frd@"

AUTHORITY, STRANGER = trustme.CA(), trustme.CA()


def tls(authority=AUTHORITY, name="localhost"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


class Server(contactbar.Mailbox):
    """An SMTP server as its `options` make it. Keeps the mails, and the passwords that it was shown."""

    def __init__(self, scheme, signed_in="", **options):
        self.messages, self.passwords = [], []
        if signed_in:
            options |= {"auth_required": True, "authenticator": self.authenticate}
        port = contactbar.free_port()
        self.controller = Controller(
            self,
            hostname="127.0.0.1",
            port=port,
            server_hostname="localhost",
            ready_timeout=60,
            **options,
        )
        self.controller.start()
        self.url = f"{scheme}://{signed_in}localhost:{port}"

    def authenticate(self, server, session, envelope, mechanism, data):
        assert isinstance(data, LoginPassword)
        self.passwords.append(data.password.decode())
        return AuthResult(success=data.login == USER.encode() and data.password == PASSWORD.encode())


GOOD = {
    "in the clear": lambda: Server("smtp"),
    "STARTTLS and a password": lambda: Server(
        "smtp+starttls", SIGNED_IN, tls_context=tls(), require_starttls=True
    ),
    "TLS and a password": lambda: Server("smtps", SIGNED_IN, ssl_context=tls(), auth_require_tls=False),
}
BAD = {
    "does not offer STARTTLS": lambda: Server("smtp+starttls", SIGNED_IN, auth_require_tls=False),
    "has a certificate that nobody trusts": lambda: Server(
        "smtps", SIGNED_IN, ssl_context=tls(STRANGER), auth_require_tls=False
    ),
    "has a certificate for another name": lambda: Server(
        "smtp+starttls", SIGNED_IN, tls_context=tls(name="mail.example"), require_starttls=True
    ),
}


def register(server):
    address = "ada@shop.example"
    contactbar.Member(server.url, address).call("POST", contactbar.REGISTER, contactbar.registration(address))
    return address


def service(database, smtp, folder):
    authorities = folder / "authorities.pem"
    AUTHORITY.cert_pem.write_to_path(str(authorities))
    settings = {"CONTACTBAR_SMTP_URL": smtp.url, "SSL_CERT_FILE": str(authorities)}
    return contactbar.Server(database, **settings)


def arrives(database, smtp, folder):
    with service(database, smtp, folder) as server:
        message = smtp.wait_for(register(server))
        contactbar.token_in(message)


def waits(database, smtp, folder):
    with service(database, smtp, folder) as server:
        register(server)
        contactbar.wait_until(
            "the mail to be put off", lambda: "job will be tried again" in server.log.read_text()
        )
    assert not smtp.messages, "a mail went where it must not go"
    assert not smtp.passwords, "a password went where it must not go"


class Everything(contactbar.Mailbox):
    """Keeps mails as they came, with their envelopes. Never answers for a recipient at `hangs.example`."""

    def __init__(self):
        self.envelopes = []
        super().__init__()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.endswith("@hangs.example"):
            await asyncio.Event().wait()
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server, session, envelope):
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return await super().handle_DATA(server, session, envelope)


FROM = "Contactbar <hello@mail.bars.example>"
PROXY = {"CONTACTBAR_TRUSTED_PROXIES": "127.0.0.1/32"}


def keys():
    """An RSA and an Ed25519 key, as OpenSSL makes them."""
    commands = (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], ["-algorithm", "ED25519"])
    made = (
        subprocess.run(["openssl", "genpkey", *options], check=True, capture_output=True, text=True)
        for options in commands
    )
    return "".join(key.stdout for key in made)


def command(server, *arguments, stdin=b"", **settings):
    return subprocess.run(
        [contactbar.BINARY, *arguments],
        env=server.environment | settings,
        cwd=server.folder,
        input=stdin,
        capture_output=True,
        timeout=60,
    )


def records(server):
    """What `contactbar mail dns` says must be published: by name, as a resolver would answer."""
    printed = command(server, "mail", "dns").stdout.decode()
    found = re.findall(r"^(\S+) TXT (.+)$", printed, re.MULTILINE)
    return {name.encode(): "".join(re.findall(r'"([^"]*)"', value)).encode() for name, value in found}


def is_signed(mail, number, published):
    def resolve(name, timeout=5):
        return published.get(name)

    try:
        return dkim.DKIM(mail).verify(idx=number, dnsfunc=resolve)
    except dkim.DKIMException:
        return False


def signed(database):
    """Both signatures of a mail hold, and neither survives a change."""
    smtp = Everything()
    settings = {
        "CONTACTBAR_MAIL_FROM": FROM,
        "CONTACTBAR_DKIM_KEY": keys(),
        "CONTACTBAR_DKIM_SELECTOR": "rsa1,ed1",
        "CONTACTBAR_DKIM_DOMAIN": "bars.example",
        "CONTACTBAR_MAIL_BOUNCES_TO": "bounces@mail.bars.example",
    }
    with contactbar.Server(database, smtp, **settings) as server:
        published = records(server)
        assert {b"rsa1._domainkey.bars.example.", b"ed1._domainkey.bars.example."} <= published.keys(), (
            published
        )
        member = contactbar.Member.registered(server)
        member.call("POST", f"{contactbar.REGISTER}/password-reset", {"email": member.address})
        contactbar.wait_until("a second mail", lambda: len(smtp.envelopes) >= 2)
        for returns, recipients, mail in smtp.envelopes:
            message = email.message_from_bytes(mail, policy=email.policy.default)
            assert recipients == [message["To"].addresses[0].addr_spec], recipients
            local = message["Message-ID"].strip("<>").split("@")[0]
            assert returns == f"bounces+{local}@mail.bars.example", returns
            for number in (0, 1):
                assert is_signed(mail, number, published), (
                    f"signature {number} does not hold:\n{mail.decode()}"
                )
                head, body = mail.split(b"\r\n\r\n", 1)
                for name, other in {
                    "another subject": mail.replace(b"\r\nSubject: ", b"\r\nSubject: Re: "),
                    "another body": head + b"\r\n\r\n" + body.replace(b"t", b"T", 1),
                    "a second sender": b"From: eve@evil.example\r\n" + mail,
                    "a second way out": b"List-Unsubscribe: <https://evil.example>\r\n" + mail,
                    "a reply elsewhere": b"Reply-To: eve@evil.example\r\n" + mail,
                }.items():
                    assert not is_signed(other, number, published), f"{name} goes unnoticed"
        refused = command(server, "check", CONTACTBAR_DKIM_DOMAIN="elsewhere.example")
        assert refused.returncode != 0 and b"dkim" in refused.stderr, refused
        return f"{len(smtp.envelopes)} mails with two signatures each"


def taken_in(database):
    """A bounce that a mail server pipes in is noted at its message, and tried again later when the database is away."""
    with contactbar.Server(database, Everything()) as server:
        member = contactbar.Member.registered(server)
        message = server.mailbox.wait_for(member.address)
        report = email.message_from_string(
            f"From: MAILER-DAEMON@mx.example\nTo: hello@bars.example\nMIME-Version: 1.0\n"
            f"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n"
            f"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
            f"Final-Recipient: rfc822; {member.address}\nAction: failed\nStatus: 5.1.1\n\n--b\n"
            f"Content-Type: text/rfc822-headers\n\nMessage-ID: {message['Message-ID']}\n\n--b--\n"
        ).as_bytes()
        away = command(
            server,
            "mail",
            "intake",
            stdin=report,
            CONTACTBAR_DATABASE_URL="postgres://nobody@127.0.0.1:1/x",
            CONTACTBAR_DATABASE_WAIT="1",
        )
        assert away.returncode == 75, away
        for words in (b"Noted.\n", b"Known already.\n"):
            taken = command(server, "mail", "intake", stdin=report)
            assert (taken.returncode, taken.stdout) == (0, words), taken
        other = command(server, "mail", "intake", stdin=b"Subject: I am away\n\nUntil Monday.\n")
        assert (other.returncode, other.stdout) == (0, b"Not a report; left alone.\n"), other
        listed = command(server, "mail", "list")
        assert listed.stdout.decode() == "0 given up, 0 waiting.\n", listed
    return "noted once, told from an absence note, put off while the database is away"


def hung(database):
    """Twenty mails hang; one to another domain arrives long before any of them is given up."""
    smtp = Everything()
    with contactbar.Server(database, smtp, **contactbar.UNLIMITED, **PROXY) as server:

        def register(address, number):
            url = server.url + contactbar.REGISTER
            place = {"X-Forwarded-For": f"2001:db8:{number:x}::1"}
            answer = contactbar.requests.post(
                url, json=contactbar.registration(address), headers=place, timeout=30
            )
            assert answer.status_code == 202, answer.text

        for number in range(20):
            register(f"ada-{number}@hangs.example", number)
        register("eve@works.example", 20)
        smtp.wait_for("eve@works.example")
        assert [to for _, to, _ in smtp.envelopes] == [["eve@works.example"]], smtp.envelopes
        server.process.kill()  # in order it would wait for those that hang
        server.process.wait()
    return "it arrived while 20 mails to another domain hung"


def main():
    databases = sys.argv[1:] or ["sqlite"]
    passed = servers(databases[0])
    for database in databases:
        for check in (signed, taken_in, hung):
            print(f"✓ {check.__name__} ({database}): {check(database)}", flush=True)
            passed += 1
    print(f"{passed} passed, 0 failed")


def servers(database):
    folder = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"contactbar-smtp-{os.getpid()}"
    folder.mkdir()
    try:
        for check, servers in ((arrives, GOOD), (waits, BAD)):
            for name, start in servers.items():
                smtp = start()
                try:
                    check(database, smtp, folder)
                finally:
                    smtp.close()
                print(f"✓ a server {'with mail ' if check is arrives else 'that '}{name}: {check.__name__}")
    finally:
        (folder / "authorities.pem").unlink(missing_ok=True)
        folder.rmdir()
    return len(GOOD) + len(BAD)


if __name__ == "__main__":
    main()
