"""What a session in a browser may, and when it ends."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from flowstead.api.events import HEARTBEAT_S
from flowstead.resources.built_in_roles import OWNER as OWNER_ROLE
from flowstead.resources.built_in_roles import SECRETS_READER
from flowstead.resources.role import READ_SECRETS
from flowstead.testing.frozen_clock import FrozenClock
from flowstead.testing.in_process_api import InProcessApi
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
