"""How schemathesis logs in: with a session cookie or a bearer token, and anew when a test has ended the old one.

Loaded by schemathesis itself (`hooks =` in the settings that run_schemathesis.py writes).
"""

import json
import os

import contactbar
import requests
import schemathesis

URL = os.environ["CONTACTBAR_TEST_URL"]
LOG_IN = os.environ["CONTACTBAR_TEST_LOG_IN"]
ADDRESSES = json.loads(os.environ["CONTACTBAR_TEST_ADDRESSES"])


def credential_of(address):
    member = contactbar.Member(URL, address).log_in()
    return member.cookies if LOG_IN == "session" else member.token()


def headers_and_cookies(credential):
    if LOG_IN == "session":
        return {"Origin": URL}, credential
    return {"Authorization": f"Bearer {credential}"}, {}


def still_good(credential):
    headers, cookies = headers_and_cookies(credential)
    return requests.get(URL + contactbar.SESSION, headers=headers, cookies=cookies, timeout=20).ok


@schemathesis.auth(refresh_interval=60, retry_on=[401])
class LogIn:
    """Keeps one credential for as long as it is good; a member who is gone is followed by the next."""

    credential = None

    def get(self, case, context):
        while not (self.credential and still_good(self.credential)):
            try:
                self.credential = credential_of(ADDRESSES[0])
            except RuntimeError:
                if len(ADDRESSES) == 1:
                    raise
                ADDRESSES.pop(0)
        return self.credential

    def set(self, case, credential, context):
        headers, cookies = headers_and_cookies(credential)
        case.headers = {**(case.headers or {}), **headers}
        case.cookies = {**(case.cookies or {}), **cookies}
