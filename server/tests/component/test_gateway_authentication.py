"""The door fails closed: every kind of route meets every kind of credential, for all three authentication modes."""

from __future__ import annotations

import json
import shlex
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from flowstead.access.gate import ENTRA_AUDIENCE
from flowstead.access.tokens import Issuer
from flowstead.gateway.authentication import API_KEY_AUTH, JWT_AUTHN, RBAC, guarded
from flowstead.gateway.description import GatewayEndpoint, TokenIssuer
from flowstead.resources.clock import SystemClock
from flowstead.resources.role import SCORE, grant_command
from flowstead.testing.frozen_clock import FrozenClock
from server.tests.component.gateway_world import (
    DOMAIN,
    ISSUER,
    LIMIT,
    MODES,
    OWNER,
    SCOPE,
    World,
    error_of,
    new_world,
)

TOKEN_AUDIENCE = "endpoint:token-uid"
Headers = dict[str, str]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with new_world() as world:
        yield world


def _bearer(credential: str) -> Headers:
    return {"authorization": f"Bearer {credential}"}


def _made(world: World, at: timedelta, audience: str) -> Headers:
    """A token made by the right issuer at another time; it holds for an hour."""
    issuer = Issuer(world.issuer.keys.signing, FrozenClock(datetime.now(UTC) + at))
    return _bearer(issuer.issue(issuer=ISSUER, audience=audience, subject=OWNER, claims={"sid": OWNER}).text)


def _forged(world: World, *, key: Any = None, algorithm: str = "ES256", **claims: Any) -> Headers:
    """A token in which all is right but what is given, None for leaving it out; key: signs it."""
    known = jwt.decode(world.token(), options={"verify_signature": False}) | claims
    whole = {name: value for name, value in known.items() if value is not None}
    headers = {"kid": world.issuer.key_id}
    return _bearer(
        jwt.encode(whole, world.issuer.keys.signing if key is None else key, algorithm=algorithm, headers=headers)
    )


def _tampered(world: World) -> Headers:
    """The owner's name in somebody else's token."""
    head, body, signature = world.token(ENTRA_AUDIENCE, "intruder").split(".")
    other = world.token(ENTRA_AUDIENCE, OWNER).split(".")[1]
    assert body != other
    return _bearer(f"{head}.{other}.{signature}")


