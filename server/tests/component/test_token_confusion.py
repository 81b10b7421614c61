"""Every kind of token at every door of a real gateway before the real API: what opens what stands in one table, and
everything else is refused."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from flowstead.access.gate import ENTRA_AUDIENCE, Access
from flowstead.access.tokens import Issuer
from flowstead.gateway.description import Door, GatewayDeployment
from flowstead.gateway.process import EnvoyGateway
from flowstead.launch.addresses import free_port
from flowstead.launch.door import announcing
from flowstead.reconcile.describe import describe
from flowstead.reconcile.observe import StoreReader
from flowstead.resources.built_in_roles import DATA_SCIENTIST
from flowstead.resources.home import Home
from flowstead.resources.principal import Principal, PrincipalType
from flowstead.resources.settings import ServerSettings
from flowstead.testing.echo_instance import EchoInstance
from flowstead.testing.frozen_clock import FrozenClock
from flowstead.testing.in_process_api import InProcessApi

ELSEWHERE, FOR_US = "https://login.example.test", "flowstead"
MODES = {"key": "Key", "mine": "AMLToken", "other": "AMLToken", "entra": "AADToken"}
"""Endpoint → its mode; `mine` is the one whose tokens are tried, `other` has the same mode."""
EXCHANGE = "urn:ietf:params:oauth:grant-type:jwt-bearer"

OPENS: dict[str, set[str]] = {
    # token → the doors that it opens. It is refused at all others.
    "key of key": {"score key"},
    "key of another": set(),
    "api": {"api", "token of mine"},
    "api, no role": set(),
    "api, role lost": set(),
    "api, revoked": set(),
    "api, blocked": set(),
    "api, expired": set(),
    "api, former key": {"api", "token of mine"},
    "api, forgotten key": set(),
    "entra": {"score entra"},
    "entra, no role": set(),
    "entra, role lost": set(),
    "entra, revoked": set(),
    "entra, blocked": set(),
    "entra, expired": set(),
    "entra, former key": {"score entra"},
    "entra, forgotten key": set(),
    "mine": {"score mine"},
    "mine, role lost": set(),
    "mine, revoked": set(),
    "mine, blocked": set(),
    "mine, expired": set(),
    "mine, former key": {"score mine"},
    "mine, forgotten key": set(),
    "mine, of a deleted one of its name": set(),
    "other": {"score other"},
    "refresh": {"refresh"},
    "refresh, revoked": set(),
    "external": {"api", "token of mine", "exchange"},
    "external, no role": {"exchange"},
    "external, blocked": set(),
    "external, for another program": set(),
    "external, expired": set(),
    "exchanged api": {"api", "token of mine"},
    "exchanged entra": {"score entra"},
    "exchanged entra, no role": set(),
    "exchanged entra, blocked": set(),
    "external's of mine": {"score mine"},
    "identity's api": set(),
    "identity's entra": set(),
    "identity's for a cloud": set(),
    "assertion": set(),
    "nothing": set(),
    "nonsense": set(),
}


class Site:
    """tokens: by the names of OPENS."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        settings = ServerSettings(port=free_port("127.0.0.1"), oidc_issuer=ELSEWHERE, oidc_audience=FOR_US)
        self.api = stack.enter_context(InProcessApi(root, settings=settings))
        home = self.api.home
        stack.enter_context(_served(self.api))
        door = Door("127.0.0.1", settings.port, str(home.api_socket), str(home.logs / "access.log"))
        self.gateway = EnvoyGateway(home, door)
        self.echo = stack.enter_context(EchoInstance(home.run, "echo"))
        self.api.access._announce = announcing(self.gateway)
        self.api.access.announce_keys()
        self.gateway.ensure_running()
        stack.callback(self.gateway.stop, 0.0)
        self.client = stack.enter_context(httpx.Client(base_url=settings.door_url("http"), timeout=30))
        self.key = rsa.generate_private_key(65537, 2048)
        self._know_external()
        self.principals = {each: self._person(each) for each in ("ada", "none", "lost", "revoked", "blocked")}
        self.tokens = self._tokens()
        self.publish()

    def publish(self) -> None:
        """What the reconciler would: the endpoints, and who may score now."""
        seen = StoreReader(self.api.store, ELSEWHERE).read()
        described = describe(seen.endpoints, [], [], seen.secrets, scorers=seen.scorers)
        echo = GatewayDeployment("blue", (self.echo.upstream,), 30.0, 50)
        self.gateway.publish([replace(each, deployments=(echo,), traffic={"blue": 100}) for each in described])

    def external(self, subject: str, *, audience: str = FOR_US, ago: float = 0.0) -> str:
        now = int(time.time() - ago)
        claims = {"iss": ELSEWHERE, "aud": audience, "sub": subject, "iat": now, "exp": now + 3000}
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "k"})

    def _know_external(self) -> None:
        external = self.api.access._external
        assert external is not None
        jwk = {**RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True), "kid": "k"}
        documents: Mapping[str, Any] = {
            f"{ELSEWHERE}/.well-known/openid-configuration": {"issuer": ELSEWHERE, "jwks_uri": f"{ELSEWHERE}/jwks"},
            f"{ELSEWHERE}/jwks": {"keys": [jwk]},
        }
        external._keys._fetch = documents.__getitem__

    def _person(self, name: str) -> Principal:
        made = self.api.call("PUT", self.api.workspace.principal(name), {"properties": {"type": "User"}})
        who = self.api.store.principals.find(made.json()["properties"]["clientId"])
        assert who is not None
        return who if name == "none" else self.api.granted(who, DATA_SCIENTIST)

    def _tokens(self) -> dict[str, str]:
        api, access = self.api, self.api.access
        tokens = {"nothing": "", "nonsense": "a.b.c"}
        for name, mode in MODES.items():
            body = {"properties": {"authMode": mode}, "identity": {"type": "SystemAssigned"}}
            assert api.call("PUT", f"onlineEndpoints/{name}", body).status_code == 201
        tokens["mine, of a deleted one of its name"] = self._of("mine", api.token(self.principals["ada"]))
        api.call("DELETE", "onlineEndpoints/mine")
        api.settle()
        api.call("PUT", "onlineEndpoints/mine", {"properties": {"authMode": "AMLToken"}})
        for who, name in (("ada", "forgotten key"), ("ada", "former key")):
            tokens |= self._three(self.principals[who], f", {name}")
            access.rotate_key(end_tokens=name == "forgotten key")
        tokens |= self._three(self.principals["ada"], ", expired", access=_past(access))
        for who, name in (("ada", ""), ("none", ", no role"), ("lost", ", role lost"), ("revoked", ", revoked")):
            tokens |= self._three(self.principals[who], name)
        tokens |= self._three(self.principals["blocked"], ", blocked")
        tokens |= {f"refresh{name}": access._refresh_token(self.principals[who]).text
                   for who, name in (("ada", ""), ("revoked", ", revoked"))}  # fmt: skip
        tokens |= self._keys() | self._identity_s() | self._external_ones()
        tokens["other"] = self._of("other", tokens["api"])
        self._take_away()
        del tokens["mine, no role"]
        return tokens

    def _three(self, who: Principal, name: str, *, access: Access | None = None) -> dict[str, str]:
        """For the API, for endpoints with aad_token, and for the endpoint `mine`."""
        by = access or self.api.access
        uid = next(each.uid for each in StoreReader(self.api.store).read().endpoints if each.name == "mine")
        return {
            f"api{name}": by._token(who, by.audience).text,
            f"entra{name}": by._token(who, ENTRA_AUDIENCE).text,
            f"mine{name}": by.endpoint_token(who, uid).text,
        }

    def _keys(self) -> dict[str, str]:
        self.api.call("PUT", "onlineEndpoints/second", {"properties": {"authMode": "Key"}})
        keys = {each: self.api.call("POST", f"onlineEndpoints/{each}/listKeys").json() for each in ("key", "second")}
        return {"key of key": keys["key"]["primaryKey"], "key of another": keys["second"]["primaryKey"]}

    def _identity_s(self) -> dict[str, str]:
        with self.api.store.reading() as tx:
            [who, *_] = [each for each in tx.principals.all() if each.type is PrincipalType.MANAGED_IDENTITY]
        access = self.api.access
        return {
            "identity's api": access.identity_token(who, access.audience).text,
            "identity's entra": access.identity_token(who, ENTRA_AUDIENCE).text,
            "identity's for a cloud": access.identity_token(who, "https://cognitiveservices.azure.com").text,
            "assertion": access.assertion(who, "api://AzureADTokenExchange"),
        }

    def _external_ones(self) -> dict[str, str]:
        api, access = self.api, self.api.access
        tokens = {
            "external": self.external("eve"),
            "external, no role": self.external("nobody"),
            "external, blocked": self.external("blocked"),
            "external, for another program": self.external("eve", audience="another"),
            "external, expired": self.external("eve", ago=4000),
        }
        for subject in ("eve", "blocked"):
            api.granted(access.recognise(f"Bearer {self.external(subject)}"), DATA_SCIENTIST)
        for name, of in (("", "external"), (", no role", "external, no role"), (", blocked", "external, blocked")):
            given = access.exchange("common", tokens[of], f"{ENTRA_AUDIENCE}/.default")
            tokens[f"exchanged entra{name}"] = given.token.text
        tokens["exchanged api"] = access.exchange("common", tokens["external"], "").token.text
        tokens["external's of mine"] = self._of("mine", tokens["external"])
        return tokens

    def _of(self, endpoint: str, token: str) -> str:
        answer = self.api.call("POST", f"onlineEndpoints/{endpoint}/token", token=token)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["accessToken"])

    def _take_away(self) -> None:
        """What makes tokens from before end."""
        api = self.api
        listed = api.call("GET", f"{api.workspace.path}/providers/Microsoft.Authorization/roleAssignments").json()
        lost = self.principals["lost"].object_id
        [grant] = [each["id"] for each in listed["value"] if each["properties"]["principalId"] == lost]
        outsider = api.access.recognise(f"Bearer {self.external('blocked')}").object_id
        for method, path in (
            ("DELETE", grant),
            ("POST", f"{api.workspace.principal('revoked')}/revokeTokens"),
            ("POST", f"{api.workspace.principal('blocked')}/block"),
            ("POST", f"{api.workspace.principal(outsider)}/block"),
        ):
            assert api.call(method, path).status_code == 200, path


