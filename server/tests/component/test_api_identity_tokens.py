"""Tokens of identities: for instances only, each of its own endpoint, and exchanged where the identity is at home
elsewhere."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import jwt
import pytest
from anyio import to_thread

from flowstead.access.federation import ForeignToken
from flowstead.access.identity_grants import why_denied
from flowstead.access.instance_keys import INSTANCE_KEYS, InstanceKeys
from flowstead.engines.protocol import InstanceState, ObservedInstance
from flowstead.errors import AccessDenied
from flowstead.gateway.certificates import CertificateAuthority
from flowstead.resources.built_in_roles import READER, SECRETS_READER
from flowstead.resources.clock import SystemClock
from flowstead.resources.home import Home
from flowstead.resources.identity import UsedConnection
from flowstead.resources.settings import ServerSettings
from flowstead.store.identities import Identities
from flowstead.store.records import Kind
from flowstead.testing.in_process_api import InProcessApi

FLOW = "inputs: {}\noutputs: {}\nnodes: []\n"
ENDPOINT = {"properties": {"authMode": "Key"}, "identity": {"type": "SystemAssigned"}}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path, settings=ServerSettings(allow_private_addresses=True)) as world:
        yield world


def deployed(api: InProcessApi, endpoint: str = "chat", identity: dict[str, Any] | None = None) -> str:
    """A deployment; the key of its instances."""
    api.call("PUT", f"onlineEndpoints/{endpoint}", {**ENDPOINT, **({"identity": identity} if identity else {})})
    uri = api.upload({"flow.dag.yaml": FLOW})
    model = api.call("PUT", "models/flow/versions/1", {"properties": {"modelUri": uri}}).json()["id"]
    answer = api.call("PUT", f"onlineEndpoints/{endpoint}/deployments/blue", {"properties": {"model": model}})
    assert answer.status_code == 201, answer.text
    with api.store.reading() as tx:
        uid = tx.get(Kind.DEPLOYMENT, api.workspace.deployment(endpoint, "blue")).uid
    seen(api, uid)
    return InstanceKeys(api.store.lasting_key(INSTANCE_KEYS)).of(uid, "one")


def seen(api: InProcessApi, *deployments: str) -> None:
    """The reconciler has looked: each of these has an instance, and no other has one."""
    api.instances.post(
        [
            ObservedInstance(
                id="one", endpoint="", deployment="", deployment_uid=uid, revision="r", state=InstanceState.READY,
                address="", health_address="", log=Path("x"),
            )
            for uid in deployments
        ]
    )  # fmt: skip


def ask(api: InProcessApi, key: str, resource: str, **more: str) -> httpx.Response:
    return api.call("POST", "/identity/token", {"resource": resource, **more}, token=key)


def claims(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return dict(jwt.decode(answer.json()["access_token"], options={"verify_signature": False}))


def test_an_instance_gets_tokens_of_its_endpoints_identity(api: InProcessApi) -> None:
    key = deployed(api)
    identity = api.call("GET", "onlineEndpoints/chat").json()["identity"]["principalId"]
    answer = ask(api, key, "https://cognitiveservices.azure.com/.default")
    said = claims(answer)
    assert (said["aud"], said["sub"], said["oid"]) == ("https://cognitiveservices.azure.com", identity, identity)
    assert said["exp"] - said["iat"] == 24 * 3600
    shown = answer.json()
    assert (shown["expires_on"], shown["refresh_on"]) == (said["exp"], said["iat"] + 3600)


def test_code_that_asserts_by_itself_gets_what_entra_id_takes(api: InProcessApi) -> None:
    """`ClientAssertionCredential` with this identity's token, instead of an application that the server knows of."""
    key = deployed(api)
    for resource, algorithm in (("api://AzureADTokenExchange", "RS256"), ("https://vault.azure.net", "ES256")):
        token = ask(api, key, resource).json()["access_token"]
        assert jwt.get_unverified_header(token)["alg"] == algorithm, resource


def test_with_such_a_token_it_may_what_its_roles_say(api: InProcessApi) -> None:
    key = deployed(api)
    token = ask(api, key, api.access.audience).json()["access_token"]
    assert api.call("GET", "onlineEndpoints", token=token).status_code == 403
    identity = api.call("GET", "onlineEndpoints/chat").json()["identity"]["principalId"]
    principal = api.store.principals.find(claims(ask(api, key, "x"))["appid"])
    assert principal is not None
    assert principal.object_id == identity
    api.granted(principal, READER)
    assert api.call("GET", "onlineEndpoints", token=token).status_code == 200
    elsewhere = ask(api, key, "https://cognitiveservices.azure.com").json()["access_token"]
    assert api.call("GET", "onlineEndpoints", token=elsewhere).status_code == 401, "one audience"


