"""How schemathesis logs in: with a session cookie or a bearer token, and anew when a test has ended the old one.

Loaded by schemathesis itself (`hooks =` in the settings that run_schemathesis.py writes).
"""

import json
import os
import sys

import contactbar
import requests
import schemathesis

URL = os.environ["CONTACTBAR_TEST_URL"]
LOG_IN = os.environ["CONTACTBAR_TEST_LOG_IN"]
ADDRESSES = json.loads(os.environ["CONTACTBAR_TEST_ADDRESSES"])


def credential_of(address):
    member = contactbar.Member(URL, address)
    # From a network of its own: the wrong passwords of the cases have used up what this one may try.
    member.http.headers["X-Forwarded-For"] = "192.0.2.1"
    member.log_in()
    return member.cookies if LOG_IN == "session" else member.token()


def headers_and_cookies(credential):
    if LOG_IN == "session":
        return {"Origin": URL}, credential
    return {"Authorization": f"Bearer {credential}"}, {}


def still_good(credential):
    headers, cookies = headers_and_cookies(credential)
    path = contactbar.SESSION if LOG_IN == "session" else contactbar.BARS
    return requests.get(URL + path, headers=headers, cookies=cookies, timeout=20).ok


@schemathesis.auth(refresh_interval=60, retry_on=[401])
class LogIn:
    """Keeps one credential for as long as it is good; a member who is gone, or must wait after the wrong passwords
    of the cases, is followed by the next."""

    credential = None

    def get(self, case, context):
        for address in list(ADDRESSES):
            if self.credential and still_good(self.credential):
                return self.credential
            try:
                self.credential = credential_of(address)
            except RuntimeError as error:
                print(error, file=sys.stderr)
                ADDRESSES.append(ADDRESSES.pop(0))
        return self.credential

    def set(self, case, credential, context):
        headers, cookies = headers_and_cookies(credential)
        case.headers = {**(case.headers or {}), **headers}
        case.cookies = {**(case.cookies or {}), **cookies}
