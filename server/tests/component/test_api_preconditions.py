"""`If-Match` and `If-None-Match` on every resource, and PATCH by callers that meet."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead.testing.in_process_api import InProcessApi

CALLERS = 6
STALE = {"If-Match": '"of-another-time"'}
FRESH_ONLY = {"If-None-Match": "*"}
FLOW: dict[str, str | bytes] = {"flow.dag.yaml": "inputs: {}\noutputs: {}\nnodes: []\n"}
CONNECTION = {"category": "CustomKeys", "authType": "CustomKeys", "credentials": {"keys": {"pin": "1"}}}
RESOURCES = (
    "onlineEndpoints/chat",
    "onlineEndpoints/chat/deployments/blue",
    "connections/llm",
    "models/flow",
    "models/flow/versions/1",
    "environments/base",
    "environments/base/versions/1",
    "data/cases",
    "data/cases/versions/1",
    "codes/script",
    "codes/script/versions/1",
    "flows/talk",
)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path) as api:
        yield api


@pytest.fixture
def bodies(api: InProcessApi) -> dict[str, Any]:
    """A body of the PUT of each resource; all but the deployment's model and endpoint are still to be made."""
    uri = api.upload(FLOW)
    api.call("PUT", "onlineEndpoints/chat", {"properties": {}})
    model = api.call("PUT", "models/deployed/versions/1", {"properties": {"modelUri": uri}}).json()["id"]
    properties: dict[str, Any] = {
        "onlineEndpoints/chat": {},
        "onlineEndpoints/chat/deployments/blue": {"model": model},
        "connections/llm": CONNECTION,
        "models/flow/versions/1": {"modelUri": uri},
        "environments/base/versions/1": {"image": "promptflow-runtime:latest"},
        "data/cases/versions/1": {"dataUri": uri, "dataType": "uri_folder"},
        "codes/script/versions/1": {"codeUri": uri},
    }
    return {path: {"properties": properties.get(path, {})} for path in RESOURCES}


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize("path", RESOURCES)
def test_a_stale_tag_changes_nothing(api: InProcessApi, bodies: dict[str, Any], path: str) -> None:
    missing = "onlineEndpoints/gone" if path == "onlineEndpoints/chat" else path
    never = api.call("PUT", missing, bodies[path], headers=STALE)
    assert code_of(never) == (412, "PreconditionFailed")
    assert "is not there" in never.json()["error"]["message"]
    assert "has changed" not in never.json()["error"]["message"]

    assert api.call("PUT", path, bodies[path]).status_code in (200, 201)
    etag = api.call("GET", path).headers["ETag"]
    for method, body in (("PUT", bodies[path]), ("DELETE", None)):
        late = api.call(method, path, body, headers=STALE)
        assert code_of(late) == (412, "PreconditionFailed")
        said = late.json()["error"]["message"]
        assert "has changed since it was read" in said and "a command does so when it is run again" in said
    assert api.call("GET", path).headers["ETag"] == etag
    assert api.call("PUT", path, bodies[path], headers={"If-Match": etag}).status_code == 200
    assert api.call("PUT", path, bodies[path], headers={"If-Match": "*"}).status_code == 200
    listed = {"If-Match": f'"of-another-time", {etag}'}
    assert api.call("PUT", path, bodies[path], headers=listed).status_code == 200
    assert api.call("DELETE", path, headers=listed).status_code in (200, 202)


def test_a_key_is_not_replaced_with_a_stale_tag(api: InProcessApi) -> None:
    api.call("PUT", "onlineEndpoints/chat", {"properties": {}})
    keys, etag = api.call("POST", "onlineEndpoints/chat/listKeys").json(), _etag(api, "onlineEndpoints/chat")
    where, body = "onlineEndpoints/chat/regenerateKeys", {"keyType": "Primary"}
    assert code_of(api.call("POST", where, body, headers=STALE)) == (412, "PreconditionFailed")
    assert api.call("POST", "onlineEndpoints/chat/listKeys").json() == keys
    assert api.call("POST", where, body, headers={"If-Match": etag}).status_code == 202
    assert api.call("POST", "onlineEndpoints/chat/listKeys").json() != keys


@pytest.mark.parametrize("path", RESOURCES)
def test_of_callers_that_all_want_to_make_it_one_wins(api: InProcessApi, bodies: dict[str, Any], path: str) -> None:
    body, path = bodies[path], path.replace("/chat", "/other") if path == "onlineEndpoints/chat" else path
    token = api.token()

    def put(_: int) -> httpx.Response:
        return api.call("PUT", path, body, token=token, headers=FRESH_ONLY)

    with ThreadPoolExecutor(CALLERS) as callers:
        answers = list(callers.map(put, range(CALLERS)))
    assert sorted(each.status_code for each in answers)[1:] == [412] * (CALLERS - 1)
    lost = [each for each in answers if each.status_code == 412]
    assert all("is there already" in each.json()["error"]["message"] for each in lost)


@pytest.mark.parametrize("path", RESOURCES[:3])
def test_all_patches_of_callers_that_meet_are_merged(api: InProcessApi, bodies: dict[str, Any], path: str) -> None:
    api.call("PUT", path, bodies[path])
    stale = api.call("GET", path).headers["ETag"]
    token, rounds = api.token(), 4

    def patch(number: int) -> int:
        tag = {f"tag{number}": "set"}
        body = {"properties": {"metadata": tag}} if path == "connections/llm" else {"tags": tag}
        return api.call("PATCH", path, body, token=token).status_code

    with ThreadPoolExecutor(CALLERS) as callers:
        assert set(callers.map(patch, range(rounds * CALLERS))) == {200}
    shown = api.call("GET", path).json()
    tags = shown["properties"]["metadata"] if path == "connections/llm" else shown["tags"]
    assert tags == {f"tag{number}": "set" for number in range(rounds * CALLERS)}
    late = api.call("PATCH", path, {"tags": {"a": "b"}}, headers={"If-Match": stale})
    assert code_of(late) == (412, "PreconditionFailed")


def _etag(api: InProcessApi, path: str) -> str:
    return api.call("GET", path).headers["ETag"]
