"""Sizes, usage, and what a deployment consists of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowstead.api import deployment_rules
from flowstead.api.quota import instances_that_fit
from flowstead.api.shown_instances import shown_properties
from flowstead.engines.protocol import (
    OUT_OF_MEMORY,
    InstanceEnd,
    InstanceLimits,
    InstanceState,
    ObservedInstance,
)
from flowstead.limits.host import Host, host_here
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.settings import ServerSettings
from flowstead.resources.sizes import quota_taken, size_named
from flowstead.resources.vm_sizes import VM_SIZES
from flowstead.store.records import Kind, Revision
from flowstead.testing.in_process_api import InProcessApi

QUOTA = 60


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path, settings=ServerSettings(quota_cores=QUOTA)) as api:
        yield api


def deploy(api: InProcessApi, count: int = 1, size: str = "Standard_F4s_v2") -> dict[str, Any]:
    api.call("PUT", "onlineEndpoints/chat", {"properties": {"authMode": "Key"}})
    uri = api.upload({"flow.dag.yaml": "inputs: {}\noutputs: {}\nnodes: []\n"})
    model = api.call("PUT", "models/flow/versions/1", {"properties": {"modelUri": uri}}).json()["id"]
    body = {"sku": {"capacity": count}, "properties": {"model": model, "instanceType": size}}
    answer = api.call("PUT", "onlineEndpoints/chat/deployments/blue", body)
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


def listed(api: InProcessApi, path: str) -> list[dict[str, Any]]:
    answer = api.call("GET", path)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["value"])


def test_each_size_says_what_it_has_and_what_the_quota_is_enough_for(api: InProcessApi) -> None:
    deploy(api, count=5)  # 6 x 4 with the reserve
    sizes = {each["name"]: each["properties"] for each in listed(api, "instancetypes")}
    left = QUOTA - 24
    assert sizes["Standard_F4s_v2"].pop("exceedsHost") is (
        host_here().memory_bytes < 8 << 30 or len(host_here().processors) < 4
    )
    assert sizes["Standard_F4s_v2"] == {
        "cores": 4, "memoryGiB": 8, "gpus": 0, "quotaLeft": {"cores": left, "instances": 7},
    }  # fmt: skip
    assert sizes["Standard_NC24ads_A100_v4"]["quotaLeft"]["instances"] == 1
    assert sizes["Standard_F72s_v2"]["quotaLeft"]["instances"] == 0


def test_every_size_that_is_listed_is_taken() -> None:
    assert [size_named(size.name.lower()) for size in VM_SIZES] == list(VM_SIZES)


def test_small_sizes_are_offered_first_and_take_fractions(api: InProcessApi) -> None:
    deploy(api, count=1, size="Flowstead_XS")
    first = listed(api, "instanceTypes")[0]
    assert first["name"] == "Flowstead_XS"
    assert first["properties"] == {
        "cores": 0.25, "memoryGiB": 0.25, "gpus": 0, "exceedsHost": False,
        "quotaLeft": {"cores": QUOTA - 0.5, "instances": 50},
    }  # fmt: skip
    assert next(each for each in listed(api, "usage") if each["name"]["value"] == "cores")["currentValue"] == 0.5


def test_a_size_that_nobody_knows_is_answered_with_near_ones(api: InProcessApi) -> None:
    model = deploy(api)["properties"]["model"]
    body = {"sku": {"capacity": 1}, "properties": {"model": model, "instanceType": "Standard_DS3v2"}}
    refused = api.call("PUT", "onlineEndpoints/chat/deployments/blue", body).json()["error"]
    assert (refused["code"], refused["target"]) == ("BadArgument", "properties.instanceType")
    assert "Standard_DS3_v2" in refused["message"]


def test_one_that_an_earlier_version_took_stays_and_its_deployment_can_be_changed(api: InProcessApi) -> None:
    deploy(api)
    blue = "onlineEndpoints/chat/deployments/blue"
    with api.store.transaction() as tx:
        record = tx.get(Kind.DEPLOYMENT, api.workspace.deployment("chat", "blue"))
        kept = replace(record.spec, instance_type="Standard_B2s")
        tx.put(Kind.DEPLOYMENT, record.id, record.parent_id, record.name, kept, by="system", operation=None)
    changed = api.call("PATCH", blue, {"sku": {"capacity": 2}, "tags": {"a": "b"}})
    assert changed.status_code == 200, changed.text
    assert changed.json()["properties"]["instanceType"] == "Standard_B2s"
    assert api.call("PATCH", blue, {"properties": {"instanceType": "Standard_B4ms"}}).status_code == 400


def test_a_change_of_size_needs_room_for_both(api: InProcessApi) -> None:
    model = deploy(api, count=12)["properties"]["model"]  # 15 x 4 with the reserve, all of the quota
    # The 12 serve until the first of 16 cores does: 12 x 4 + 1 x 16.
    large = {"sku": {"capacity": 1}, "properties": {"model": model, "instanceType": "Standard_D16as_v4"}}
    refused = api.call("PUT", "onlineEndpoints/chat/deployments/blue", large).json()["error"]
    assert refused["code"] == "OutOfQuota"
    assert "takes 64 cores until it is done; 0 of the workspace's 60 are taken" in refused["message"]
    small = {"sku": {"capacity": 1}, "properties": {"model": model, "instanceType": "Standard_D8as_v4"}}
    assert api.call("PUT", "onlineEndpoints/chat/deployments/blue", small).status_code == 200


def observed(api: InProcessApi, revision: str, *, serves: bool) -> None:
    """As the reconciler writes it down, of what is wanted now: it serves, or could not be brought up."""
    with api.store.transaction() as tx:
        record = tx.get(Kind.DEPLOYMENT, api.workspace.deployment("chat", "blue"))
        state = ProvisioningState.SUCCEEDED if serves else ProvisioningState.FAILED
        status = replace(record.status, revision=revision, provisioning_state=state)
        if serves:
            tx.keep_revision(record.id, Revision(revision, record.spec, "0" * 64, {}))
            status = replace(status, serving_revision=revision)
        tx.put_status(record.id, status, generation=record.generation)


def test_what_still_serves_counts_until_the_smaller_one_does(api: InProcessApi) -> None:
    def usage() -> tuple[float, float]:
        rows = {each["name"]["value"]: each["currentValue"] for each in listed(api, "usage")}
        return rows["cores"], rows["reservedCores"]

    deploy(api, count=5, size="Standard_F8s_v2")
    observed(api, "large", serves=True)
    assert usage() == (48, 8)
    model = deploy(api, count=5, size="Standard_F4s_v2")["properties"]["model"]
    assert usage() == (48, 8), "on its way"
    observed(api, "small", serves=False)
    assert usage() == (48, 8), "it has failed, the large one goes on"
    other = {"sku": {"capacity": 5}, "properties": {"model": model, "instanceType": "Standard_F4s_v2"}}
    refused = api.call("PUT", "onlineEndpoints/chat/deployments/green", other).json()["error"]
    assert "48 of the workspace's 60 are taken" in refused["message"]
    deploy(api, count=5, size="Standard_F8s_v2")
    deploy(api, count=5, size="Standard_F4s_v2")
    observed(api, "small", serves=True)
    assert usage() == (24, 4)
    assert api.call("PUT", "onlineEndpoints/chat/deployments/green", other).status_code == 201


def test_fewer_instances_count_when_the_others_have_ended(api: InProcessApi) -> None:
    deploy(api, count=5)
    observed(api, "one", serves=True)
    deploy(api, count=1)
    assert next(each for each in listed(api, "usage") if each["name"]["value"] == "cores")["currentValue"] == 24
    observed(api, "one", serves=True)
    assert next(each for each in listed(api, "usage") if each["name"]["value"] == "cores")["currentValue"] == 8


@pytest.mark.parametrize("size", ["Flowstead_XS", "Standard_DS1_v2", "Standard_F4s_v2", "Standard_NC24ads_A100_v4"])
def test_what_fits_fits_and_one_more_does_not(size: str) -> None:
    for cores in range(130):
        count = instances_that_fit(size, cores)
        assert count == 0 or quota_taken(size, count) <= cores
        assert quota_taken(size, count + 1) > cores


def test_too_many_instances_are_told_how_many_would_fit(api: InProcessApi) -> None:
    model = deploy(api)["properties"]["model"]
    refused = api.call(
        "PUT", "onlineEndpoints/chat/deployments/blue", {"sku": {"capacity": 30}, "properties": {"model": model}}
    ).json()["error"]
    assert refused["code"] == "OutOfQuota"
    assert "Ask for 12 instances at most" in refused["message"]


def test_usage_counts_beside_its_limits(api: InProcessApi) -> None:
    deploy(api, count=5)
    usage = {each["name"]["value"]: (each["currentValue"], each.get("limit")) for each in listed(api, "usage")}
    assert usage == {
        "cores": (24, QUOTA), "reservedCores": (4, None), "endpoints": (1, None), "deployments": (1, None),
        "deploymentsPerEndpoint": (1, 20), "instances": (5, None),
    }  # fmt: skip


def test_instances_are_shown_without_their_addresses(api: InProcessApi) -> None:
    id = deploy(api)["id"]
    assert listed(api, f"{id}/instances") == []
    with api.store.reading() as tx:
        uid = tx.get(Kind.DEPLOYMENT, id).uid
    mine = ObservedInstance(
        id="i2", endpoint="chat", deployment="blue", deployment_uid=uid, revision="r1", state=InstanceState.READY,
        address="/secret.sock", health_address="/secret.sock", log=Path("/log"), restarts=2, started_at=1e9,
    )  # fmt: skip
    api.instances.post([mine, replace(mine, id="i1", started_at=0.0), replace(mine, id="x", deployment_uid="other")])
    first, second = listed(api, f"{id}/Instances")
    assert first["properties"] == {"state": "Ready", "revision": "r1", "restarts": 2}
    assert second["id"] == f"{id}/instances/i2"
    assert second["properties"]["since"] == "2001-09-09T01:46:40.000000Z"
    assert "secret" not in repr([first, second])


def test_an_instance_says_what_it_is_held_to_and_how_it_ended_last(api: InProcessApi) -> None:
    id = deploy(api)["id"]
    with api.store.reading() as tx:
        uid = tx.get(Kind.DEPLOYMENT, id).uid
    end = InstanceEnd(1e9, -9, OUT_OF_MEMORY, "It used too much: choose a larger instance type.")
    mine = ObservedInstance(
        id="i1", endpoint="chat", deployment="blue", deployment_uid=uid, revision="r1", state=InstanceState.RESTARTING,
        address="/s", health_address="/s", log=Path("/log"), restarts=1, last_end=end,
        limits=InstanceLimits(0.5, 512 << 20, 0, "cgroup v2", "/sys/cpu.stat"),
    )  # fmt: skip
    api.instances.post(
        [mine, replace(mine, id="i2", limits=None, last_end=replace(end, reason="")),
         replace(mine, id="i3", last_end=replace(end, reason="", exit_code=3))]
    )  # fmt: skip
    first, second, third = (each["properties"] for each in listed(api, f"{id}/instances"))
    assert (first["cores"], first["memoryBytes"], first["gpus"]) == (0.5, 512 << 20, 0)
    assert first["enforcement"] == "cgroup v2"
    assert first["lastEnd"] == {
        "at": "2001-09-09T01:46:40.000000Z", "exitCode": -9, "signal": "SIGKILL", "reason": "OutOfMemory",
        "message": "It used too much: choose a larger instance type.",
    }  # fmt: skip
    assert (second["lastEnd"]["reason"], third["lastEnd"]["reason"]) == ("Signal", "Error")
    assert "enforcement" not in second
    assert "/sys" not in repr(first)


@pytest.mark.parametrize(("share", "advised"), [(None, False), (0.1, False), (0.6, True)])
def test_who_waits_much_for_its_cores_is_advised(share: float | None, advised: bool) -> None:
    mine = ObservedInstance(
        id="i1", endpoint="chat", deployment="blue", deployment_uid="u", revision="r1", state=InstanceState.READY,
        address="/s", health_address="/s", log=Path("/log"),
    )  # fmt: skip
    shown = shown_properties(mine, share)
    assert shown.get("throttled") == share
    assert ("In 60% of the last minutes' time slices" in shown.get("advice", "")) is advised


def test_accelerators_that_the_machine_has_not_are_refused(api: InProcessApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment_rules, "host_here", lambda: Host((0,), 1 << 30, 1))
    model = deploy(api)["properties"]["model"]
    for size, status in (("Standard_NC4as_T4_v3", 200), ("Standard_NC12s_v3", 400)):
        body = {"sku": {"capacity": 1}, "properties": {"model": model, "instanceType": size}}
        answer = api.call("PUT", "onlineEndpoints/chat/deployments/blue", body)
        assert answer.status_code == status
    assert "has 2 accelerators; this machine has 1" in answer.json()["error"]["message"]


def test_skus_say_how_far_it_scales(api: InProcessApi) -> None:
    [sku] = listed(api, f"{deploy(api)['id']}/skus")
    assert sku["capacity"] == {"minimum": 1, "maximum": 50, "default": 1, "scaleType": "Manual"}
    for part in ("instances", "revisions", "skus"):
        assert api.call("GET", f"onlineEndpoints/chat/deployments/no/{part}").status_code == 404
