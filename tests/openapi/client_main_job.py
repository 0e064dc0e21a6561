#!/usr/bin/env python3
"""A client generated from the document does the main job: it registers, verifies, makes a bar, publishes it, and
reads what a visitor did and left. Nothing here knows how the API is called but the generated code; each answer
must be one that the document names, and must survive the client's types without losing a field.

    client_main_job.py sqlite postgres
"""

import importlib
import json
import pathlib
import pkgutil
import re
import subprocess
import sys
import tempfile
import typing

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import contactbar  # noqa: E402
import requests  # noqa: E402

DOCUMENT = HERE.parents[1] / "openapi" / "openapi.json"
PACKAGE = "contactbar_client"


def generate(folder):
    """The client's package, imported."""
    config = folder / "config.yaml"
    config.write_text(f"package_name_override: {PACKAGE}\npost_hooks: []\n")
    tool = pathlib.Path(sys.executable).with_name("openapi-python-client")
    command = [
        tool,
        "generate",
        "--path",
        DOCUMENT,
        "--meta",
        "none",
        "--config",
        config,
        "--output-path",
        folder / PACKAGE,
    ]
    made = subprocess.run(command, capture_output=True, text=True)
    print(made.stdout + made.stderr)
    if made.returncode:
        raise SystemExit("the client could not be generated\n0 passed, 1 failed")
    sys.path.insert(0, str(folder))
    return importlib.import_module(PACKAGE)


class Api:
    """Calls operations by method and path, through the generated module of their operation id."""

    def __init__(self, package):
        self.package = package
        self.paths = json.loads(DOCUMENT.read_text())["paths"]
        found = pkgutil.walk_packages(importlib.import_module(f"{PACKAGE}.api").__path__, f"{PACKAGE}.api.")
        self.modules = {name.rsplit(".", 1)[1]: name for _, name, is_package in found if not is_package}
        self.calls = 0
        for path in (path for path in self.paths if path.startswith("/api/")):
            for method in self.paths[path].keys() & {"get", "post", "put", "patch", "delete"}:
                assert self.module(method, path), f"{method} {path}: the generator left it out"

    def module(self, method, path):
        operation = self.paths[path][method.lower()]["operationId"]
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", operation).lower()
        return snake in self.modules and importlib.import_module(self.modules[snake])

    def __call__(self, client, method, path, body=None, **parameters):
        module = self.module(method, path)
        if body is not None:
            hint = typing.get_type_hints(module.sync_detailed)["body"]
            model = next(t for t in (hint, *typing.get_args(hint)) if hasattr(t, "from_dict"))
            parameters["body"] = model.from_dict(body)
        answer = module.sync_detailed(client=client, **parameters)
        where = f"{method} {path}"
        assert answer.status_code < 300, f"{where}: {answer.status_code} {answer.content!r}"
        self.calls += 1
        if not answer.content:
            return None
        raw = json.loads(answer.content)
        assert answer.parsed is not None, f"{where}: {answer.status_code} is not in the document"
        if hasattr(answer.parsed, "to_dict"):
            assert shape(answer.parsed.to_dict()) == shape(raw), (
                f"{where}: the client's types do not hold what came"
            )
        return raw


def shape(value):
    """Names and structure without values: times may be written differently, fields may not be lost."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return None


def main_job(api, server):
    anyone = api.package.Client(base_url=server.url, headers={"Origin": server.url})
    address = "ada@shop.example"
    credentials = {"email": address, "password": contactbar.PASSWORD}
    api(anyone, "POST", contactbar.REGISTER, contactbar.registration(address))
    api(anyone, "POST", contactbar.VERIFY, {"token": contactbar.token_in(server.mailbox.wait_for(address))})
    api(anyone, "POST", contactbar.SESSION, credentials)  # the client's own cookie jar keeps the session
    token = api(anyone, "POST", contactbar.TOKENS, {"name": "client", "scopes": contactbar.SCOPES})["token"]

    member = api.package.AuthenticatedClient(base_url=server.url, token=token)
    bar = api(
        member,
        "POST",
        contactbar.BARS,
        {"name": "Say hello", "allowed_hosts": ["*"], "draft": contactbar.configuration()},
    )
    api(member, "POST", contactbar.BARS + "/{bar_id}/publish", bar_id=bar["id"])

    # The visitor is no client of the API: the bar's script and a browser do this part.
    visitor = requests.Session()
    visitor.headers["User-Agent"] = contactbar.BROWSER
    script = visitor.get(f"{server.url}/b/{bar['key']}.js", timeout=20)
    assert script.ok and "Questions? We call back." in script.text
    for kind in ("view", "click"):
        assert (
            visitor.post(server.url + "/e", json=contactbar.beacon(bar, kind), timeout=20).status_code == 204
        )
    form = contactbar.form_post()
    for _ in range(2):  # a retry keeps it once
        assert visitor.post(f"{server.url}/b/{bar['key']}/contacts", json=form, timeout=20).ok

    totals = api(member, "GET", contactbar.BARS + "/{bar_id}/stats", bar_id=bar["id"])["totals"]
    counted = {name: totals[name] for name in ("views", "clicks", "submissions")}
    assert counted == {"views": 1, "clicks": 1, "submissions": 1}, counted
    contacts = api(member, "GET", contactbar.CONTACTS)["items"]
    assert [c["email"] for c in contacts] == ["vi@visitor.example"], contacts
    server.mailbox.wait_for(address, count=2)


def main():
    databases = sys.argv[1:] or ["sqlite"]
    with tempfile.TemporaryDirectory(prefix="contactbar-client-") as folder:
        api = Api(generate(pathlib.Path(folder)))
        for database in databases:
            with contactbar.Server(database) as server:
                main_job(api, server)
                print(f"the main job, by a generated client, on {database}")
    print(f"{api.calls} calls\n{len(databases)} passed, 0 failed")


if __name__ == "__main__":
    main()
