"""The server is killed at every phase of every long-running operation: the next one brings it to its end, at once, and
nothing is left behind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.dying_server import Dying, assert_no_drafts_are_left, assert_nothing_is_left
from tests.installation import FULL, WORKSPACE, Installation, eventually, write_flow
from tests.kill_points import (
    BACK_IN_BATCHES,
    CREATION,
    DELETION,
    ENDPOINT_CHANGED,
    ENDPOINT_MADE,
    IN_BATCHES,
    KEYS,
    SCALE,
    START,
    STOP,
    UPDATE,
    WITH_THE_ENDPOINT,
    WITHOUT_CONNECTION,
    WITHOUT_RIGHTS,
)
from tests.steady_traffic import RATE, Traffic

_IS_HELD = """\
def is_held() -> bool:
    try:
        socket.create_connection(("127.0.0.1", {port}), timeout=1).close()
    except OSError:
        return False
    return True
"""
HELD = f"""\
import socket
import time

from promptflow.core import tool


{_IS_HELD}

while is_held():
    time.sleep(0.05)


@tool
def say(text: str) -> str:
    return f"you said {{{{text}}}}"
"""
"""Is not ready while that port takes connections."""
WARMED = f"""\
import asyncio
import os
import socket

from promptflow.core import tool


{_IS_HELD}

@tool
async def say(text: str) -> str:
    while text == "sample" and is_held():
        await asyncio.sleep(0.05)
    return os.environ.get("VERSION", "")
"""
"""Does not answer its warm call while that port takes connections."""
ASKS = """\
inputs:
  text:
    type: string
outputs:
  said:
    type: string
    reference: ${ask.output}
nodes:
- name: ask
  type: llm
  source:
    type: code
    path: ask.jinja2
  inputs:
    deployment_name: gpt
    text: ${inputs.text}
  connection: llm
  api: chat
