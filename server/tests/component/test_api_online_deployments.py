"""All deployments in one list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowstead.engines.protocol import InstanceState, ObservedInstance
from flowstead.resources.built_in_roles import READER
from flowstead.store.records import Kind
from flowstead.testing.in_process_api import InProcessApi

FLOW = "inputs: {}\noutputs: {}\nnodes: []\n"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    """Two endpoints with a deployment `blue` each; that of `chat` gets the traffic."""
    with InProcessApi(tmp_path) as world:
        model = world.call(
            "PUT", "models/flow/versions/1", {"properties": {"modelUri": world.upload({"flow.dag.yaml": FLOW})}}
        ).json()["id"]
        for endpoint in ("chat", "other"):
            world.call("PUT", f"onlineEndpoints/{endpoint}", {"properties": {"authMode": "Key"}})
            body = {"tags": {"of": endpoint}, "properties": {"model": model}, "sku": {"capacity": 3}}
            world.call("PUT", f"onlineEndpoints/{endpoint}/deployments/blue", body)
        world.call("PATCH", "onlineEndpoints/chat", {"properties": {"traffic": {"blue": 100}}})
        yield world


def listed(api: InProcessApi, query: str = "") -> list[dict[str, Any]]:
    answer = api.call("GET", f"onlineDeployments{query}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["value"])


def uid(api: InProcessApi, endpoint: str) -> str:
    with api.store.reading() as tx:
        return tx.get(Kind.DEPLOYMENT, api.workspace.deployment(endpoint, "blue")).uid


def test_the_deployments_of_all_endpoints_with_what_becomes_of_them(api: InProcessApi) -> None:
    instance = ObservedInstance(
        "a", "chat", "blue", uid(api, "chat"), "r", InstanceState.READY, "/a", "/h", Path("log")
    )
    states = (InstanceState.READY, InstanceState.STARTING, InstanceState.DORMANT, InstanceState.WAKING)
    api.instances.post([instance, *(replace(instance, id=str(each), state=each) for each in states)])
    requests = api.app.state.context.requests
    now = api.clock.now().timestamp()
    requests.take({}, now)
    requests.take({uid(api, "chat"): 7}, now)
    chat, other = listed(api)
    assert chat["id"] == api.workspace.deployment("chat", "blue")
    assert chat["type"] == "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments"
    properties = chat["properties"]
    assert properties["model"].endswith("/models/flow/versions/1")
    del properties["model"]
    assert properties == {
        "endpoint": "chat",
        "provisioningState": "Creating",
        "state": "Running",
        "environmentId": None,
        "instanceType": "Standard_F4s_v2",
        "traffic": 100,
        "mirrorTraffic": 0,
        "instances": {"ready": 2, "asleep": 2, "wanted": 3},
        "requestsLastHour": 7,
    }
    assert other["properties"]["endpoint"] == "other"
    assert other["properties"]["instances"] == {"ready": 0, "asleep": 0, "wanted": 3}


def test_it_is_paged_and_filtered_as_other_lists_are(api: InProcessApi) -> None:
    assert [each["tags"] for each in listed(api, "?tags=of=other")] == [{"of": "other"}]
    first = api.call("GET", "onlineDeployments?count=1").json()
    assert len(first["value"]) == 1
    assert "skip" in first["nextLink"]


def test_who_may_read_deployments_of_the_workspace_may_list_them(api: InProcessApi) -> None:
    stranger = api.stranger()
    assert api.call("GET", "onlineDeployments", token=api.token(stranger)).status_code == 403
    reader = api.token(api.granted(stranger, READER))
    assert api.call("GET", "onlineDeployments", token=reader).status_code == 200