def _past(access: Access) -> Access:
    """As it was so long ago that its tokens have ended."""
    before = Access.__new__(Access)
    before.__dict__.update(access.__dict__)
    before.issuer = Issuer(access.issuer.keys, FrozenClock(datetime.now(UTC) - timedelta(hours=1, minutes=1)))
    return before


@contextmanager
def _served(api: InProcessApi) -> Iterator[None]:
    """Where the gateway looks for the API."""
    server = uvicorn.Server(
        uvicorn.Config(api.app, uds=str(api.home.api_socket), log_config=None, access_log=False, lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="fs-") as name, ExitStack() as stack:
        Home.at(name).create()
        yield Site(Path(name), stack)


def _knock(site: Site, door: str, token: str) -> httpx.Response:
    bearer = {"authorization": f"Bearer {token}"} if token else {}
    workspace, sign_in = site.api.workspace.path, "/common/oauth2/v2.0/token"
    if door.startswith("score "):
        return site.client.post(f"/endpoints/{door.removeprefix('score ')}/score", headers=bearer, content=b"{}")
    match door:
        case "api":
            return site.client.get(f"{workspace}/onlineEndpoints", headers=bearer)
        case "token of mine":
            return site.client.post(f"{workspace}/onlineEndpoints/mine/token", headers=bearer)
        case "blob":
            return site.client.get("/flowstead.blob.core.private/azureml-blobstore/x", headers=bearer)
        case "identity":
            return site.client.post("/identity/token", headers=bearer, json={"resource": "https://ml.azure.com"})
        case "refresh":
            form = {"grant_type": "refresh_token", "refresh_token": token}
            return site.client.post(sign_in, data=form)
        case "exchange":
            return site.client.post(sign_in, data={"grant_type": EXCHANGE, "assertion": token})
        case "secret":
            form = {"grant_type": "client_credentials", "client_id": site.principals["ada"].client_id}
            return site.client.post(sign_in, data={**form, "client_secret": token})
    raise AssertionError(door)


SCORING = tuple(f"score {each}" for each in MODES)
DOORS = (*SCORING, "api", "token of mine", "blob", "identity", "refresh", "exchange", "secret")


def test_the_table_names_every_token(site: Site) -> None:
    assert set(site.tokens) == set(OPENS)
    assert {door for doors in OPENS.values() for door in doors} <= set(DOORS)


@pytest.mark.parametrize("door", DOORS)
def test_every_token_at_every_door(site: Site, door: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowstead.access.attempts._OF_CLIENT", 10_000)
    monkeypatch.setattr("flowstead.access.attempts._OF_ADDRESS", 10_000)
    wrong = {}
    for name, opens in OPENS.items():
        answer = _knock(site, door, site.tokens[name])
        # OAuth 2.0 refuses what is brought to get a token with 400.
        refused = {400} if door in ("refresh", "exchange") else {401, 403}
        expected = {200} if door in opens else refused
        if answer.status_code not in expected:
            wrong[name] = (answer.status_code, answer.text[:200])
    assert not wrong, wrong


def test_a_role_that_is_given_and_taken_shows_at_the_doors(site: Site) -> None:
    """A token from before the grant opens the endpoint, too: only what its holder may do when he comes counts."""
    token = site.tokens["entra, no role"]
    assert _knock(site, "score entra", token).status_code == 401
    site.api.granted(site.principals["none"], DATA_SCIENTIST)
    site.publish()
    assert _knock(site, "score entra", token).status_code == 200
    listed = site.api.call("GET", f"{site.api.workspace.path}/providers/Microsoft.Authorization/roleAssignments").json()
    [grant] = [
        each["id"] for each in listed["value"] if each["properties"]["principalId"] == site.principals["none"].object_id
    ]
    assert site.api.call("DELETE", grant).status_code == 200
    site.publish()
    assert _knock(site, "score entra", token).status_code == 401


def test_guessing_through_the_gateway_is_slowed_down(site: Site) -> None:
    form = {"grant_type": "client_credentials", "client_id": site.principals["lost"].client_id, "client_secret": "x"}
    seen = [
        site.client.post("/common/oauth2/v2.0/token", data=form, headers={"x-forwarded-for": f"192.0.2.{number}"})
        for number in range(40)
    ]
    assert [each.status_code for each in seen[30:]] == [429] * 10, "whatever address a caller claims to have"
    assert int(seen[-1].headers["Retry-After"]) > 0
