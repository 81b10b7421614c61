"""Metrics are there when the endpoint's identity may write them, and else not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowstead.engines.protocol import InstanceState, ObservedInstance
from flowstead.launch.sampling import sample, sample_for_rules
from flowstead.observe.utilization import CPU, Utilization
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


def test_how_long_requests_took_is_told_when_it_is_asked_for(api: InProcessApi, clock: FrozenClock) -> None:
    context = api.app.state.context
    with api.store.reading() as tx:
        uid = tx.get(Kind.DEPLOYMENT, api.workspace.deployment("chat", "blue")).uid
    for histogram in ({}, {10.5: 9, 110.0: 1}):
        context.latencies.take({uid: histogram}, clock.now().timestamp())
    clock.advance(5)
    endpoint = "onlineEndpoints/chat/providers/Microsoft.Insights/metrics"
    for path in (endpoint, PATH):
        answer = api.call("GET", f"{path}?metricnames=RequestLatency,requestlatency_p95").json()["value"]
        assert [(each["name"]["value"], each["unit"]) for each in answer] == [
            ("RequestLatency", "MilliSeconds"),
            ("RequestLatency_P95", "MilliSeconds"),
        ]
        [[mean], [percentile]] = [each["timeseries"][0]["data"] for each in answer]
        assert (mean["average"], mean["maximum"], percentile["average"]) == (20.45, 110.0, 110.0)


def test_rules_are_measured_for_whatever_the_identity_may_do(api: InProcessApi, clock: FrozenClock) -> None:
    meter = Utilization()
    with api.store.transaction() as tx:
        uid = tx.get(Kind.DEPLOYMENT, api.workspace.deployment("chat", "blue")).uid
        for each in tx.list(Kind.ROLE_ASSIGNMENT):
            if each.spec.role == METRICS_WRITER:
                tx.remove(each.id)
    capacity = {"minimum": "1", "maximum": "2", "default": "1"}
    target = api.workspace.deployment("chat", "blue")
    body = {"properties": {"targetResourceUri": target, "profiles": [{"name": "a", "capacity": capacity}]}}

    def measured() -> int:
        for _ in range(2):
            clock.advance(5)
            sample_for_rules(api.store, api.instances, meter, api.home, clock)
        return len(meter.spans(uid, CPU))

    assert measured() == 0, "no setting asks for it"
    assert api.call("PUT", api.workspace.autoscale_setting("a"), body).status_code == 201
    assert measured() == 1
    assert all(each["timeseries"] == [] for each in api.call("GET", PATH).json()["value"]), "it is shown to nobody"
    assert api.call("PATCH", api.workspace.autoscale_setting("a"), {"properties": {"enabled": False}}).is_success
    assert measured() == 0
