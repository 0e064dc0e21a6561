"""The real binary under `kill -9`, and a look into its tables afterwards, past the binary."""

import os
import re
import signal
import sqlite3
import subprocess

import contactbar


class UnderFire(contactbar.Server):
    """A server that is killed and started again, on the same data and the same port."""

    # How many jobs run at a time: so many mails can be under way when it dies.
    MAILS_AT_ONCE = 8

    def __init__(self, database, **more):
        super().__init__(database, **(contactbar.UNLIMITED | more))

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def start_again(self):
        self.__enter__()

    def stop(self):
        """In order: what it has begun, it ends."""
        self.process.terminate()
        if self.process.wait(30) != 0:
            raise RuntimeError(
                f"the server ended with {self.process.returncode}:\n{self.log.read_text()[-5000:]}"
            )


class Database:
    """The tables of a server. Statements may say `{hex(c)}` for an id in hexadecimal digits, `{micros(c)}` for a time in
    microseconds and `{kind(view)}` for a kind of event: what differs between the databases, or is a number in them."""

    KINDS = {"view": 1, "click": 2, "close": 3, "submit": 4}
    SAYINGS = {
        "sqlite": {"hex": "lower(hex({}))", "micros": "{}"},
        "postgres": {
            "hex": "replace({}::text, '-', '')",
            "micros": "(extract(epoch from {}) * 1000000)::bigint",
        },
    }

    def __init__(self, server):
        self.kind = server.database
        self.url = server.environment["CONTACTBAR_DATABASE_URL"]

    def change(self, statement):
        self.rows(statement)

    def rows(self, statement):
        def say(match):
            word, argument = match.groups()
            if word == "kind":
                return str(self.KINDS[argument])
            return self.SAYINGS[self.kind][word].format(argument)

        statement = re.sub(r"\{(\w+)\((\w+)\)\}", say, statement)
        if self.kind == "sqlite":
            connection = sqlite3.connect(self.url.removeprefix("sqlite:"))
            try:
                with connection:
                    return [tuple(row) for row in connection.execute(statement)]
            finally:
                connection.close()
        separator = "\x1f"
        told = subprocess.run(
            ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-F", separator, "-d", self.url, "-c", statement],
            check=True,
            capture_output=True,
            text=True,
            env=os.environ | {"PGOPTIONS": "-c client_min_messages=warning"},
        ).stdout
        return [
            tuple(int(v) if re.fullmatch(r"-?\d+", v) else v for v in row.split(separator))
            for row in told.splitlines()
        ]
