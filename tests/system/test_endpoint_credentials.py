"""Keys, an endpoint's own tokens, and tokens for Entra endpoints: each opens what it is for, and nothing else."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from tests.installation import ECHO, FULL, Installation, write_flow
from tests.steady_traffic import RATE, Traffic

ENTRA = "https://ml.azure.com"


@pytest.fixture(scope="module")
def by_token(flowstead: Installation, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Endpoints with keys, with tokens of their own and with Entra tokens, each with the deployment blue."""
    flow = write_flow(tmp_path_factory.mktemp("credentials") / "flow", ECHO)
    for mode, endpoint in (("key", "by-key"), ("aml_token", "by-token"), ("aad_token", "by-entra")):
        flowstead.run("deploy", str(flow), "--endpoint", endpoint, "--auth-mode", mode)
    return flowstead


def token_of(flowstead: Installation, endpoint: str) -> dict[str, str | int]:
    return dict(flowstead.api("POST", f"/onlineEndpoints/{endpoint}/token").json())


def entra_token(flowstead: Installation) -> str:
    return str(flowstead.run("token", "--resource", ENTRA).stdout.strip())


def status(flowstead: Installation, endpoint: str, credential: str | int | None) -> int:
    key = None if credential is None else str(credential)
    return flowstead.score(endpoint, {"text": "x"}, key).status_code


def test_each_endpoint_takes_its_own_kind_of_credential(by_token: Installation) -> None:
    credentials = {
        "by-key": by_token.keys("by-key")["primaryKey"],
        "by-token": token_of(by_token, "by-token")["accessToken"],
        "by-entra": entra_token(by_token),
    }
    others = {"none": None, "of the API": by_token.token(), "nonsense": "nonsense"}
    for endpoint in credentials:
        for name, credential in (credentials | others).items():
            expected = 200 if name == endpoint else 401
            assert status(by_token, endpoint, credential) == expected, f"{endpoint} with what is {name}"


def test_the_command_line_has_the_right_credential_in_every_mode(by_token: Installation, tmp_path: Path) -> None:
    request = tmp_path / "request.json"
    request.write_text('{"text": "hi"}')
    shown = {"by-key": "primaryKey", "by-token": "accessToken", "by-entra": "accessToken"}
    for endpoint, name in shown.items():
        said = by_token.run("online-endpoint", "invoke", "-n", endpoint, "-r", str(request)).stdout
        assert "you said hi" in said
        credentials = by_token.json("online-endpoint", "get-credentials", "-n", endpoint)
        assert status(by_token, endpoint, credentials[name]) == 200
    with_times = by_token.json("online-endpoint", "get-credentials", "-n", "by-token")
    assert time.time() < with_times["refreshAfterTimeUtc"] < with_times["expiryTimeUtc"]


@pytest.mark.parametrize(("replaced", "other"), [("primary", "secondary"), ("secondary", "primary")])
def test_a_key_is_replaced_while_callers_use_the_other(by_token: Installation, replaced: str, other: str) -> None:
    before = by_token.keys("by-key")
    with Traffic(f"{by_token.url}/endpoints/by-key/score", before[f"{other}Key"]) as traffic:
        traffic.passes(RATE, "traffic flows")
        for _ in range(10 if FULL else 2):
            old = by_token.keys("by-key")[f"{replaced}Key"]
            by_token.run("online-endpoint", "regenerate-keys", "--name", "by-key", "--key-type", replaced)
            after = by_token.keys("by-key")
            assert status(by_token, "by-key", old) == 401
            assert status(by_token, "by-key", after[f"{replaced}Key"]) == 200
            assert after[f"{other}Key"] == before[f"{other}Key"]
        traffic.passes(RATE, "traffic goes on")
    print(f"\nkeys replaced under {RATE} requests/s with the other: {dict(traffic.outcomes)}")
    assert set(traffic.outcomes) == {"200"}


def test_a_token_works_after_another_was_made(by_token: Installation) -> None:
    first, second = token_of(by_token, "by-token"), token_of(by_token, "by-token")
    assert set(first) == {"accessToken", "expiryTimeUtc", "refreshAfterTimeUtc", "tokenType"}
    assert first["accessToken"] != second["accessToken"]
    assert [status(by_token, "by-token", each["accessToken"]) for each in (first, second, first)] == [200] * 3


def test_changing_the_mode_switches_at_once_and_back(by_token: Installation) -> None:
    key, token = by_token.keys("by-key")["primaryKey"], entra_token(by_token)
    for mode, expected in (("aad_token", (401, 200)), ("aml_token", (401, 401)), ("key", (200, 401))):
        by_token.run("online-endpoint", "update", "--name", "by-key", "--set", f"auth_mode={mode}")
        assert (status(by_token, "by-key", key), status(by_token, "by-key", token)) == expected, mode
        if mode == "aml_token":
            assert status(by_token, "by-key", token_of(by_token, "by-key")["accessToken"]) == 200
            assert by_token.api("POST", "/onlineEndpoints/by-key/listKeys").status_code == 400


def test_a_token_of_a_deleted_endpoint_opens_no_later_one_of_its_name(flowstead: Installation, tmp_path: Path) -> None:
    flow = write_flow(tmp_path / "flow", ECHO)
    tokens = []
    for _ in range(2):
        flowstead.run("deploy", str(flow), "--endpoint", "again", "--auth-mode", "aml_token")
        tokens.append(token_of(flowstead, "again")["accessToken"])
        assert status(flowstead, "again", tokens[-1]) == 200
        flowstead.run("online-endpoint", "delete", "-n", "again", "--yes")
        assert status(flowstead, "again", tokens[-1]) == 404
    flowstead.run("online-endpoint", "create", "-n", "again", "--auth-mode", "aml_token")
    assert [status(flowstead, "again", each) for each in tokens] == [401, 401]
    assert status(flowstead, "again", token_of(flowstead, "again")["accessToken"]) == 404, "no traffic"


def test_an_endpoint_s_token_is_no_token_for_the_api(by_token: Installation) -> None:
    for token in (token_of(by_token, "by-token")["accessToken"], entra_token(by_token)):
        answer = httpx.get(f"{by_token.url}/subscriptions?api-version=1", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401