CREDENTIALS: dict[str, tuple[Callable[[World], Headers], str]] = {
    # what it is → (how it is made, the one mode that it opens)
    "none": (lambda w: {}, ""),
    "empty": (lambda w: {"authorization": ""}, ""),
    "bearer alone": (lambda w: {"authorization": "Bearer"}, ""),
    "wrong": (lambda w: _bearer("nonsense"), ""),
    "part of the key": (lambda w: _bearer("alpha-"), ""),
    "other case": (lambda w: _bearer("ALPHA-1"), ""),
    "other endpoint's": (lambda w: _bearer("beta-1"), ""),
    "other endpoint's api-key": (lambda w: {"api-key": "beta-2"}, ""),
    "basic": (lambda w: {"authorization": "Basic alpha-1"}, ""),
    "cookie": (lambda w: {"cookie": "api-key=alpha-1"}, ""),
    "forged client": (lambda w: {"x-flowstead-client": "primary"}, ""),
    "primary": (lambda w: _bearer("alpha-1"), "alpha"),
    "secondary": (lambda w: _bearer("alpha-2"), "alpha"),
    "api-key primary": (lambda w: {"api-key": "alpha-1"}, "alpha"),
    "api-key secondary": (lambda w: {"api-key": "alpha-2"}, "alpha"),
    "lower case scheme": (lambda w: {"authorization": "bearer alpha-1"}, "alpha"),
    "upper case scheme": (lambda w: {"authorization": "BEARER alpha-2"}, "alpha"),
    "key of a token endpoint": (lambda w: _bearer("token-1"), ""),
    "api-key of an entra endpoint": (lambda w: {"api-key": "entra-1"}, ""),
    "its token": (lambda w: _bearer(w.token()), "token"),
    "its token, lower case scheme": (lambda w: {"authorization": f"bearer {w.token()}"}, "token"),
    "its token, upper case scheme": (lambda w: {"authorization": f"BEARER {w.token()}"}, "token"),
    "its token as api-key": (lambda w: {"api-key": w.token()}, ""),
    "its token as cookie": (lambda w: {"cookie": f"authorization={w.token()}"}, ""),
    "its token without a scheme": (lambda w: {"authorization": w.token()}, ""),
    "another's token of it": (lambda w: _bearer(w.token(subject="somebody")), "token"),
    "a revoked one's token of it": (lambda w: _bearer(w.token(subject="revoked")), ""),
    "token without a session": (lambda w: _forged(w, sid=None), ""),
    "token of a deleted endpoint of its name": (lambda w: _bearer(w.token("endpoint:token-uid-before")), ""),
    "token of another endpoint": (lambda w: _bearer(w.token("endpoint:other")), ""),
    "longer audience": (lambda w: _bearer(w.token("endpoint:token-uid2")), ""),
    "token of the API": (lambda w: _bearer(w.token("https://127.0.0.1:8443")), ""),
    "refresh token": (lambda w: _bearer(w.token(f"{ISSUER}/refresh")), ""),
    "several audiences": (lambda w: _forged(w, aud=[TOKEN_AUDIENCE, ENTRA_AUDIENCE]), ""),
    "no expiry": (lambda w: _forged(w, exp=None), ""),
    "no audience": (lambda w: _forged(w, aud=None), ""),
    "expired": (lambda w: _made(w, -timedelta(hours=1, seconds=5), TOKEN_AUDIENCE), ""),
    "expired entra": (lambda w: _made(w, -timedelta(hours=1, seconds=5), ENTRA_AUDIENCE), ""),
    "not yet valid": (lambda w: _made(w, timedelta(hours=2, minutes=1), TOKEN_AUDIENCE), ""),
    "nearly expired": (lambda w: _made(w, -timedelta(minutes=59), TOKEN_AUDIENCE), "token"),
    "other issuer's name": (lambda w: _bearer(w.token(issuer="https://evil.test/v2.0")), ""),
    "other issuer's key": (lambda w: _forged(w, key=ec.generate_private_key(ec.SECP256R1())), ""),
    "no signature": (lambda w: _forged(w, key="", algorithm="none"), ""),
    "public value as secret": (lambda w: _forged(w, key=w.issuer.jwks["keys"][0]["x"], algorithm="HS256"), ""),
    "tampered": (_tampered, ""),
    "half a token": (lambda w: _bearer(w.token().rpartition(".")[0]), ""),
    "entra owner's": (lambda w: _bearer(w.token(ENTRA_AUDIENCE)), "entra"),
    "entra second one's": (lambda w: _bearer(w.token(ENTRA_AUDIENCE, "somebody")), "entra"),
    "entra nobody's": (lambda w: _bearer(w.token(ENTRA_AUDIENCE, "nobody")), ""),
    "entra of almost the owner": (lambda w: _bearer(w.token(ENTRA_AUDIENCE, OWNER[:-1])), ""),
    "entra audience with a slash": (lambda w: _bearer(w.token(f"{ENTRA_AUDIENCE}/")), ""),
}
MAY_NOT = {"entra nobody's": "nobody", "entra of almost the owner": OWNER[:-1]}
"""Whose token is good for endpoints with Entra tokens, and who is not among those who may score."""
GUARDED: dict[str, tuple[str, str, Headers, int]] = {
    "score": ("POST", "/endpoints/MODE/score", {}, 200),
    "score with a query": ("POST", "/endpoints/MODE/score?api-key=alpha-1&a=b", {}, 200),
    "feedback": ("POST", "/endpoints/MODE/feedback", {}, 200),
    "swagger": ("GET", "/endpoints/MODE/swagger.json", {}, 200),
    "health": ("GET", "/endpoints/MODE/health", {}, 200),
    "version": ("GET", "/endpoints/MODE/version", {}, 200),
    "preflight": ("OPTIONS", "/endpoints/MODE/score", {"access-control-request-method": "POST", "origin": "x"}, 200),
    "pinned": ("POST", "/endpoints/MODE/score", {"azureml-model-deployment": "green"}, 200),
    "pinned elsewhere": ("GET", "/endpoints/MODE/version", {"azureml-model-deployment": "green"}, 200),
    "unknown pin": ("POST", "/endpoints/MODE/score", {"azureml-model-deployment": "red"}, 404),
    "pinned to none": ("POST", "/endpoints/MODE/score", {"azureml-model-deployment": "empty"}, 503),
    "pinned to a dead one": ("POST", "/endpoints/MODE/score", {"azureml-model-deployment": "dead"}, 503),
    "split": ("POST", "/endpoints/MODE-split/score", {}, 200),
    "mirrored": ("POST", "/endpoints/MODE-mirrored/score", {}, 200),
    "unknown path": ("POST", "/endpoints/MODE/admin", {}, 404),
    "unknown path, pinned": ("POST", "/endpoints/MODE/admin", {"azureml-model-deployment": "green"}, 404),
    "root of an endpoint": ("GET", "/endpoints/MODE/", {}, 404),
    "longer path": ("POST", "/endpoints/MODE/score/more", {}, 404),
    "similar path": ("POST", "/endpoints/MODE/scores", {}, 404),
    "climbing": ("POST", "/endpoints/beta/../MODE/score", {}, 200),
    "encoded path": ("POST", "/endpoints/MODE/%73core", {}, 200),
    "no share": ("POST", "/endpoints/MODE-quiet/score", {}, 404),
    "no deployment": ("POST", "/endpoints/MODE-bare/score", {}, 404),
    "too large": ("POST", "/endpoints/MODE/score?large", {}, 413),
    "by host": ("POST", "/score", {"host": f"MODE.{DOMAIN}"}, 200),
    "by host with a port": ("POST", "/score?a=b", {"host": f"Mode.{DOMAIN}:8080"}, 200),
    "by host, pinned": ("POST", "/score", {"host": f"MODE.{DOMAIN}", "azureml-model-deployment": "green"}, 200),
    "by host, unknown pin": ("POST", "/score", {"host": f"MODE.{DOMAIN}", "azureml-model-deployment": "red"}, 404),
    "by host, split": ("POST", "/score", {"host": f"MODE-split.{DOMAIN}"}, 200),
    "by host, mirrored": ("POST", "/score", {"host": f"MODE-mirrored.{DOMAIN}"}, 200),
    "by host, feedback": ("POST", "/feedback", {"host": f"MODE.{DOMAIN}"}, 200),
    "by host, swagger": ("GET", "/swagger.json", {"host": f"MODE.{DOMAIN}"}, 200),
    "by host, health": ("GET", "/health", {"host": f"MODE.{DOMAIN}"}, 200),
    "by host, the page": ("GET", "/", {"host": f"MODE.{DOMAIN}"}, 404),
    "by host, the API": ("GET", "/subscriptions", {"host": f"MODE.{DOMAIN}"}, 404),
    "by host, another's path": ("POST", "/endpoints/beta/score", {"host": f"MODE.{DOMAIN}"}, 404),
    "by host, no share": ("POST", "/score", {"host": f"MODE-quiet.{DOMAIN}"}, 404),
    "by host, no deployment": ("POST", "/score", {"host": f"MODE-bare.{DOMAIN}"}, 404),
    "by host, too large": ("POST", "/score?large", {"host": f"MODE.{DOMAIN}"}, 413),
}


