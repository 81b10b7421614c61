"""Metrics are there when the endpoint's identity may write them, and else not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowstead.engines.protocol import InstanceState, ObservedInstance
from flowstead.launch.sampling import sample
from flowstead.resources.built_in_roles import METRICS_WRITER
from flowstead.store.records import Kind
from flowstead.testing.frozen_clock import FrozenClock
from flowstead.testing.in_process_api import InProcessApi

FLOW = "inputs: {}\noutputs: {}\nnodes: []\n"
PATH = "onlineEndpoints/chat/deployments/blue/providers/Microsoft.Insights/metrics"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def api(tmp_path: Path, clock: FrozenClock) -> Iterator[InProcessApi]:
    """With a deployment whose one instance is this very process."""
    with InProcessApi(tmp_path, clock=clock) as world:
        world.call("PUT", "onlineEndpoints/chat", {"properties": {"authMode": "Key"}})
        uri = world.upload({"flow.dag.yaml": FLOW})
        model = world.call("PUT", "models/flow/versions/1", {"properties": {"modelUri": uri}}).json()["id"]
        world.call("PUT", "onlineEndpoints/chat/deployments/blue", {"properties": {"model": model}})
        with world.store.reading() as tx:
            uid = tx.get(Kind.DEPLOYMENT, world.workspace.deployment("chat", "blue")).uid
        instance = ObservedInstance(
            "a", "chat", "blue", uid, "r", InstanceState.READY, "/a", "/h", Path("log"), pid=os.getpid()
        )
        world.instances.post([instance])
        yield world


def look(api: InProcessApi, clock: FrozenClock) -> dict[str, Any]:
    for _ in range(2):
        clock.advance(5)
        sample(api.store, api.instances, api.app.state.context.utilization, api.home, clock)
    answer = api.call("GET", PATH)
    assert answer.status_code == 200, answer.text
    return {each["name"]["value"]: each["timeseries"] for each in answer.json()["value"] if each["unit"] == "Percent"}


def test_they_are_there_with_the_role_and_absent_without(api: InProcessApi, clock: FrozenClock) -> None:
    found = look(api, clock)
    assert set(found) == {"CpuUtilizationPercentage", "CpuMemoryUtilizationPercentage", "DiskUtilization"}
    for series in found.values():
        [one] = series
        assert one["data"][0]["average"] >= 0
        assert one["data"][0]["timeStamp"].endswith("Z")
    assert found["CpuMemoryUtilizationPercentage"][0]["data"][0]["average"] > 0
    roles = api.call("GET", f"{api.workspace.path}/providers/Microsoft.Authorization/roleAssignments").json()["value"]
    [role] = [each for each in roles if each["properties"]["roleDefinitionId"].endswith(METRICS_WRITER)]
    assert api.call("DELETE", role["id"]).status_code == 200
    at_once = api.call("GET", PATH).json()["value"]
    assert [each["timeseries"] for each in at_once] == [[], [], [], []], "before anybody has looked again"
    assert all(series == [] for series in look(api, clock).values())


def test_only_so_much_can_be_asked(api: InProcessApi, clock: FrozenClock) -> None:
    look(api, clock)
    assert len(api.call("GET", f"{PATH}?metricnames=diskutilization").json()["value"]) == 1
    assert api.call("GET", f"{PATH}?metricnames=Nonsense").status_code == 400
    assert api.call("GET", f"{PATH}?timespan=yesterday").status_code == 400
    assert api.call("GET", f"{PATH}?interval=P1D").status_code == 400
    before = f"{PATH}?timespan=2020-01-01T00:00:00Z/2020-01-02T00:00:00Z"
    assert api.call("GET", before).json()["value"][0]["timeseries"] == []
    stranger = api.token(replace(api.stranger(), grants=()))
    assert api.call("GET", PATH, token=stranger).status_code == 403


def test_requests_are_counted_whatever_the_identity_may_do(api: InProcessApi, clock: FrozenClock) -> None:
    context = api.app.state.context
    with api.store.reading() as tx:
        uid = tx.get(Kind.DEPLOYMENT, api.workspace.deployment("chat", "blue")).uid
    now = clock.now().timestamp()
    context.requests.take({}, now)
    context.requests.take({uid: 4}, now)
    clock.advance(5)
    endpoint = "onlineEndpoints/chat/providers/Microsoft.Insights/metrics"
    for path in (endpoint, f"{PATH}?metricnames=requestsperminute"):
        [metric] = api.call("GET", path).json()["value"]
        assert (metric["name"]["value"], metric["unit"]) == ("RequestsPerMinute", "Count")
        assert [each["total"] for each in metric["timeseries"][0]["data"]] == [4]
    refused = api.call("GET", f"{endpoint}?metricnames=DiskUtilization")
    assert refused.status_code == 400
    assert "RequestsPerMinute" in refused.json()["error"]["message"]
    assert api.call("GET", endpoint, token=api.token(replace(api.stranger(), grants=()))).status_code == 403
    assert api.call("GET", endpoint.replace("chat", "none")).status_code == 404
