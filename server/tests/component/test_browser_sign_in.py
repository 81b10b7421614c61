"""Signing in with a browser: links, sessions, and what a stolen or forged one is worth."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from flowstead.resources.principal import PrincipalType
from flowstead.resources.settings import ServerSettings
from flowstead.testing.frozen_clock import FrozenClock
from flowstead.testing.in_process_api import OWNER, InProcessApi
from server.tests.component.signing_in import (
    HOUR,
    Browser,
    api_with,
    audited,
    error,
    frozen_clock,
    new_code,
    owner,
    signed_in,
)

clock = pytest.fixture(frozen_clock)
api = pytest.fixture(api_with)


def test_a_one_time_link_signs_a_browser_in(api: InProcessApi) -> None:
    browser = Browser(api)
    answer = browser.sign_in(code=new_code(api))
    assert answer.json()["principal"]["name"] == "owner"
    assert answer.json()["session"]["client"] == "Browser/1"
    attributes = {part.strip().lower() for part in browser.given.split(";")[1:]}
    assert attributes == {"httponly", "max-age=43200", "path=/", "samesite=strict"}
    assert browser.call("GET", f"{api.workspace.path}/onlineEndpoints").status_code == 200
    made = browser.call("PUT", f"{api.workspace.path}/onlineEndpoints/foo", {"properties": {}})
    assert made.status_code == 201
    without_proof = {name: value for name, value in answer.json().items() if name != "csrfToken"}
    assert browser.call("GET", "/session").json() == without_proof
    [signing_in, making] = audited(api)
    assert (making.action, signing_in.action, signing_in.by) == ("makeSignInLink", "signIn", "owner")
    assert signing_in.principal_id == owner(api).object_id


def test_a_token_signs_a_browser_in(api: InProcessApi) -> None:
    browser = Browser(api)
    assert browser.sign_in(token=api.token()).status_code == 200
    assert browser.call("GET", "/session").json()["principal"]["name"] == "owner"


def test_a_browser_gets_a_token_of_its_own_for_endpoints_and_for_nothing_else(api: InProcessApi) -> None:
    browser = signed_in(api)
    answer = browser.call("POST", "/session/endpointToken").json()
    token = answer["accessToken"]
    claims = api.access.issuer.verify(token, issuer=api.access.issuer_url, audience="https://ml.azure.com")
    assert (claims["sub"], claims["exp"]) == (owner(api).object_id, answer["expiryTimeUtc"])
    assert answer["expiryTimeUtc"] - claims["iat"] == HOUR
    assert error(api.call("GET", "/session", token=token)) == (401, "Unauthorized")
    without_proof = browser.call("POST", "/session/endpointToken", headers={"X-CSRF-Token": None})
    assert error(without_proof) == (403, "CrossSiteRequest")
    assert error(api.call("POST", "/session/endpointToken", token=api.token())) == (400, "BadArgument")


def test_what_signs_nobody_in(api: InProcessApi) -> None:
    of_endpoint = api.access.endpoint_token(owner(api), "uid").text
    for body in ({"token": "x"}, {"token": of_endpoint}, {"code": "x"}):
        assert error(Browser(api).sign_in(**body)) == (401, "Unauthorized"), body
    for body in ({}, {"code": "x", "token": "y"}, {"code": api.token()}):
        assert error(Browser(api).sign_in(**body)) == (400, "BadArgument"), body


def test_an_identity_gets_no_session(api: InProcessApi) -> None:
    """A flow's code has tokens of one; they are for programs."""
    identity = replace(api.stranger(), type=PrincipalType.MANAGED_IDENTITY)
    api.store.principals.put(identity)
    assert error(Browser(api).sign_in(token=api.token(identity))) == (403, "AuthorizationFailed")
    assert error(api.call("POST", "/signin/links", token=api.token(identity))) == (403, "AuthorizationFailed")


def test_a_code_works_once_and_a_second_use_is_audited(api: InProcessApi) -> None:
    code, first, thief = new_code(api), Browser(api), Browser(api, address="10.6.6.6")
    assert first.sign_in(code=code).status_code == 200
    refused = thief.sign_in(code=code)
    assert error(refused) == (401, "Unauthorized")
    assert "used already" in refused.text
    assert "set-cookie" not in refused.headers
    assert first.call("GET", "/session").status_code == 200
    [last, *_] = audited(api)
    assert (last.action, last.by, last.outcome) == ("signIn", "unknown", "Failed")
    assert "used already" in str(last.error)