def _send(world: World, kind: str, mode: str, credential: Headers) -> httpx.Response:
    method, path, headers, _ = GUARDED[kind]
    body = b"x" * (LIMIT + 1) if path.endswith("?large") else b"{}"
    given = {name: value.replace("MODE", mode).replace("Mode", mode.title()) for name, value in headers.items()}
    return world.client.request(method, path.replace("MODE", mode), headers=given | credential, content=body)


@pytest.fixture(scope="module")
def credentials(world: World) -> dict[str, tuple[Headers, str]]:
    return {name: (make(world), opens) for name, (make, opens) in CREDENTIALS.items()}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", GUARDED)
def test_every_kind_of_route_meets_every_kind_of_credential(
    world: World, credentials: dict[str, tuple[Headers, str]], kind: str, mode: str
) -> None:
    for name, (credential, opens) in credentials.items():
        answer = _send(world, kind, mode, credential)
        good, lacks = opens == mode, mode == "entra" and name in MAY_NOT
        expected = GUARDED[kind][3] if good else 401
        assert answer.status_code == expected, f"{kind} with {name}: {answer.text}"
        if not good:
            assert error_of(answer)["code"] == "Unauthorized"
            assert answer.headers.get_list("www-authenticate") == ["Bearer"]
            assert "azureml-model-deployment" not in answer.headers
            assert ("may not perform" in error_of(answer)["message"]) == lacks


