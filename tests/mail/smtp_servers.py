#!/usr/bin/env python3
"""The service's mail against real SMTP servers: in the clear, STARTTLS, TLS, with a password; and the servers that it
must not talk to.

    smtp_servers.py [sqlite|postgres]

A good server gets the mail of a registration. A bad one gets nothing, not even the password, and the mail waits for
another try.
"""

import logging
import os
import pathlib
import ssl
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import contactbar  # noqa: E402
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
            self, hostname="127.0.0.1", port=port, server_hostname="localhost", **options
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


def main():
    database = (sys.argv[1:] or ["sqlite"])[0]
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
    print(f"{len(GOOD) + len(BAD)} passed, 0 failed")


if __name__ == "__main__":
    main()
