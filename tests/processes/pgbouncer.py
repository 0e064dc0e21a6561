"""PgBouncer in transaction mode before the tests' PostgreSQL, on a free port; it must be installed."""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import urllib.parse

import contactbar


class PgBouncer:
    """Four connections to PostgreSQL for everybody: processes have more, so that they must share."""

    CONNECTIONS = 4

    def __init__(self, postgres):
        url = urllib.parse.urlsplit(postgres)
        self.port = contactbar.free_port()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="contactbar-pgbouncer-"))
        target = f"host={url.hostname} port={url.port or 5432} user={url.username}"
        if url.password:
            target += f" password={url.password}"
        (self.folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = {target}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nauth_type = any\n"
            f"pool_mode = transaction\ndefault_pool_size = {self.CONNECTIONS}\nmax_client_conn = 500\nunix_socket_dir =\n"
            # The tests' own looks by psql say some; the service does not.
            "ignore_startup_parameters = options\n"
            f"logfile = {self.folder}/log\n"
        )
        command = ["pgbouncer", "--quiet", str(self.folder / "pgbouncer.ini")]
        owner = None
        if os.geteuid() == 0:  # it refuses to run as root, and rightly
            owner = "nobody"
            shutil.chown(self.folder, owner)
        self.process = subprocess.Popen(command, user=owner)
        self.url = url._replace(netloc=f"{url.username}@127.0.0.1:{self.port}").geturl()
        contactbar.wait_until("PgBouncer", self.listens, 10)

    def listens(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)