@pytest.mark.parametrize("mode", MODES)
def test_a_refused_caller_cannot_tell_what_there_is(world: World, mode: str) -> None:
    """Whether a path or a deployment exists shows only to those who may know; a token's fault is not told either."""
    seen = set()
    for kind in GUARDED:
        for credential in ({}, _bearer("wrong"), _bearer(world.token("endpoint:other"))):
            seen.add(_without_ids(_send(world, kind, mode, credential)))
    assert len(seen) == 1, seen


def _without_ids(answer: httpx.Response) -> tuple[str, str]:
    kept = {name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id")}
    return json.dumps(kept, sort_keys=True), answer.text


def test_whose_token_is_good_and_who_may_not_is_told_who_lacks_what_where(world: World) -> None:
    """By 401, as in Azure's table of status codes, and by words that say what to do."""
    token = _bearer(world.token(ENTRA_AUDIENCE, "nobody"))
    [answer] = {_without_ids(_send(world, kind, "entra", token)) for kind in GUARDED}
    headers, said = json.loads(answer[0]), json.loads(answer[1])["error"]
    assert said["message"].startswith(f"The principal with the object id nobody may not perform {SCORE} on {SCOPE}, ")
    command = grant_command("AzureML Data Scientist", SCOPE, "nobody")
    assert shlex.split(said["message"].partition("for example: ")[2]) == shlex.split(command)
    assert ["www-authenticate", "Bearer"] in [list(each) for each in headers.items()]


@pytest.mark.parametrize("endpoint", ["locked", "nobody"])
def test_an_endpoint_that_nobody_may_call_refuses_everybody(
    world: World, credentials: dict[str, tuple[Headers, str]], endpoint: str
) -> None:
    for credential, _ in credentials.values():
        assert world.client.post(f"/endpoints/{endpoint}/score", headers=credential).status_code == 401


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("localhost", "/endpoints/gamma/score"),
        ("localhost", "/endpoints/alph/score"),
        ("localhost", "/endpoints/alpha"),
        ("localhost", "/endpoints/"),
        (f"gamma.{DOMAIN}", "/score"),
        (f"alpha.alpha.{DOMAIN}", "/score"),
        (f"gamma.{DOMAIN}", "/endpoints/alpha/score"),
    ],
)
def test_an_unknown_endpoint_is_404_whatever_comes_with_the_request(
    world: World, credentials: dict[str, tuple[Headers, str]], host: str, path: str
) -> None:
    for credential, _ in credentials.values():
        answer = world.client.post(path, headers={"host": host} | credential)
        assert answer.status_code == 404
        assert error_of(answer)["code"] == "ResourceNotFound"


@pytest.mark.parametrize("endpoint", ["alpha", "token", "entra", "token-mirrored", "entra-mirrored"])
def test_no_instance_sees_a_credential(world: World, endpoint: str) -> None:
    """Of a mirrored request neither; and nothing that comes beside a good credential."""
    mode = endpoint.partition("-")[0]
    good = world.credential(endpoint)
    shadow = world.instances["shadow"].requests
    before = len(shadow)
    for beside in ({}, {"api-key": good if mode == "alpha" else "alpha-1"}, {"cookie": f"session={good}"}):
        for _ in range(20):
            answer = world.ask(f"/endpoints/{endpoint}/score", good, headers=beside | {"x-flowstead-client": "forged"})
            assert answer.status_code == 200
            seen = answer.json()["headers"]
            assert {"authorization", "api-key", "cookie"}.isdisjoint(seen)
            assert seen["x-flowstead-client"] == ("primary" if mode == "alpha" else OWNER)
            assert good not in answer.text
    assert not any(good in json.dumps(each) for each in shadow[before:])


def test_the_access_log_names_who_came_and_no_token(world: World) -> None:
    tokens = {"token": world.token(), "entra": world.token(ENTRA_AUDIENCE, "nobody")}
    marks = {name: str(uuid.uuid4()) for name in tokens}
    for name, token in tokens.items():
        world.ask(f"/endpoints/{name}/score", token, headers={"x-request-id": marks[name]})
    log = Path(world.door.access_log)

    def entries() -> dict[str, dict[str, Any]]:
        lines = [json.loads(line) for line in log.read_text().splitlines() if any(m in line for m in marks.values())]
        return {line["request_id"]: line for line in lines}

    world.eventually("both are logged", lambda: len(entries()) == len(marks))
    seen = entries()
    assert (seen[marks["token"]]["status"], seen[marks["token"]]["key"]) == (200, OWNER)
    assert (seen[marks["entra"]]["status"], seen[marks["entra"]]["key"]) == (401, "nobody")
    written = log.read_text() + (world.home.logs / "gateway.log").read_text()
    for token in tokens.values():
        assert token.rpartition(".")[2] not in written


