"""Signing in with a browser: links, sessions, and what a stolen or forged one is worth."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.datastructures import Headers

from flowstead.api import portal
from flowstead.api.events import HEARTBEAT_S
from flowstead.resources.built_in_roles import OWNER as OWNER_ROLE
from flowstead.resources.built_in_roles import SECRETS_READER
from flowstead.resources.principal import Principal, PrincipalType
from flowstead.resources.role import READ_SECRETS
from flowstead.resources.settings import ServerSettings
from flowstead.store.records import AuditRecord
from flowstead.testing.frozen_clock import FrozenClock
from flowstead.testing.in_process_api import OWNER, InProcessApi

OURS = "http://127.0.0.1:8080"
HOUR = 3600.0


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def api(tmp_path: Path, clock: FrozenClock) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path, clock=clock) as api:
        yield api


class Browser:
    """Keeps the cookie that it was given, and says what browsers say of where a request comes from."""

    def __init__(self, api: InProcessApi, *, address: str = "10.1.1.1", origin: str = OURS, **headers: str) -> None:
        self.api, self.origin = api, origin
        self.headers = {"X-Forwarded-For": address, "User-Agent": "Browser/1", **headers}
        self.cookie, self.csrf_token, self.given = "", "", ""

    def sign_in(self, **body: str) -> httpx.Response:
        answer = self.call("POST", "/signin", body)
        if answer.is_success:
            self.given = answer.headers["set-cookie"]
            [(name, morsel)] = SimpleCookie(self.given).items()
            self.cookie, self.csrf_token = f"{name}={morsel.value}", answer.json()["csrfToken"]
        return answer

    def call(
        self, method: str, path: str, json: Any = None, *, token: str | None = None, **more: Any
    ) -> httpx.Response:
        """As a page of ours sends it, unless `headers` say otherwise; None takes one away."""
        headers = {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": self.csrf_token, "Cookie": self.cookie}
        if method != "GET":
            headers["Origin"] = self.origin
        changed = {**self.headers, **headers, **more.pop("headers", {})}
        sent = {name: value for name, value in changed.items() if value is not None}
        return self.api.call(method, path, json, token=token, headers=sent, **more)


def new_code(api: InProcessApi, token: str = OWNER) -> str:
    link = api.call("POST", "/signin/links", token=token)
    assert link.status_code == 201, link.text
    url, _, code = link.json()["url"].partition("#code=")
    assert url == f"{OURS}/signin"
    return str(code)


def signed_in(api: InProcessApi, **options: str) -> Browser:
    browser = Browser(api, **options)
    assert browser.sign_in(code=new_code(api)).status_code == 200
    return browser


def owner(api: InProcessApi) -> Principal:
    found = api.store.principals.owner()
    assert found is not None
    return found


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def audited(api: InProcessApi) -> list[AuditRecord]:
    with api.store.reading() as tx:
        return [each for each in tx.audit() if each.action in ("signIn", "signOut", "makeSignInLink")]


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


def test_a_session_may_what_its_principal_may_at_that_moment(api: InProcessApi) -> None:
    stranger, browser = api.stranger(), Browser(api)
    browser.sign_in(token=api.token(stranger))
    at = f"{api.workspace.path}/onlineEndpoints"
    assert error(browser.call("GET", at)) == (403, "AuthorizationFailed")
    api.granted(stranger, OWNER_ROLE)
    assert browser.call("GET", at).status_code == 200


def test_everybody_is_told_what_he_may_do_himself(api: InProcessApi) -> None:
    [owners] = api.call("GET", "/session/permissions").json()["value"]
    assert (owners["scope"], owners["roleName"], owners["actions"]) == ("/", "Owner", ["*"])
    stranger = api.stranger()
    asked = {"token": api.token(stranger)}
    assert api.call("GET", "/session/permissions", **asked).json() == {"value": []}
    assert api.call("GET", "/session/permissions", token=None).status_code == 401
    scope = f"{api.workspace.path}/connections/llm"
    api.granted(stranger, SECRETS_READER, scope)
    [held] = api.call("GET", "/session/permissions", **asked).json()["value"]
    assert held["scope"] == scope
    assert READ_SECRETS in held["actions"]
    assert held["notActions"] == held["dataActions"] == held["notDataActions"] == []


def test_a_cookie_opens_no_blob_and_no_instances_route(api: InProcessApi) -> None:
    browser = signed_in(api)
    api.upload({"a.txt": "x"}, place="LocalUpload/aa")
    blob = "/flowstead.blob.core.private/azureml-blobstore/LocalUpload/aa/a.txt"
    for method in ("GET", "PUT", "DELETE"):
        assert browser.call(method, blob, content=b"x").status_code == 403
    assert browser.call("POST", "/identity/token?resource=x").status_code == 401


def test_sessions_end_when_idle_and_after_a_day_at_work(api: InProcessApi, clock: FrozenClock) -> None:
    idle, busy = signed_in(api), signed_in(api)
    for _ in range(12):
        assert busy.call("GET", "/session").status_code == 200
        clock.advance(HOUR - 1)
    clock.advance(11)
    assert busy.call("GET", "/session").status_code == 200
    assert error(idle.call("GET", "/session")) == (401, "Unauthorized")
    clock.advance(1)
    assert error(busy.call("GET", "/session")) == (401, "Unauthorized")
    signed_in(api)
    with api.store.reading() as tx:
        assert len(tx.browser_sessions.of(owner(api).object_id)) == 1, "those that ended are swept"


def test_listening_is_no_use(api: InProcessApi, clock: FrozenClock) -> None:
    """A page that follows the events, left open, keeps no session alive."""
    browser = signed_in(api)
    headers = Headers({"Cookie": browser.cookie, "Host": "127.0.0.1:8080", "X-CSRF-Token": browser.csrf_token})
    for _ in range(int(2 * HOUR / HEARTBEAT_S) - 1):
        clock.advance(HEARTBEAT_S)
        api.app.state.context.callers.recognise(headers, used=False)
    clock.advance(HEARTBEAT_S)
    assert browser.call("GET", "/session").status_code == 401


def test_revoking_tokens_ends_sessions_and_links(api: InProcessApi) -> None:
    browser, code = signed_in(api), new_code(api)
    principal = f"{api.workspace.principal('owner')}/revokeTokens"
    assert browser.call("POST", principal).status_code == 200
    assert error(browser.call("GET", "/session")) == (401, "Unauthorized")
    assert error(Browser(api).sign_in(code=code)) == (401, "Unauthorized")


def test_who_is_gone_has_no_session(api: InProcessApi) -> None:
    stranger, browser = api.stranger(), Browser(api)
    code = new_code(api, api.token(stranger))
    browser.sign_in(token=api.token(stranger))
    with api.store.transaction() as tx:
        tx.principals.remove(stranger.object_id)
    assert error(browser.call("GET", "/session")) == (401, "Unauthorized")
    assert error(Browser(api).sign_in(code=code)) == (401, "Unauthorized")
    signed_in(api)
    with api.store.reading() as tx:
        assert tx.browser_sessions.of(stranger.object_id) == []


def test_ending_all_tokens_ends_all_sessions(api: InProcessApi) -> None:
    browser, code = signed_in(api), new_code(api)
    path = f"{api.workspace.subscription_path}/providers/Flowstead.Access/rotateIssuerKey"
    assert browser.call("POST", path, {}).status_code == 200
    assert browser.call("GET", "/session").status_code == 200
    assert browser.call("POST", path, {"endTokens": True}).status_code == 200
    assert browser.call("GET", "/session").status_code == 401
    assert Browser(api).sign_in(code=code).status_code == 401


def test_signing_out_ends_the_session_and_takes_the_cookie(api: InProcessApi) -> None:
    browser, other = signed_in(api), signed_in(api)
    answer = browser.call("POST", "/signout")
    assert answer.status_code == 204
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    assert browser.call("GET", "/session").status_code == 401
    assert browser.call("POST", "/signout").status_code == 204, "again"
    assert other.call("GET", "/session").status_code == 200
    assert audited(api)[0].action == "signOut"


def test_sessions_are_listed_and_ended_by_their_owner(api: InProcessApi) -> None:
    here, there = signed_in(api), signed_in(api, **{"User-Agent": "Phone"})
    listed = here.call("GET", "/sessions").json()["value"]
    assert {each["client"] for each in listed} == {"Browser/1", "Phone"}
    assert here.cookie.partition("=")[2] not in str(listed)
    phone = next(each["id"] for each in listed if each["client"] == "Phone")
    stranger = api.token(api.stranger())
    assert api.call("GET", "/sessions", token=stranger).json() == {"value": []}
    assert error(api.call("DELETE", f"/sessions/{phone}", token=stranger)) == (404, "ResourceNotFound")
    assert here.call("DELETE", f"/sessions/{phone}").status_code == 204
    assert there.call("GET", "/session").status_code == 401
    assert here.call("GET", "/session").status_code == 200


def test_a_planted_cookie_is_not_adopted(api: InProcessApi) -> None:
    """Session fixation: the secret is a new one at each sign-in, and what was there before ends."""
    attacker, victim = signed_in(api), Browser(api)
    victim.cookie = attacker.cookie
    assert victim.sign_in(code=new_code(api)).status_code == 200
    assert victim.cookie != attacker.cookie
    assert attacker.call("GET", "/session").status_code == 401
    name = victim.cookie.partition("=")[0]
    for planted in (f"{name}=x; {victim.cookie}", f"{victim.cookie}; {name}=x", f"{name}=x", f"__Host-{victim.cookie}"):
        assert victim.call("GET", "/session", headers={"Cookie": planted}).status_code == 401
    assert victim.call("GET", "/session", headers={"Cookie": f"a=b; {victim.cookie}; c"}).status_code == 200


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


def test_what_answers_tell_browsers(api: InProcessApi) -> None:
    api.upload({"evil.html": "<script>1</script>"}, place="LocalUpload/aa")
    secrets = api.call("POST", "datastores/workspaceblobstore/listSecrets").json()["sasToken"]
    blob = f"/flowstead.blob.core.private/azureml-blobstore/LocalUpload/aa/evil.html?{secrets}"
    asked = {"Origin": "https://evil.test", "Access-Control-Request-Method": "POST"}
    answers = [
        api.call("GET", "/health", token=None, headers=asked),
        api.call("GET", "onlineEndpoints", headers=asked),
        api.call("GET", "/nowhere", headers=asked),
        api.call("OPTIONS", "onlineEndpoints", token=None, headers=asked),
        api.call("OPTIONS", "/signin", token=None, headers=asked),
        api.call("POST", "/signin", {"code": "x"}, token=None, headers=asked),
        api.call("GET", "/health", token=None, headers={"Host": "evil.test"}),
        api.call("GET", blob, token=None),
    ]
    assert [each.status_code for each in answers] == [200, 200, 404, 401, 405, 403, 421, 200]
    for answer in (*answers, *(api.call("GET", path, token=None) for path in ("/signin", "/portal/flows"))):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "strict-transport-security" not in answer.headers
    assert answers[-1].headers["content-security-policy"].startswith("sandbox"), "an uploaded page is none of ours"


def test_the_page_runs_its_script_and_no_other(api: InProcessApi) -> None:
    page = api.call("GET", "/signin", token=None)
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    [script] = re.findall("<script[^>]*>", page.text)
    [path] = re.findall(r'type="module" .*src="([^"]+)"', script)
    assert "style=" not in page.text
    assert api.call("GET", path, token=None).headers["content-type"].startswith("text/javascript")


def test_each_answer_lets_in_styles_by_another_nonce(api: InProcessApi) -> None:
    pages = [api.call("GET", "/portal/", token=None) for _ in range(2)]
    nonces = [re.findall(r'name="style-nonce" content="([\w-]{20,})"', page.text)[0] for page in pages]
    assert nonces[0] != nonces[1]
    for nonce, page in zip(nonces, pages, strict=True):
        assert f"style-src 'self' 'nonce-{nonce}'" in page.headers["content-security-policy"]


def test_files_of_the_portal_are_kept_and_its_page_is_not(api: InProcessApi) -> None:
    page = api.call("GET", "/portal/endpoints/any/deployments/blue", token=None)
    assert page.headers["cache-control"] == "no-store"
    [path] = re.findall(r'src="(/portal/assets/[^"]+)"', page.text)
    for there in ("/", "/signin", "/portal", "/portal/", "/portal/flows", path):
        assert api.call("HEAD", there, token=None).status_code in (200, 307), there
    compressed = api.call("GET", path, token=None, headers={"Accept-Encoding": "gzip"})
    plain = api.call("GET", path, token=None, headers={"Accept-Encoding": "identity"})
    assert compressed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert compressed.content == plain.content
    assert "immutable" in plain.headers["cache-control"]
    assert api.call("GET", "/", token=None).headers["location"] == "/portal/"
    missing = api.call("GET", "/portal/assets/index-of-before.js", token=None)
    assert missing.status_code == 404
    assert "Load the page again" in missing.json()["error"]["message"]


def test_a_portal_that_was_not_built_says_so_until_it_is(
    api: InProcessApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("flowstead.api.portal._files", cache(portal._files.__wrapped__))
    monkeypatch.setattr("flowstead.api.portal._BUILT", tmp_path)
    missing = api.call("GET", "/portal/", token=None)
    assert missing.status_code == 503
    assert missing.json()["error"]["code"] == "PortalMissing"
    assert "make setup" in missing.json()["error"]["message"]
    (tmp_path / "index.html").write_text("<p>built</p>")
    assert "built" in api.call("GET", "/portal/", token=None).text


def test_links_and_sessions_of_one_are_bounded(api: InProcessApi, clock: FrozenClock) -> None:
    first_code = new_code(api)
    first = signed_in(api)
    for _ in range(20):
        clock.advance(1)
        new_code(api)
    assert Browser(api).sign_in(code=first_code).status_code == 401
    for _ in range(50):
        clock.advance(1)
        Browser(api).sign_in(token=api.token())
    assert first.call("GET", "/session").status_code == 401
    assert len(api.call("GET", "/sessions").json()["value"]) == 50