def test_who_is_blocked_gets_none_and_no_secrets(api: InProcessApi) -> None:
    key = deployed(api)
    identity = api.call("GET", "onlineEndpoints/chat").json()["identity"]["principalId"]
    connection = UsedConnection(f"{api.workspace.path}/connections/c", "c", "CustomKeys", "CustomKeys", "c")
    with api.store.reading() as reading:
        principal = reading.principals.by_object(identity)
    assert principal is not None
    api.granted(principal, SECRETS_READER)

    def denied() -> AccessDenied | None:
        with api.store.reading() as tx:
            found = Identities(tx).identity(tx.get(Kind.ENDPOINT, api.workspace.endpoint("chat")))
        assert found.principal is not None and (found.principal.grants == ()) == found.principal.blocked
        return why_denied(found, [connection], api.workspace)

    assert denied() is None
    assert api.call("POST", f"{api.workspace.principal(identity)}/block").status_code == 200
    for resource in ("https://cognitiveservices.azure.com", api.access.audience):
        refused = ask(api, key, resource)
        assert refused.status_code == 401
        assert "is blocked" in refused.json()["error"]["message"]
    said = denied()
    assert said is not None and "is blocked" in said.message
    assert api.call("POST", f"{api.workspace.principal(identity)}/unblock").status_code == 200
    assert ask(api, key, "r").status_code == 200
    assert denied() is None


def test_who_is_no_instance_gets_none(api: InProcessApi) -> None:
    key = deployed(api)
    uid, _, proof = key.split(".")
    other = deployed(api, "other").partition(".")[0]
    seen(api, uid, other)
    assert ask(api, key, "r").status_code == 200
    mixed = (f"{other}.one.{proof}", f"{uid}.two.{proof}", f"{uid}.{proof}")
    for wrong in ("", uid, f"{uid}.one", f".one.{proof}", f"..{proof}", f"{uid}.one.{proof[:-1]}", *mixed, api.token()):
        assert ask(api, wrong, "r").status_code == 401, wrong
    api.call("DELETE", "onlineEndpoints/chat")
    api.settle()
    assert ask(api, key, "r").status_code == 401, "its deployment is gone"
    deployed(api)
    assert ask(api, key, "r").status_code == 401, "another one of its name"


def test_a_key_ends_with_its_instance(api: InProcessApi) -> None:
    key = deployed(api)
    uid = key.partition(".")[0]
    later = InstanceKeys(api.store.lasting_key(INSTANCE_KEYS)).of(uid, "two")
    assert (ask(api, key, "r").status_code, ask(api, later, "r").status_code) == (200, 401)
    api.instances.starting(uid, "two")
    assert ask(api, later, "r").status_code == 200, "it may ask before anybody has looked at it"
    api.instances.post([])
    for each in (key, later):
        assert ask(api, each, "r").status_code == 401, "a look tells that it has gone"


def test_a_server_that_has_not_looked_yet_is_like_one_that_is_away(api: InProcessApi) -> None:
    key = deployed(api)
    api.instances.looks = 0  # as after a restart
    answer = ask(api, key, "r")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ServerStarting")
    assert answer.headers["Retry-After"]
    assert ask(api, f"{key}x", "r").status_code == 401


def test_a_key_opens_the_plain_door_alone(api: InProcessApi) -> None:
    """The other one is open to other machines."""
    key = deployed(api)
    for scheme, status in (("https", 401), ("http", 200)):
        headers = {"X-Forwarded-Proto": scheme}
        assert api.call("POST", "/identity/token", {"resource": "r"}, token=key, headers=headers).status_code == status


@pytest.mark.parametrize("resource", ["", "a b", "endpoint:", "x" * 600, "ü"])
def test_not_everything_is_a_resource(api: InProcessApi, resource: str) -> None:
    assert ask(api, deployed(api), resource).status_code == 400


def test_no_token_for_an_endpoint_is_got_in_this_way(api: InProcessApi) -> None:
    key = deployed(api)
    with api.store.reading() as tx:
        uid = tx.get(Kind.ENDPOINT, api.workspace.endpoint("chat")).uid
    assert ask(api, key, f"endpoint:{uid}").status_code == 400
    assert ask(api, key, f"{api.access.issuer_url}/refresh").status_code == 400


def test_an_endpoint_without_an_identity_has_no_tokens(api: InProcessApi) -> None:
    key = deployed(api, identity={"type": "None"})
    assert ask(api, key, "r").json()["error"]["code"] == "IdentityNotFound"
    assert ask(api, deployed(api, "other"), "r", clientId="somebody").status_code == 404


class Entra:
    """An authority that takes assertions of our issuer, over TLS."""

    def __init__(self, folder: Path) -> None:
        self.forms: list[dict[str, str]] = []
        self.answer: tuple[int, dict[str, Any]] = (200, {"access_token": "foreign-token", "expires_in": 3599})
        entra = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                entra.forms.append({name: values[0] for name, values in parse_qs(text).items()} | {"path": self.path})
                status, body = entra.answer
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *arguments: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.ca = _serve_tls(self.server, folder)
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def _serve_tls(server: ThreadingHTTPServer, folder: Path) -> Path:
    home = Home(folder)
    home.create()
    certificate = CertificateAuthority.of(home, SystemClock()).certificate({"127.0.0.1"})
    (folder / "chain.pem").write_text(certificate.chain)
    (folder / "key.pem").write_text(certificate.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return folder / "tls" / "ca.pem"


@pytest.fixture
def entra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Entra]:
    entra = Entra(tmp_path / "authority")
    monkeypatch.setenv("SSL_CERT_FILE", str(entra.ca))
    yield entra
    entra.server.shutdown()
    entra.server.server_close()


