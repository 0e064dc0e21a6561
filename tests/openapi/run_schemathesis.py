#!/usr/bin/env python3
"""Schemathesis over the whole document, against the real binary: all checks, no 5xx, no answer that is not named.

    run_schemathesis.py LOG_IN:DATABASE…      LOG_IN: session | token, DATABASE: sqlite | postgres
    run_schemathesis.py token:sqlite -- --include-path /api/v1/bars     the rest goes to schemathesis

Each run has a server of its own, seeded with a member who owns one of everything, so that paths with ids find
something. hooks.py logs in (again, when a test has logged out). Seconds a run: SCHEMATHESIS_SECS (default 120).
The seed is always the same, so that a red run is the change's fault; SCHEMATHESIS_SEED looks elsewhere.
"""

import json
import os
import pathlib
import re
import secrets
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import contactbar  # noqa: E402

DOCUMENT = HERE.parents[1] / "openapi" / "openapi.json"
ID = re.compile(r"\b([a-z]{2,5})_[0-9a-hjkmnp-tv-z]{26}\b")


def seed(member):
    """One of everything that can be made by hand; returns the ids found in the lists, by prefix, and the bar's key."""
    bar = member.published_bar()
    member.call("POST", "/e", [contactbar.beacon(bar, "view"), contactbar.beacon(bar, "click")])
    member.call("POST", f"/b/{bar['key']}/contacts", contactbar.form_post())
    member.token()
    found = {"key": {bar["key"]}}
    paths = json.loads(DOCUMENT.read_text())["paths"]
    for path in (p for p, item in paths.items() if p.startswith("/api/") and "{" not in p and "get" in item):
        answer = member.http.get(member.url + path, timeout=30)
        for match in ID.finditer(answer.text if answer.ok else ""):
            found.setdefault(match[1], set()).add(match[0])
    return found


def resolve(document, thing):
    while "$ref" in thing:
        target = document
        for step in thing["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        thing = target
    return thing


def dictionaries(found):
    """For each path parameter, the seeded values that fit it: by its name, or by the prefix in its pattern or example."""
    document = json.loads(DOCUMENT.read_text())
    chosen = {}
    for item in document["paths"].values():
        for operation in (o for o in item.values() if isinstance(o, dict)):
            for parameter in (resolve(document, p) for p in operation.get("parameters", [])):
                if parameter["in"] != "path":
                    continue
                described = json.dumps([parameter, resolve(document, parameter.get("schema", {}))])
                for prefix, values in found.items():
                    if parameter["name"] == prefix or re.search(rf'["^(]{prefix}_', described):
                        chosen[parameter["name"]] = sorted(values)
    return chosen


def configuration(found, log_in):
    lines = [
        f"hooks = {json.dumps(str(HERE / 'hooks.py'))}",
        # One: CPython 3.11 loses count of its recursion where threads parse (hypothesis reads the sources of lambdas).
        "workers = 1",
        "cache.enabled = false",
        "continue-on-failure = true",
        "request-timeout = 20",
        'warnings = { display = ["missing_auth", "unsupported_regex"] }',
        "generation = { mode = 'all', allow-x00 = true, database = 'none' }",
        # What a schema can't say is refused with 422: an address that is taken, a weight that adds up to nothing.
        "checks.positive_data_acceptance.expected-statuses = "
        "['2xx', '3xx', '400', '401', '403', '404', '409', '410', '413', '422', '429', '5xx']",
        "checks.negative_data_rejection.expected-statuses = "
        "['400', '401', '403', '404', '405', '406', '409', '410', '413', '415', '422', '429', '5xx']",
        "checks.not_a_server_error.expected-statuses = ['2xx', '3xx', '4xx']",
    ]
    if log_in == "session":
        # The check takes away the cookie that the document names, `__Host-session`; without TLS the server's is
        # called `session` and stays. The run with tokens has the check.
        lines.append("checks.ignored_auth.enabled = false")
    for name, values in dictionaries(found).items():
        lines += [
            f"dictionaries.{json.dumps(name)}.values = {json.dumps(values)}",
            f"parameters.{json.dumps('path.' + name)} = {{ dictionary = {json.dumps(name)}, probability = 0.7 }}",
        ]
    return "\n".join(lines) + "\n"


def run(log_in, database, more):
    seconds = os.environ.get("SCHEMATHESIS_SECS", "120")
    seed_of_cases = os.environ.get("SCHEMATHESIS_SEED", "1")
    settings = contactbar.UNLIMITED | {
        "CONTACTBAR_TRUSTED_PROXIES": "127.0.0.1",  # see hooks.py
        "CONTACTBAR_MAIL_FEEDBACK_SECRET": secrets.token_hex(32),  # without it the route is not there
    }
    with contactbar.Server(database, **settings) as server:
        members = [contactbar.Member.registered(server) for _ in range(20)]
        settings_file = server.folder / "schemathesis.toml"
        settings_file.write_text(configuration(seed(members[0]), log_in))
        environment = os.environ | {
            "CONTACTBAR_TEST_LOG_IN": log_in,
            "CONTACTBAR_TEST_URL": server.url,
            "CONTACTBAR_TEST_ADDRESSES": json.dumps([member.address for member in members]),
            "PYTHONPATH": str(HERE.parent / "support"),
        }
        command = [
            pathlib.Path(sys.executable).with_name("schemathesis"),
            "--config-file",
            settings_file,
            "run",
        ]
        command += [
            "--url",
            server.url,
            "--max-time",
            seconds,
            "--seed",
            seed_of_cases,
            "--no-color",
            *more,
            DOCUMENT,
        ]
        print(f"── {log_in} on {database} ──", flush=True)
        failed = subprocess.run(command, env=environment, cwd=server.folder).returncode
        panics = server.log.read_text().count("panicked at")
        if panics:
            print(f"{panics} panics in the server's log")
        if failed or panics:
            raise SystemExit(f"{log_in} on {database}: see above\n0 passed, 1 failed")


def main():
    arguments, more = sys.argv[1:], []
    if "--" in arguments:
        cut = arguments.index("--")
        arguments, more = arguments[:cut], arguments[cut + 1 :]
    for argument in arguments:
        run(*argument.split(":"), more)
    print(f"{len(arguments)} passed, 0 failed")


if __name__ == "__main__":
    main()