"""
KEY_MODE: dict[str, Any] = {"properties": {"authMode": "Key"}}
NAME = "leaving"
ENDPOINT = f"/onlineEndpoints/{NAME}"
DEPLOYMENT = f"{ENDPOINT}/deployments/blue"
pytestmark = pytest.mark.timeout(900 if FULL else 300)


def test_every_operation_ends_though_the_server_is_killed_at_each_of_its_phases(dying: Dying, tmp_path: Path) -> None:
    flowstead = dying.flowstead
    body = _register(dying, tmp_path)
    dying.ends("PUT", ENDPOINT, KEY_MODE, ENDPOINT_MADE)
    dying.ends("PUT", DEPLOYMENT, body, _points(CREATION))
    assert len(_instances(flowstead)) == 1, "what a dead server had started is not started again"
    assert_no_drafts_are_left(flowstead)
    split = {"properties": {"authMode": "Key", "traffic": {"blue": 100}}}
    dying.ends("PUT", ENDPOINT, split, _points(ENDPOINT_CHANGED))
    key = flowstead.keys(NAME)["primaryKey"]
    eventually("it answers", lambda: _answers(flowstead, key))

    changed = {"properties": {**body["properties"], "environmentVariables": {"A": "1"}}}
    dying.ends("PUT", DEPLOYMENT, changed, _points(UPDATE))
    assert _answers(flowstead, key)
    more = {**changed, "sku": {"capacity": 2}}
    dying.ends("PUT", DEPLOYMENT, more, SCALE)
    assert len(_instances(flowstead)) == 2

    dying.ends("POST", f"{DEPLOYMENT}/stop", None, _points(STOP))
    assert _instances(flowstead) == []
    assert flowstead.instance_pids(NAME) == []
    dying.ends("POST", f"{DEPLOYMENT}/start", None, _points(START))
    assert len(_instances(flowstead)) == 2
    assert _answers(flowstead, key)

    dying.ends("POST", f"{ENDPOINT}/regenerateKeys", {"keyType": "Primary"}, KEYS)
    new = flowstead.keys(NAME)["primaryKey"]
    assert new != key
    assert _answers(flowstead, new)
    assert not _answers(flowstead, key)

    flowstead.api("PUT", ENDPOINT, {"properties": {"authMode": "Key", "traffic": {}}}).raise_for_status()
    dying.ends("DELETE", DEPLOYMENT, None, _points(DELETION))
    assert flowstead.api("GET", DEPLOYMENT).status_code == 404
    assert flowstead.instance_pids(NAME) == []
    dying.ends("DELETE", ENDPOINT, None, ["delete endpoint RowsRemoved after"])
    assert flowstead.api("GET", ENDPOINT).status_code == 404
    assert_nothing_is_left(flowstead, NAME)
    print(f"{dying.kills} kills")


def test_three_instances_are_replaced_in_batches_and_back_though_the_server_is_killed_in_each(
    dying: Dying, tmp_path: Path
) -> None:
    """With traffic all the while, of which nothing fails."""
    flowstead = dying.flowstead
    flow = write_flow(tmp_path / "flow", WARMED.format(port=dying.hold.port))
    (flow / "samples.json").write_text('[{"text": "sample"}]')
    flowstead.run("model", "create", "--name", "flow", "--path", str(flow))
    model = f"{WORKSPACE}/models/flow/versions/1"
    settings = {"requestTimeout": "PT1M", "maxConcurrentRequestsPerInstance": 20}

    def body(version: str) -> dict[str, Any]:
        variables = {"VERSION": version}
        return {
            "sku": {"capacity": 3},
            "properties": {"model": model, "requestSettings": settings, "environmentVariables": variables},
        }

    flowstead.api("PUT", ENDPOINT, KEY_MODE).raise_for_status()
    flowstead.api("PUT", DEPLOYMENT, body("1")).raise_for_status()
    eventually("three are there", lambda: _state(flowstead) == "Succeeded", within=90)
    flowstead.api("PUT", ENDPOINT, {"properties": {"authMode": "Key", "traffic": {"blue": 100}}}).raise_for_status()
    key = flowstead.keys(NAME)["primaryKey"]
    eventually("it answers", lambda: _answers(flowstead, key))
    with Traffic(f"{flowstead.url}/endpoints/{NAME}/score", key, callers=30) as traffic:
        dying.ends("PUT", DEPLOYMENT, body("2"), _points(IN_BATCHES))
        assert _says(flowstead, key) == {"2"}
        assert len(_instances(flowstead)) == 3
        dying.ends("POST", f"{DEPLOYMENT}/rollback", None, _points(BACK_IN_BATCHES))
        assert _says(flowstead, key) == {"1"}
        assert len(_instances(flowstead)) == 3
    print(f"{dying.kills} kills under {RATE} requests/s: {dict(traffic.outcomes)}")
    assert set(traffic.outcomes) == {"200"}
    flowstead.api("DELETE", ENDPOINT).raise_for_status()
    eventually("it is gone", lambda: flowstead.api("GET", ENDPOINT).status_code == 404, within=60)
    assert_nothing_is_left(flowstead, NAME)


@pytest.mark.parametrize("way", (0, 1) if FULL else (0,))
def test_an_endpoint_goes_with_its_deployments_though_the_server_is_killed_at_each_phase(
    dying: Dying, tmp_path: Path, way: int
) -> None:
    flowstead = dying.flowstead
    body = _register(dying, tmp_path)
    flowstead.api("PUT", ENDPOINT, KEY_MODE).raise_for_status()
    dying.ends("PUT", DEPLOYMENT, body, ["deployment after StartInstance"])
    assert len(_instances(flowstead)) == 1, "what a dead server had started is not started again"
    flowstead.api("PUT", ENDPOINT, {"properties": {"authMode": "Key", "traffic": {"blue": 100}}}).raise_for_status()
    key = flowstead.keys(NAME)["primaryKey"]
    eventually("it answers", lambda: _answers(flowstead, key))
    dying.ends("DELETE", ENDPOINT, None, WITH_THE_ENDPOINT[way])
    for path in (ENDPOINT, DEPLOYMENT):
        assert flowstead.api("GET", path).status_code == 404
    assert_nothing_is_left(flowstead, NAME)
    assert_no_drafts_are_left(flowstead)
    print(f"{dying.kills} kills")


def test_a_failure_is_written_down_though_the_server_is_killed_at_it(dying: Dying, tmp_path: Path) -> None:
    """In phases that either hold or fail."""
    flowstead = dying.flowstead
    flow = tmp_path / "flow"
    flow.mkdir()
    (flow / "flow.dag.yaml").write_text(ASKS)
    (flow / "ask.jinja2").write_text("user:\n{{text}}\n")
    flowstead.run("model", "create", "--name", "asks", "--path", str(flow))
    body = {"properties": {"model": f"{WORKSPACE}/models/asks/versions/1"}}
    flowstead.api("PUT", "/onlineEndpoints/target", KEY_MODE).raise_for_status()
    points = [each.removeprefix("+") for each in WITHOUT_CONNECTION]
    ended = dying.ends("PUT", "/onlineEndpoints/target/deployments/blue", body, points[:1], status="Failed")
    assert ended["error"]["code"] == "ConnectionMissing"
    if FULL:
        dying.ends("PUT", "/onlineEndpoints/target/deployments/green", body, points[1:], status="Failed")

    identity = (
        WORKSPACE.partition("/providers/")[0] + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/worker"
    )
    with flowstead.client() as client:
        client.put(f"{flowstead.url}{identity}", json={}).raise_for_status()
    key = {"category": "AzureOpenAI", "target": "https://llm.test", "credentials": {"key": "secret"}}
    flowstead.api("PUT", "/connections/llm", {"properties": {**key, "authType": "ApiKey"}}).raise_for_status()
    own = {"identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}}, **KEY_MODE}
    flowstead.api("PUT", "/onlineEndpoints/other", own).raise_for_status()
    points = [each.removeprefix("+") for each in WITHOUT_RIGHTS]
    ended = dying.ends("PUT", "/onlineEndpoints/other/deployments/blue", body, points[-1:], status="Failed")
    assert ended["properties"]["phase"] == "IdentityGranted"
    if FULL:
        dying.ends("PUT", "/onlineEndpoints/other/deployments/green", body, points[:1], status="Failed")


def _register(dying: Dying, folder: Path) -> dict[str, Any]:
    """A flow that can be held up at its start; the body of its deployment."""
    code = HELD.format(port=dying.hold.port)
    flow = write_flow(folder / "flow", code, requirements="iniconfig==2.1.0\n")
    dying.flowstead.run("model", "create", "--name", "flow", "--path", str(flow))
    return {"properties": {"model": f"{WORKSPACE}/models/flow/versions/1"}}


def _points(listed: Sequence[str]) -> list[str]:
    return [each.removeprefix("+") for each in listed if FULL or not each.startswith("+")]


def _instances(flowstead: Installation) -> list[Any]:
    return list(flowstead.api("GET", f"{DEPLOYMENT}/instances").json()["value"])


def _state(flowstead: Installation) -> str:
    return str(flowstead.api("GET", DEPLOYMENT).json()["properties"]["provisioningState"])


def _says(flowstead: Installation, key: str) -> set[str]:
    """What ten answers say."""
    return {flowstead.score(NAME, {"text": "x"}, key).json()["said"] for _ in range(10)}


def _answers(flowstead: Installation, key: str) -> bool:
    try:
        return flowstead.score(NAME, {"text": "x"}, key).status_code == 200
    except httpx.HTTPError:
        return False