def bound(api: InProcessApi, authority: str) -> str:
    """The key of an instance whose endpoint's identity is an application elsewhere."""
    id = api.workspace.identity("walker")
    application = {"authority": authority, "tenantId": "their-tenant", "clientId": "their-app"}
    made = api.call("PUT", id, {"location": "local", "properties": {"application": application}})
    assert made.status_code == 201, made.text
    return deployed(api, identity={"type": "UserAssigned", "userAssignedIdentities": {id: {}}})


def test_an_identity_at_home_elsewhere_gets_its_tokens_there(api: InProcessApi, entra: Entra) -> None:
    key = bound(api, entra.url)
    answer = ask(api, key, "https://cognitiveservices.azure.com/.default")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["access_token"], answer.json()["client_id"]) == ("foreign-token", "their-app")
    [form] = entra.forms
    assert form["path"] == "/their-tenant/oauth2/v2.0/token"
    assert (form["client_id"], form["scope"]) == ("their-app", "https://cognitiveservices.azure.com/.default")
    keys = jwt.PyJWKSet.from_dict(api.call("GET", f"/{api.access.tenant_id}/discovery/v2.0/keys", token=None).json())
    kid = jwt.get_unverified_header(form["client_assertion"])["kid"]
    assertion = jwt.decode(
        form["client_assertion"], keys[kid], algorithms=["RS256"], audience="api://AzureADTokenExchange"
    )
    identity = api.call("GET", api.workspace.identity("walker")).json()["properties"]["principalId"]
    assert (assertion["iss"], assertion["sub"]) == (api.access.issuer_url, identity)
    assert assertion["exp"] - assertion["iat"] <= 600
    own = claims(ask(api, key, api.access.audience))
    assert own["sub"] == identity, "what is ours is not asked for elsewhere"
    assert len(entra.forms) == 1


def test_an_authoritys_refusal_is_told_in_its_words(api: InProcessApi, entra: Entra) -> None:
    key = bound(api, entra.url)
    entra.answer = (401, {"error": "invalid_client", "error_description": "AADSTS70021: No matching record"})
    answer = ask(api, key, "https://vault.azure.net")
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "TokenExchangeFailed")
    assert "AADSTS70021: No matching record" in answer.text
    assert entra.forms[0]["client_assertion"] not in answer.text
    for nonsense in ({}, {"access_token": 5, "expires_in": 1}, {"access_token": "x" * 70_000, "expires_in": 1}):
        entra.answer = (200, nonsense)
        assert ask(api, key, "https://vault.azure.net").status_code == 502


def test_why_an_authority_cannot_be_called_is_told(
    api: InProcessApi, entra: Entra, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    key = bound(api, entra.url)
    answer = ask(api, key, "https://vault.azure.net")
    assert answer.status_code == 502
    assert "gave no token: ConnectError: [SSL: CERTIFICATE_VERIFY_FAILED]" in answer.text
    assert "SSL_CERT_FILE" in answer.text


def test_while_an_authority_is_asked_the_api_has_all_its_threads(api: InProcessApi) -> None:
    async def held(*_: object) -> ForeignToken:
        asked.set()
        await may_answer.wait()
        return ForeignToken("foreign-token", 3599)

    async def story() -> None:
        to_thread.current_default_thread_limiter().total_tokens = 1
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(api.app), base_url=api.settings.base_url("http")
        ) as client:
            waiting = asyncio.create_task(
                client.post("/identity/token", json={"resource": "r"}, headers={"Authorization": f"Bearer {key}"})
            )
            await asyncio.wait_for(asked.wait(), 10)
            owner = {"Authorization": f"Bearer {api.token()}"}
            seen = await asyncio.wait_for(client.get(f"{api.workspace.path}/connections", headers=owner), 10)
            assert (seen.status_code, waiting.done()) == (200, False)
            may_answer.set()
            assert (await waiting).json()["access_token"] == "foreign-token"

    asked, may_answer = asyncio.Event(), asyncio.Event()
    key = bound(api, "https://login.example")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api.app.state.context.authorities, "exchange", held)
        asyncio.run(story())


def test_an_authority_in_a_private_network_is_not_called(tmp_path: Path, entra: Entra) -> None:
    with InProcessApi(tmp_path / "strict") as api:
        answer = ask(api, bound(api, entra.url), "https://vault.azure.net")
    assert answer.status_code == 502
    assert "--allow-private-addresses" in answer.text
    assert entra.forms == []


@pytest.mark.parametrize("authority", ["http://login.example", "https://", "https://u@h", "login", "https://h?x=y"])
def test_an_authority_is_an_https_url(api: InProcessApi, authority: str) -> None:
    application = {"authority": authority, "tenantId": "t", "clientId": "c"}
    body = {"location": "local", "properties": {"application": application}}
    assert api.call("PUT", api.workspace.identity("walker"), body).status_code == 400