def test_of_many_at_once_one_redeems_it(api: InProcessApi) -> None:
    code, answers = new_code(api), []
    threads = [
        threading.Thread(target=lambda: answers.append(Browser(api).sign_in(code=code).status_code)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [401] * 7


def test_a_code_holds_for_ten_minutes(api: InProcessApi, clock: FrozenClock) -> None:
    early, late = new_code(api), new_code(api)
    clock.advance(10 * 60 - 1)
    assert Browser(api).sign_in(code=early).status_code == 200
    clock.advance(1)
    refused = Browser(api).sign_in(code=late)
    assert error(refused) == (401, "Unauthorized")
    assert "expired" in refused.text


def test_guessing_is_slowed_down_for_whoever_guesses(api: InProcessApi, clock: FrozenClock) -> None:
    guesser, code = Browser(api, address="10.6.6.6"), new_code(api)
    for number in range(30):
        assert guesser.sign_in(code=f"guess-{number}").status_code == 401
    for body in ({"code": "guess"}, {"code": code}, {"token": api.token()}):
        assert error(guesser.sign_in(**body)) == (429, "TooManyRequests"), "a good one is not told from the rest"
    assert Browser(api, address="10.1.1.1").sign_in(code=code).status_code == 200
    clock.advance(61)
    assert guesser.sign_in(code=new_code(api)).status_code == 200


def test_no_secret_is_kept(api: InProcessApi) -> None:
    code = new_code(api)
    browser = Browser(api)
    browser.sign_in(code=code)
    secret = browser.cookie.partition("=")[2]
    kept = b"".join(file.read_bytes() for file in api.home.root.rglob("*") if file.is_file())
    for each in (code, secret, browser.csrf_token):
        assert each.encode() not in kept


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"Sec-Fetch-Site": None}, 201),
        ({"Origin": None, "Sec-Fetch-Site": None}, 201),
        ({"X-CSRF-Token": None}, 403),
        ({"X-CSRF-Token": "wrong"}, 403),
        ({"X-CSRF-Token": b"\xfc"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "https://evil.test"}, 403),
        ({"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": None}, 403),
        ({"Origin": "https://127.0.0.1:8080", "Sec-Fetch-Site": None}, 403),
        ({"Origin": "null"}, 403),
    ],
    ids=str,
)
def test_a_cookie_alone_changes_nothing(api: InProcessApi, headers: dict[str, str | bytes | None], status: int) -> None:
    browser = signed_in(api)
    answer = browser.call("PUT", f"{api.workspace.path}/onlineEndpoints/foo", {"properties": {}}, headers=headers)
    assert answer.status_code == status, answer.text
    if status == 403:
        assert error(answer) == (403, "CrossSiteRequest")
        assert api.call("GET", "onlineEndpoints/foo").status_code == 404


def test_a_stolen_cookie_opens_nothing(api: InProcessApi) -> None:
    """Whoever serves another port of this host is given it by the browser."""
    browser = signed_in(api)
    proof, browser.csrf_token = browser.csrf_token, ""
    at = api.workspace.path
    for method, path in (
        ("GET", f"{at}/onlineEndpoints"),
        ("GET", f"{at}/events"),
        ("GET", "/session"),
        ("GET", "/sessions"),
        ("PUT", f"{at}/onlineEndpoints/foo"),
        ("PATCH", f"{at}/onlineEndpoints/foo"),
        ("DELETE", f"{at}/onlineEndpoints/foo"),
        ("POST", f"{at}/onlineEndpoints/foo/listKeys"),
        ("POST", f"{at}/datastores/workspaceblobstore/listSecrets"),
        ("POST", "/signin/links"),
        ("POST", "/signout"),
        ("DELETE", "/sessions/x"),
    ):
        assert error(browser.call(method, path, {})) == (403, "CrossSiteRequest"), (method, path)
    browser.csrf_token = proof
    assert browser.call("GET", "/session").status_code == 200, "nobody was signed out"
    assert proof not in browser.call("GET", "/session").text
    browser.csrf_token = signed_in(api).csrf_token
    assert error(browser.call("GET", "/session")) == (403, "CrossSiteRequest"), "each session has its own"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", ""])
