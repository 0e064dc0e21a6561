#!/usr/bin/env python3
"""The main job, on real input: a member registers, designs a bar, pastes one line into a page of another origin with
hostile CSS and a strict CSP; a visitor in a real browser sees it, writes, presses the button; the view, the click and
the submission are counted once each, the contact is kept, and a mail about it arrives at a real SMTP server.

    CONTACTBAR_DATABASE_KIND=sqlite test_main_job.py
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import contactbar  # noqa: E402

VISITOR = "vi.visitor@example.org"


def foreign_site(script, embed):
    """A site of another origin, which allows nothing but the bar's script and its answers. Returns its address."""
    policy = (
        f"default-src 'none'; script-src {embed}; connect-src {embed}; style-src 'self'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )

    class Site(BaseHTTPRequestHandler):
        def do_GET(self):
            name = {"/": "index.html", "/hostile.css": "hostile.css"}.get(self.path.split("?")[0])
            if not name:
                self.send_error(404)
                return
            body = (HERE / "page" / name).read_text().replace("{{script}}", script).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if name.endswith("html") else "text/css")
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    site = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    return site, f"http://127.0.0.1:{site.server_address[1]}/?utm_source=letter"


def visit(page, folder):
    # Node looks for packages from the script's own folder upwards: the browser's driver is the widget's.
    node = subprocess.run(
        ["node", "--import", (HERE / "resolve.mjs").as_uri(), HERE / "visitor.mjs", page, folder, VISITOR],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert node.returncode == 0, node.stderr
    return json.loads(node.stdout)


def main_job(database, folder):
    with contactbar.Server(database) as server:
        member = contactbar.Member.registered(server)
        bar = member.published_bar()
        site, page = foreign_site(f"{server.url}/b/{bar['key']}.js", server.url)
        seen = visit(page, folder)
        site.shutdown()

        assert seen["mode"] == "closed"
        assert seen["heard"] == ["show", "click", "submit"], seen
        assert "Thank you!" in seen["text"], seen["text"]
        assert seen["refused"] == [], seen["refused"]
        assert seen["stored"] == 0, "nothing may be stored before the visitor has acted"

        totals = member.call("GET", f"{contactbar.BARS}/{bar['id']}/stats")["totals"]
        counted = {name: totals[name] for name in ("views", "visitors", "clicks", "submissions")}
        assert counted == {"views": 1, "visitors": 1, "clicks": 1, "submissions": 1}, totals

        contacts = member.call("GET", contactbar.CONTACTS)["items"]
        assert [contact["email"] for contact in contacts] == [VISITOR], contacts

        mail = server.mailbox.wait_for(member.address, count=2)  # the first was about the address
        assert VISITOR in contactbar.text_of(mail), contactbar.text_of(mail)
        print(f"{database}: one view, one click, one submission, one contact, one mail")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main_job(os.environ.get("CONTACTBAR_DATABASE_KIND", "sqlite"), os.environ.get("SCREENSHOTS", folder))
