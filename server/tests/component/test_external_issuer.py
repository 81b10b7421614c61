"""The API takes tokens of an external issuer: a real OpenID Connect provider in a process of its own, over its real
sockets, and servers that misbehave."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from flowstead.access.external_keys import fetch_json
from flowstead.errors import IssuerUnreachable
from flowstead.resources.built_in_roles import DATA_SCIENTIST, READER
from flowstead.resources.settings import ServerSettings
from flowstead.testing.frozen_clock import FrozenClock
from flowstead.testing.in_process_api import InProcessApi
from server.tests.component.openid_provider import AUDIENCE, Provider, misbehaving

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"


class _MovedClock:
    """The present, and so much later."""

    def __init__(self) -> None:
        self.later = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.later)

    def monotonic(self) -> float:
        return time.monotonic() + self.later


@contextmanager
def api_for(home: Path, issuer: str, clock: Any = None) -> Iterator[InProcessApi]:
    settings = ServerSettings(oidc_issuer=issuer, oidc_audience=AUDIENCE)
    with InProcessApi(home, settings=settings, clock=clock) as api:
        yield api


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


@pytest.fixture
def api(provider: Provider, tmp_path: Path) -> Iterator[InProcessApi]:
    with api_for(tmp_path, provider.url) as api:
        yield api


def object_id_of(api: InProcessApi, token: str) -> str:
    return api.access.recognise(f"Bearer {token}").object_id


def grant(api: InProcessApi, object_id: str, role: str, **more: Any) -> httpx.Response:
    body = {
        "properties": {
            "roleDefinitionId": api.workspace.role_definition(role),
            "principalId": object_id,
            "principalType": "User",
            **more,
        }
    }
    name = "11111111-0000-4000-8000-000000000001"
    path = f"{api.workspace.path}/providers/Microsoft.Authorization/roleAssignments/{name}"
    return api.call("PUT", path, body)


def exchange(api: InProcessApi, token: str, **changes: str) -> httpx.Response:
    form = {
        "grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ID_TOKEN,
        "scope": "https://ml.azure.com/.default", **changes,
    }  # fmt: skip
    return api.call("POST", f"/{api.access.tenant_id}/oauth2/v2.0/token", token=None, data=form)


def test_somebody_of_the_issuer_may_what_his_roles_say(api: InProcessApi, provider: Provider) -> None:
    token = provider.token()
    refused = api.call("GET", "onlineEndpoints", token=token)
    assert refused.status_code == 403
    who = object_id_of(api, token)
    message = refused.json()["error"]["message"]
    assert f"ada@example.org (object id {who})" in message
    assert f"--assignee-object-id {who}" in message
    assert "--assignee-principal-type User" in message
    granted = grant(api, who, READER)
    assert granted.status_code == 201, granted.text
    assert api.call("GET", "onlineEndpoints", token=token).status_code == 200
    assert api.call("PUT", "onlineEndpoints/foo", {"properties": {}}, token=token).status_code == 403
    assert api.call("DELETE", granted.json()["id"]).status_code == 200
    assert api.call("GET", "onlineEndpoints", token=token).status_code == 403


def test_he_signs_in_with_a_browser_until_his_tokens_are_revoked(api: InProcessApi, provider: Provider) -> None:
    token = provider.token()
    who = object_id_of(api, token)
    grant(api, who, READER)
    signed_in = api.call("POST", "/signin", {"token": token}, token=None)
    assert signed_in.json()["principal"]["name"] == "ada@example.org"
    cookie = signed_in.headers["set-cookie"].partition(";")[0]
    headers = {"Cookie": cookie, "X-CSRF-Token": signed_in.json()["csrfToken"]}
    assert api.call("GET", "onlineEndpoints", token=None, headers=headers).status_code == 200
    codes = [
        api.call("POST", "/signin/links", token=None, headers=headers).json()["url"].partition("#code=")[2]
        for _ in range(2)
    ]
    again = api.call("POST", "/signin", {"code": codes[0]}, token=None)
    assert again.json()["principal"] == signed_in.json()["principal"]
    assert len(api.call("GET", "/sessions", token=None, headers=headers).json()["value"]) == 2
    assert api.call("POST", f"{api.workspace.principal(who)}/revokeTokens").status_code == 200
    assert api.call("GET", "/session", token=None, headers=headers).status_code == 401
    assert api.call("POST", "/signin", {"code": codes[1]}, token=None).status_code == 401


def test_what_he_does_is_written_down_with_his_name(api: InProcessApi, provider: Provider) -> None:
    token = provider.token()
    grant(api, object_id_of(api, token), DATA_SCIENTIST)
    assert api.call("PUT", "onlineEndpoints/foo", {"properties": {}}, token=token).status_code == 201
    record = api.call("GET", "auditRecords", params={"action": "create"}).json()["value"][0]["properties"]
    assert (record["principal"], record["principalId"]) == ("ada@example.org", object_id_of(api, token))


def test_tokens_for_others_of_others_and_changed_ones_are_refused(api: InProcessApi, provider: Provider) -> None:
    token = provider.token()
    grant(api, object_id_of(api, token), READER)
    claims = jwt.decode(token, options={"verify_signature": False})
    other = rsa.generate_private_key(65537, 2048)
    wrong = {
        "for another program": provider.token(client="another-client"),
        "another issuer's": jwt.encode({**claims, "iss": "https://evil.test"}, other, algorithm="RS256"),
        "signed by another": jwt.encode(claims, other, algorithm="RS256"),
        "an unknown key": jwt.encode(claims, other, algorithm="RS256", headers={"kid": "x"}),
        "unsigned": jwt.encode(claims, "", algorithm="none"),
        "tampered": f"{provider.token('bob').rpartition('.')[0]}.{token.rpartition('.')[2]}",
    }
    [key] = httpx.get(f"{provider.url}/jwks").json()["keys"]
    secret = key["n"]
    wrong["the public key as secret"] = jwt.encode(claims, secret, algorithm="HS256")
    for kind, each in wrong.items():
        answer = api.call("GET", "onlineEndpoints", token=each)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "Unauthorized"), kind
        assert exchange(api, each).status_code == 400, kind
    assert api.call("GET", "onlineEndpoints", token=token).status_code == 200


def test_an_expired_token_is_refused(provider: Provider, tmp_path: Path) -> None:
    clock = _MovedClock()
    with api_for(tmp_path, provider.url, clock) as api:
        token = provider.token()
        grant(api, object_id_of(api, token), READER)
        clock.later = 3600 + 31
        answer = api.call("GET", "onlineEndpoints", token=token)
        assert answer.status_code == 401
        assert "expired" in answer.json()["error"]["message"]
        assert exchange(api, token).json()["error"] == "invalid_grant"


def test_the_issuer_rolls_its_key_over(tmp_path: Path) -> None:
    clock = _MovedClock()
    with Provider() as provider, api_for(tmp_path, provider.url, clock) as api:
        old = provider.token()
        grant(api, object_id_of(api, old), READER)
        provider.stop()
        assert api.call("GET", "onlineEndpoints", token=old).status_code == 200, "its keys are known"
        provider.start()
        new = provider.token()
        clock.later += 10
        assert api.call("GET", "onlineEndpoints", token=new).status_code == 200
        assert api.call("GET", "onlineEndpoints", token=old).status_code == 401


def test_an_issuer_that_is_down_keeps_nobody_else_out(tmp_path: Path) -> None:
    clock = _MovedClock()
    provider = Provider()
    with api_for(tmp_path, provider.url, clock) as api:
        claims = {"iss": provider.url, "sub": "ada", "aud": AUDIENCE}
        token = jwt.encode(claims, rsa.generate_private_key(65537, 2048), algorithm="RS256")
        answer = api.call("GET", "onlineEndpoints", token=token)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "IssuerUnreachable")
        assert answer.headers["Retry-After"]
        asked = exchange(api, token)
        assert (asked.status_code, asked.json()["error"]) == (503, "temporarily_unavailable")
        assert api.call("GET", "onlineEndpoints").status_code == 200
        with provider:
            clock.later += 10
            assert api.call("GET", "onlineEndpoints", token=token).status_code == 401, "it was forged"
            assert api.call("GET", "onlineEndpoints", token=provider.token()).status_code == 403


def _head(status: str, *headers: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *headers, "Connection: close", "", "")).encode()


def _redirects(connection: socket.socket, path: str) -> None:
    connection.sendall(_head("302 Found", "Location: /elsewhere", "Content-Length: 0"))


def _floods(connection: socket.socket, path: str) -> None:
    connection.sendall(_head("200 OK", f"Content-Length: {100 * 1024 * 1024}") + b'{"issuer": "')
    for _ in range(1600):
        connection.sendall(b"x" * 65536)


def _says(text: bytes, *headers: str) -> Callable[[socket.socket, str], None]:
    def answer(connection: socket.socket, path: str) -> None:
        connection.sendall(_head("200 OK", f"Content-Length: {len(text)}", *headers) + text)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        _redirects,
        _floods,
        _says(b"nonsense"),
        _says(b"[]"),
        _says(b"[" * 100_000),
        _says(b'{"a": ' * 100_000),
        _says(b"\xff\xfe"),
        _says(b"\x1f\x8b" + b"\0" * 100, "Content-Encoding: gzip"),
        lambda connection, path: connection.sendall(_head("500 No")),
        lambda connection, path: connection.sendall(b"nonsense\r\n\r\n"),
    ],
    ids=["redirects", "100 MB", "nonsense", "list", "deep list", "deep", "bytes", "packed", "500", "no http"],
)
def test_an_issuer_that_misbehaves_is_taken_for_none(
    answer: Callable[[socket.socket, str], None], tmp_path: Path
) -> None:
    with misbehaving(answer) as (url, asked), api_for(tmp_path, url, FrozenClock()) as api:
        token = jwt.encode({"iss": url}, rsa.generate_private_key(65537, 2048), algorithm="RS256")
        began = time.monotonic()
        assert api.call("GET", "onlineEndpoints", token=token).status_code == 503
        assert time.monotonic() - began < 15
        assert asked == ["/.well-known/openid-configuration"], "and nothing else"
        assert api.call("GET", "onlineEndpoints").status_code == 200


def test_an_issuer_whose_keys_lie_elsewhere_is_taken_for_none(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    document: dict[str, Any] = {}

    def answer(connection: socket.socket, path: str) -> None:
        _says(json.dumps(document).encode())(connection, path)

    with misbehaving(answer) as (url, asked), api_for(tmp_path, url, _MovedClock()) as api:
        token = jwt.encode({"iss": url}, key, algorithm="RS256", headers={"kid": "k"})
        for issuer, keys in ((url, "http://192.0.2.1/keys"), ("https://evil.test", f"{url}/keys"), (url, "file:///x")):
            document.update({"issuer": issuer, "jwks_uri": keys, "keys": [_jwk(key)]})
            assert api.call("GET", "onlineEndpoints", token=token).status_code == 503
            assert set(asked) == {"/.well-known/openid-configuration"}
            api.clock.later += 10  # type: ignore[attr-defined]


def _jwk(key: rsa.RSAPrivateKey) -> dict[str, Any]:
    return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "k"}


def test_a_slow_issuer_is_waited_for_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowstead.access.external_keys._ANSWER_WITHIN_S", 0.3)

    def drips(connection: socket.socket, path: str) -> None:
        connection.sendall(_head("200 OK", "Content-Length: 1000"))
        for _ in range(100):
            connection.sendall(b" ")
            time.sleep(0.05)

    with misbehaving(drips) as (url, _):
        began = time.monotonic()
        with pytest.raises(IssuerUnreachable, match="too slowly"):
            fetch_json(url)
        assert time.monotonic() - began < 3


def test_an_external_token_is_exchanged_for_one_of_ours(api: InProcessApi, provider: Provider) -> None:
    token = provider.token()
    who = object_id_of(api, token)
    answer = exchange(api, token)
    assert answer.status_code == 200, answer.text
    assert answer.json()["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    assert (claims["iss"], claims["aud"]) == (api.access.issuer_url, "https://ml.azure.com")
    assert (claims["sub"], claims["idp"], claims["idtyp"]) == (who, provider.url, "user")
    assert "refresh_token" not in exchange(api, token, scope="offline_access").json()
    by_audience = exchange(api, token, scope="", audience="https://ml.azure.com").json()["access_token"]
    assert jwt.decode(by_audience, options={"verify_signature": False})["aud"] == "https://ml.azure.com"
    asserted = exchange(api, "", grant_type=ASSERTION, assertion=token, scope=f"{api.access.audience}/.default")
    assert "issued_token_type" not in asserted.json()
    ours = asserted.json()["access_token"]
    assert api.call("GET", "onlineEndpoints", token=ours).status_code == 403
    grant(api, who, READER)
    assert api.call("GET", "onlineEndpoints", token=ours).status_code == 200
    assert api.call("GET", "onlineEndpoints", token=answer.json()["access_token"]).status_code == 401, (
        "another audience"
    )


def test_what_is_exchanged_ends_no_later(provider: Provider, tmp_path: Path) -> None:
    clock = _MovedClock()
    with api_for(tmp_path, provider.url, clock) as api:
        token = provider.token()
        clock.later = 3000
        assert 590 <= exchange(api, token).json()["expires_in"] <= 600


def test_wrong_exchanges_are_refused_as_the_rfcs_say(api: InProcessApi, provider: Provider) -> None:
    token = provider.token()
    ours = exchange(api, token).json()["access_token"]
    for error, changes in {
        "invalid_request": {"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"},
        "invalid_target": {"scope": "https://elsewhere/.default"},
        "invalid_grant": {"subject_token": "nonsense"},
    }.items():
        answer = exchange(api, token, **changes)
        assert (answer.status_code, answer.json()["error"]) == (400, error)
    for each in ("", ours, api.token()):
        answer = exchange(api, each)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), "our own are not exchanged"
    wrong = api.call(
        "POST",
        "/11111111-1111-1111-1111-111111111111/oauth2/v2.0/token",
        token=None,
        data={"grant_type": ASSERTION, "assertion": token},
    )
    assert wrong.json()["error"] == "invalid_grant"


def test_without_an_issuer_nobody_else_s_tokens_count(provider: Provider, tmp_path: Path) -> None:
    with api_for(tmp_path, provider.url) as api:
        token = provider.token()
        grant(api, object_id_of(api, token), READER)
        ours = exchange(api, token, scope=f"{api.access.audience}/.default").json()["access_token"]
        assert api.call("GET", "onlineEndpoints", token=ours).status_code == 200
    with InProcessApi(tmp_path) as api:
        assert api.call("GET", "onlineEndpoints", token=token).status_code == 401
        assert api.call("GET", "onlineEndpoints", token=ours).status_code == 401
        assert exchange(api, token).json()["error"] == "invalid_grant"


def test_somebody_of_the_issuer_is_blocked_and_let_in_again(provider: Provider, tmp_path: Path) -> None:
    clock = _MovedClock()
    with api_for(tmp_path, provider.url, clock) as api:
        token = provider.token()
        who = object_id_of(api, token)
        grant(api, who, READER)
        ours = exchange(api, token, scope=f"{api.access.audience}/.default").json()["access_token"]
        path = api.workspace.principal(who)
        blocked = api.call("POST", f"{path}/block")
        assert blocked.json()["properties"]["blocked"] is True
        assert blocked.json()["properties"]["issuer"] == provider.url
        for each in (token, ours):
            refused = api.call("GET", "onlineEndpoints", token=each)
            assert refused.status_code == 401
        assert "blocked" in api.call("GET", "onlineEndpoints", token=token).text
        assert exchange(api, token).json()["error"] == "invalid_grant"
        assert api.call("POST", f"{path}/resetSecret").status_code == 409
        assert "blocked" not in api.call("POST", f"{path}/unblock").json()["properties"]
        assert api.call("GET", "onlineEndpoints", token=token).status_code == 401, "it is from before"


def test_tokens_from_before_their_end_was_asked_for_open_nothing(api: InProcessApi, provider: Provider) -> None:
    token = provider.token()
    who = object_id_of(api, token)
    grant(api, who, READER)
    ours = exchange(api, token, scope=f"{api.access.audience}/.default").json()["access_token"]
    assert api.call("POST", f"{api.workspace.principal(who)}/revokeTokens").status_code == 200
    for each in (token, ours):
        refused = api.call("GET", "onlineEndpoints", token=each)
        assert (refused.status_code, "revoked" in refused.text) == (401, True)
    assert exchange(api, token).json()["error"] == "invalid_grant"
    [record] = api.call("GET", "auditRecords", params={"action": "revokeTokens"}).json()["value"]
    assert record["properties"]["resourceId"].endswith(who)


def test_the_issuer_speaks_for_nobody_of_ours(api: InProcessApi, provider: Provider) -> None:
    owner = api.store.principals.owner()
    assert owner is not None
    url, key = provider.url, rsa.generate_private_key(65537, 2048)
    external = api.access._external
    assert external is not None
    documents: dict[str, Any] = {
        f"{url}/.well-known/openid-configuration": {"issuer": url, "jwks_uri": f"{url}/jwks"},
        f"{url}/jwks": {"keys": [_jwk(key)]},
    }
    external._keys._fetch = documents.__getitem__
    now = int(time.time())
    claims = {"iss": url, "aud": AUDIENCE, "sub": "eve", "iat": now, "exp": now + 60, "oid": owner.object_id}
    token = jwt.encode(claims, key, algorithm="RS256", headers={"kid": "k"})
    refused = api.call("GET", "onlineEndpoints", token=token)
    assert (refused.status_code, "of this server" in refused.text) == (401, True)