def test_one_bad_credential_beside_a_good_one_is_no_way_in(world: World) -> None:
    good, foreign = world.token(), world.token("endpoint:other")
    for first, second in ((foreign, good), ("nonsense", good)):
        headers = [("authorization", f"Bearer {first}"), ("authorization", f"Bearer {second}")]
        assert world.client.post("/endpoints/token/score", headers=headers).status_code == 401


def test_the_issuer_s_keys_are_changed_without_a_restart() -> None:
    """Both keys hold while both are named; then only the new one does. Keys of endpoints hold throughout."""
    with new_world() as world:
        before = world.gateway.observe()
        new = Issuer(ec.generate_private_key(ec.SECP256R1()), SystemClock())
        old_token = world.token()
        new_token = new.issue(issuer=ISSUER, audience=TOKEN_AUDIENCE, subject=OWNER, claims={"sid": OWNER}).text

        def statuses() -> tuple[int, int, int]:
            asked = (("token", old_token), ("token", new_token), ("alpha", "alpha-1"))
            old, newer, key = (world.ask(f"/endpoints/{name}/score", each).status_code for name, each in asked)
            return old, newer, key

        assert statuses() == (200, 401, 200)
        both = [*world.issuer.jwks["keys"], *new.jwks["keys"]]
        world.gateway.trust(TokenIssuer(ISSUER, {"keys": both}))
        world.eventually("both keys hold", lambda: statuses() == (200, 200, 200))
        world.gateway.trust(TokenIssuer(ISSUER, new.jwks))
        world.eventually("the new key holds", lambda: statuses() == (401, 200, 200))
        assert world.gateway.observe() == before


def test_without_an_issuer_nobody_s_token_counts() -> None:
    with new_world(issuer=False) as world:
        for name, token in (("token", world.token()), ("entra", world.token(ENTRA_AUDIENCE)), ("token", "")):
            assert world.ask(f"/endpoints/{name}/score", token).status_code == 401
        assert world.ask("/endpoints/alpha/score", "alpha-1").status_code == 200


def test_a_mode_is_changed_at_once(world: World) -> None:
    alpha, token = (next(each for each in world.endpoints if each.name == name) for name in ("alpha", "token"))
    others = [each for each in world.endpoints if each.name != "alpha"]

    def opened() -> tuple[int, int]:
        by_key, by_token = (
            world.ask("/endpoints/alpha/score", each).status_code for each in ("alpha-1", world.token())
        )
        return by_key, by_token

    try:
        for changed, expected in ((replace(alpha, tokens=token.tokens), (401, 200)), (alpha, (200, 401))):
            world.gateway.publish([*others, changed])
            assert opened() == expected
    finally:
        world.gateway.publish(world.endpoints)


@pytest.mark.parametrize("kept", [(), (API_KEY_AUTH,), (RBAC,), (JWT_AUTHN,), (JWT_AUTHN, API_KEY_AUTH)])
def test_a_route_whose_entry_is_not_whole_refuses_everybody(
    world: World, credentials: dict[str, tuple[Headers, str]], monkeypatch: pytest.MonkeyPatch, kept: tuple[str, ...]
) -> None:
    """Whoever forgets a filter in a route closes it. What each mode's own entry would need is left out in turn."""

    def incomplete(endpoint: GatewayEndpoint) -> dict[str, Any]:
        return {name: entry for name, entry in guarded(endpoint).items() if name in kept}

    monkeypatch.setattr("flowstead.gateway.routes.guarded", incomplete)
    try:
        world.gateway.publish(world.endpoints)
        for mode in MODES:
            for name, (credential, _) in credentials.items():
                answer = world.client.post(f"/endpoints/{mode}/score", headers=credential)
                assert answer.status_code in (401, 403), f"{mode} with {name}"
    finally:
        monkeypatch.undo()
        world.gateway.publish(world.endpoints)
