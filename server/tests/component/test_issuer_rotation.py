"""The issuer's keys change while the API and a real gateway answer: no request is lost, and no token."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from flowstead.access.tokens import ROTATED_AFTER
from flowstead.errors import GatewayUpdateFailed
from flowstead.gateway.description import TokenIssuer
from flowstead.launch.issuer import trusted
from flowstead.resources.built_in_roles import CONTRIBUTOR
from flowstead.testing.frozen_clock import FrozenClock
from flowstead.testing.in_process_api import InProcessApi
from server.tests.component.gateway_world import ISSUER, World, new_world

_SITE = "/subscriptions/00000000-0000-0000-0000-000000000000/providers/Flowstead.Access"
KEYS, ROTATE = f"{_SITE}/issuerKeys", f"{_SITE}/rotateIssuerKey"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path) as api:
        yield api


def test_rotation_over_rest(api: InProcessApi) -> None:
    token = api.token()
    before = api.call("GET", KEYS).json()
    assert before["issuer"] == api.access.issuer_url
    after = api.call("POST", ROTATE.replace("rotateIssuerKey", "ROTATEissuerkey"))
    assert after.status_code == 200, after.text
    assert [each["keyId"] for each in after.json()["former"]] == [before["keyId"]]
    assert api.call("GET", KEYS, token=token).json() == after.json()
    keys = api.call("GET", "/common/discovery/v2.0/keys", token=None).json()["keys"]
    assert [each["kid"] for each in keys] == [after.json()["keyId"], before["keyId"]]
    assert all("d" not in each for each in keys)
    [record] = api.call("GET", "auditRecords", params={"action": "rotateIssuerKey"}).json()["value"]
    said = record["properties"]
    assert (said["principal"], said["outcome"]) == ("owner", "Succeeded")
    assert said["detail"] == f"{before['keyId']} → {after.json()['keyId']}"
    assert "PRIVATE" not in after.text


def test_ending_all_tokens_over_rest(api: InProcessApi) -> None:
    token = api.token()
    assert api.call("POST", ROTATE, {"endTokens": True}).json()["former"] == []
    assert api.call("GET", KEYS, token=token).status_code == 401
    assert api.call("GET", KEYS).status_code == 200


def test_only_who_may_grant_roles_rotates(api: InProcessApi) -> None:
    stranger = api.stranger()
    assert api.call("GET", KEYS, token=api.token(stranger)).status_code == 403
    api.granted(stranger, CONTRIBUTOR, api.workspace.subscription_path)
    assert api.call("GET", KEYS, token=api.token(stranger)).status_code == 200
    refused = api.call("POST", ROTATE, token=api.token(stranger))
    assert refused.status_code == 403
    assert "Microsoft.Authorization/issuerKeys/write" in refused.text
    assert api.call("GET", KEYS).json()["former"] == []


def test_a_rotation_that_fails_is_written_down(api: InProcessApi, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_url: str, _jwks: object) -> None:
        raise GatewayUpdateFailed("Envoy did not take the issuer's new keys.")

    monkeypatch.setattr(api.access, "_announce", fails)
    key = api.call("GET", KEYS).json()["keyId"]
    assert api.call("POST", ROTATE).json()["error"]["code"] == "GatewayUpdateFailed"
    assert api.call("GET", KEYS).json()["keyId"] == key
    [record] = api.call("GET", "auditRecords", params={"action": "rotateIssuerKey"}).json()["value"]
    assert record["properties"]["outcome"] == "Failed"


def test_a_key_is_changed_by_itself_and_those_before_go(tmp_path: Path) -> None:
    clock = FrozenClock()
    with InProcessApi(tmp_path, clock=clock) as api:
        told: list[int] = []
        api.access._announce = lambda _url, jwks: told.append(len(jwks["keys"]))
        api.token(lifetime=timedelta(days=1))
        key = api.access.issuer.key_id
        clock.advance(ROTATED_AFTER.total_seconds())
        with trusted(api.access, api.store, look_every_s=0.01):
            assert api.access.issuer.key_id != key
            assert told[0] == 2, "told before the new one signs"
            clock.advance(timedelta(days=1, hours=2, minutes=3).total_seconds())
            for _ in range(500):
                if told[-1] == 1:
                    break
                threading.Event().wait(0.01)
            assert told[-1] == 1
        [record] = api.call("GET", "auditRecords", params={"action": "rotateIssuerKey"}).json()["value"]
        assert record["properties"]["principal"] == "flowstead"


def test_the_gateway_knows_a_key_before_it_signs_and_no_request_is_lost() -> None:
    with new_world() as world:
        issuer = world.issuer
        old, stop = world.token(), threading.Event()
        statuses: list[int] = []
        askers = [threading.Thread(target=_ask, args=(world, old, stop, statuses)) for _ in range(3)]
        for each in askers:
            each.start()
        try:
            for _ in range(12):
                issuer.rotate(lambda: world.gateway.trust(TokenIssuer(ISSUER, issuer.jwks)))
                fresh = [world.ask("/endpoints/token/score", world.token()).status_code for _ in range(8)]
                assert fresh == [200] * 8, "a token of a new key holds from the first request on"
        finally:
            stop.set()
            for each in askers:
                each.join()
        assert set(statuses) == {200}
        assert len(statuses) > 50
        issuer.rotate(lambda: world.gateway.trust(TokenIssuer(ISSUER, issuer.jwks)), forget=True)
        assert world.ask("/endpoints/token/score", old).status_code == 401
        assert world.ask("/endpoints/token/score", world.token()).status_code == 200


def _ask(world: World, token: str, stop: threading.Event, statuses: list[int]) -> None:
    """With the old token and, in turn, with one of whichever key signs now."""
    while not stop.is_set():
        statuses += [world.ask("/endpoints/token/score", each).status_code for each in (token, world.token())]


def test_a_gateway_that_is_down_reads_the_keys_when_it_starts() -> None:
    with new_world() as world:
        world.gateway.stop(0.0)
        world.issuer.rotate(lambda: world.gateway.trust(TokenIssuer(ISSUER, world.issuer.jwks)))
        world.gateway.ensure_running()
        world.eventually("it answers", lambda: world.ask("/endpoints/token/score", world.token()).status_code == 200)