def test_pages_of_others_read_nothing_by_the_cookie(api: InProcessApi, site: str) -> None:
    """Another port of this host is the same site, so that the cookie comes with its requests."""
    browser = signed_in(api)
    for path in ("/session", f"{api.workspace.path}/onlineEndpoints"):
        assert error(browser.call("GET", path, headers={"Sec-Fetch-Site": site})) == (403, "CrossSiteRequest")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({}, 415),
        ({"Content-Type": "application/json", "Origin": "https://evil.test"}, 403),
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}, 403),
    ],
    ids=str,
)
def test_no_page_of_others_signs_a_browser_in(api: InProcessApi, headers: dict[str, str], status: int) -> None:
    """Not as the page's owner either, whose the user's work would be then. The code stays good."""
    code = new_code(api)
    content = json.dumps({"code": code}).encode()
    refused = Browser(api).call("POST", "/signin", headers=headers, content=content)
    assert refused.status_code == status, refused.text
    assert "set-cookie" not in refused.headers
    assert Browser(api).sign_in(code=code).status_code == 200


def test_no_page_of_others_signs_a_browser_out(api: InProcessApi) -> None:
    browser = signed_in(api)
    for headers in ({"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}):
        refused = browser.call("POST", "/signout", headers=headers)
        assert error(refused) == (403, "CrossSiteRequest")
        assert "set-cookie" not in refused.headers
    assert browser.call("GET", "/session").status_code == 200


def test_who_brings_a_token_and_a_cookie_goes_by_the_token(api: InProcessApi) -> None:
    browser, stranger = signed_in(api), api.token(api.stranger())
    assert browser.call("GET", "/session", token=stranger).json() == {
        "principal": {
            "name": "stranger",
            "type": "ServicePrincipal",
            "principalId": "00000000-0000-0000-0000-00000000aaaa",
            "tenantId": api.access.tenant_id,
        }
    }
    at = f"{api.workspace.path}/onlineEndpoints"
    assert error(browser.call("GET", at, token=stranger)) == (403, "AuthorizationFailed")
    for bad in ("", "x", "Basic x"):
        assert browser.call("GET", at, headers={"Authorization": f"Bearer {bad}"}).status_code == 401
    no_proof = {"X-CSRF-Token": None, "Origin": "https://client.test"}
    made = browser.call("PUT", f"{at}/foo", {"properties": {}}, token=OWNER, headers=no_proof)
    assert made.status_code == 201, "a token is proof enough"


@pytest.mark.parametrize(
    ("public", "door", "host", "secure", "strict_transport"),
    [
        ("", "http", "127.0.0.1:8080", False, False),
        ("", "https", "127.0.0.1:8443", True, False),
        ("https://flows.test:8443", "https", "flows.test:8443", True, True),
        ("https://flows.test:8443", "http", "127.0.0.1:8080", False, False),
        ("https://flows.test", "http", "flows.test", True, True),
        ("https://flows.test:443", "http", "flows.test", True, True),
        ("http://flows.test:8080", "http", "flows.test:8080", False, False),
    ],
)
def test_cookies_and_origins_by_door(
    tmp_path: Path, public: str, door: str, host: str, secure: bool, strict_transport: bool
) -> None:
    with InProcessApi(tmp_path, settings=replace(ServerSettings(), public_url=public)) as api:
        named = {"Host": host, "X-Forwarded-Proto": door}
        origin = f"{'https' if secure else 'http'}://{host}"
        browser = Browser(api, origin=origin, **named)
        answer = browser.sign_in(token=api.token())
        assert answer.status_code == 200, answer.text
        assert browser.cookie.startswith("__Host-flowstead-" if secure else "flowstead-")
        assert ("; secure" in browser.given.lower()) == secure
        assert "domain" not in browser.given.lower()
        assert ("strict-transport-security" in answer.headers) == strict_transport
        at = f"{api.workspace.path}/onlineEndpoints/foo"
        assert browser.call("PUT", at, {"properties": {}}).status_code == 201
        other = f"{'http' if secure else 'https'}://{host}"
        assert browser.call("DELETE", at, headers={"Origin": other}).status_code == 403
