"""Stop and start, by REST: what they answer, what they keep, what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead.api.deployment_rules import check_sleep
from flowstead.errors import BadArgument
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.environment import BaseEnvironment
from flowstead.resources.scaling import Scaled, TargetUtilization
from flowstead.resources.settings import ServerSettings
from flowstead.store.records import DeploymentRecord, Kind
from flowstead.testing.in_process_api import InProcessApi

BLUE, GREEN = "onlineEndpoints/chat/deployments/blue", "onlineEndpoints/chat/deployments/green"
QUOTA = 10
"""Enough for one instance with its reserve (8 cores), not for two deployments."""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path, settings=ServerSettings(quota_cores=QUOTA)) as api:
        api.call("PUT", "onlineEndpoints/chat", {"properties": {"authMode": "Key"}})
        assert api.call("PUT", BLUE, body(api)).status_code == 201
        traffic = {"properties": {"authMode": "Key", "traffic": {"blue": 100}}}
        api.call("PUT", "onlineEndpoints/chat", traffic).raise_for_status()
        api.settle()
        api.hints = 0
        yield api


def body(api: InProcessApi, **properties: Any) -> dict[str, Any]:
    uri = api.upload({"flow.dag.yaml": "inputs: {}\noutputs: {}\nnodes: []\n"})
    model = api.call("PUT", "models/flow/versions/1", {"properties": {"modelUri": uri}}).json()["id"]
    return {"properties": {"model": model, **properties}}


def blue(api: InProcessApi) -> DeploymentRecord:
    with api.store.reading() as tx:
        return tx.get(Kind.DEPLOYMENT, api.workspace.deployment("chat", "blue"))


def cores_taken(api: InProcessApi) -> int:
    rows = api.call("GET", "usage").json()["value"]
    return int(next(each for each in rows if each["name"]["value"] == "cores")["currentValue"])


def operation_of(api: InProcessApi, answer: Any) -> dict[str, Any]:
    return dict(api.call("GET", httpx.URL(answer.headers["Azure-AsyncOperation"]).path).json())


def test_stop_is_long_running_and_audited(api: InProcessApi) -> None:
    stopped = api.call("POST", f"{BLUE}/stop")
    assert (stopped.status_code, api.hints) == (202, 1)
    assert operation_of(api, stopped)["status"] == "InProgress"
    api.settle()
    assert operation_of(api, stopped)["status"] == "Succeeded"
    shown = api.call("GET", BLUE).json()
    assert (shown["properties"]["state"], shown["properties"]["provisioningState"]) == ("Stopped", "Succeeded")
    assert shown["sku"]["capacity"] == 1, "how many it had is kept"
    audited = api.call("GET", "auditRecords").json()["value"][0]["properties"]
    assert (audited["action"], audited["outcome"]) == ("stop", "Succeeded")


@pytest.mark.parametrize("action", ["stop", "start"])
def test_what_is_so_already_has_succeeded_at_once(api: InProcessApi, action: str) -> None:
    if action == "stop":
        api.call("POST", f"{BLUE}/stop")
        api.settle()
    before = blue(api)
    again = api.call("POST", f"{BLUE}/{action}")
    assert operation_of(api, again)["status"] == "Succeeded"
    assert blue(api).generation == before.generation


def test_changes_leave_it_stopped(api: InProcessApi) -> None:
    api.call("POST", f"{BLUE}/stop")
    api.settle()
    assert api.call("PUT", BLUE, body(api, description="put")).json()["properties"]["state"] == "Stopped"
    patched = api.call("PATCH", BLUE, {"properties": {"description": "patched", "state": "Running"}}).json()
    assert (patched["properties"]["state"], patched["properties"]["description"]) == ("Stopped", "patched")
    assert blue(api).spec.stopped


def test_traffic_stays_with_a_stopped_deployment(api: InProcessApi) -> None:
    api.call("POST", f"{BLUE}/stop")
    assert api.call("GET", "onlineEndpoints/chat").json()["properties"]["traffic"] == {"blue": 100}


def test_a_stopped_deployment_takes_no_cores_and_its_start_may_find_too_few(api: InProcessApi) -> None:
    assert cores_taken(api) == 8
    assert api.call("PUT", GREEN, body(api)).json()["error"]["code"] == "OutOfQuota"
    api.call("POST", f"{BLUE}/stop")
    api.settle()
    assert cores_taken(api) == 0
    assert api.call("PUT", GREEN, body(api)).status_code == 201
    refused = api.call("POST", f"{BLUE}/start").json()["error"]
    assert refused["code"] == "OutOfQuota"
    assert blue(api).spec.stopped
    api.call("POST", f"{GREEN}/stop")
    assert api.call("POST", f"{BLUE}/start").status_code == 202


def test_what_is_not_there_or_goes_cannot_be_stopped(api: InProcessApi) -> None:
    assert api.call("POST", f"{GREEN}/stop").status_code == 404
    api.call("DELETE", "onlineEndpoints/chat")
    assert api.call("POST", f"{BLUE}/stop").status_code == 409


def test_another_etag_stops_nothing(api: InProcessApi) -> None:
    assert api.call("POST", f"{BLUE}/stop", headers={"If-Match": '"another"'}).status_code == 412
    assert not blue(api).spec.stopped


def test_scale_settings_are_shown_as_they_were_given(api: InProcessApi) -> None:
    given = {"scaleType": "TargetUtilization", "minInstances": 0, "maxInstances": 1, "idleTime": "PT30S"}
    shown = api.call("PUT", BLUE, body(api, scaleSettings=given)).json()["properties"]["scaleSettings"]
    assert shown == {**given, "pollingInterval": "PT1S", "targetUtilizationPercentage": 70}
    assert blue(api).spec.idle_s == 30.0
    again = api.call("PATCH", BLUE, {"properties": {"scaleSettings": {"scaleType": "Default"}}}).json()
    assert again["properties"]["scaleSettings"] == {"scaleType": "Default"}
    api.call("PUT", BLUE, body(api, scaleSettings=given))
    assert api.call("PUT", BLUE, body(api)).json()["properties"]["scaleSettings"] == shown, "Azure's SDK sends none"
    taken_away = api.call("PATCH", BLUE, {"properties": {"scaleSettings": None}}).json()
    assert taken_away["properties"]["scaleSettings"] == {"scaleType": "Default"}
    assert blue(api).spec.idle_s is None


def test_containers_do_not_sleep_and_the_put_says_so(api: InProcessApi, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"scaleType": "TargetUtilization", "minInstances": 0, "maxInstances": 1}
    own = ("azureml://registries/r/environments/own/versions/1", BaseEnvironment(image="own:1"))
    monkeypatch.setattr("flowstead.api.deployments.environment_of", lambda *_: own)
    refused = api.call("PUT", BLUE, body(api, scaleSettings=given))
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert (error["code"], error["target"]) == ("BadArgument", "properties.scaleSettings.minInstances")
    assert "containers cannot be scaled to zero" in error["message"]
    assert api.call("PUT", BLUE, body(api, scaleSettings={**given, "minInstances": 1})).status_code == 200
    patched = {"properties": {"scaleSettings": {"minInstances": 0}}}
    assert api.call("PATCH", BLUE, patched).status_code == 400


def test_a_container_that_an_earlier_version_let_scale_to_zero_stays_awake(api: InProcessApi) -> None:
    spec = replace(blue(api).spec, base=BaseEnvironment(image="own:1"), scale=TargetUtilization(min_instances=0))
    assert spec.idle_s is None
    check_sleep(spec, spec)
    with pytest.raises(BadArgument):
        check_sleep(spec, replace(spec, base=BaseEnvironment(image="own:2")))


def scaled(api: InProcessApi, **given: Any) -> None:
    """As the reconciler writes it down."""
    record = blue(api)
    status = replace(record.status, provisioning_state=ProvisioningState.SUCCEEDED, scaled=Scaled(**given))
    with api.store.transaction() as tx:
        assert tx.put_status(record.id, status, generation=record.generation)


def test_the_present_number_is_shown_and_to_send_it_back_ends_no_scaling(api: InProcessApi) -> None:
    settings = {"scaleType": "TargetUtilization", "minInstances": 1, "maxInstances": 5}
    api.call("PUT", BLUE, body(api, scaleSettings=settings))
    scaled(api, count=3, asked=1, at="2026-01-01T00:00:00.000000Z", reason="utilisation 90 %", under_way=True)
    shown = api.call("GET", BLUE).json()
    assert (shown["sku"]["capacity"], shown["properties"]["provisioningState"]) == (3, "Scaling")
    assert shown["properties"]["scaling"] == {"reason": "utilisation 90 %", "since": "2026-01-01T00:00:00.000000Z"}
    listed = api.call("GET", "onlineDeployments").json()["value"]
    assert "Scaling" in [each["properties"]["provisioningState"] for each in listed]
    answer = api.call("PUT", BLUE, shown)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["sku"]["capacity"], "scaling" in blue(api).spec.extra) == (3, False)
    without = {**shown, "properties": {name: each for name, each in shown["properties"].items() if "scale" not in name}}
    again = api.call("PUT", BLUE, without).json()
    assert again["properties"]["scaleSettings"]["maxInstances"] == 5, "Azure's SDK sends none"
    assert again["sku"]["capacity"] == 3
    ended = api.call("PUT", BLUE, body(api, scaleSettings={"scaleType": "Default"})).json()
    assert (ended["properties"]["scaleSettings"], ended["sku"]["capacity"]) == ({"scaleType": "Default"}, 1)
    assert "scaling" not in ended["properties"]


def test_what_runs_counts_for_the_quota(api: InProcessApi) -> None:
    api.call("PUT", BLUE, body(api, scaleSettings={"scaleType": "TargetUtilization", "maxInstances": 10}))
    assert cores_taken(api) == 2 * 4, "one, with the reserve"
    scaled(api, count=10, asked=1)
    assert cores_taken(api) == 12 * 4


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"minInstances": 2, "maxInstances": 1}, "minInstances is 2"),
        ({"scaleType": "Cron"}, "'Cron'"),
    ],
)
def test_what_is_not_scaled_here_is_refused(api: InProcessApi, given: dict[str, Any], said: str) -> None:
    settings = {"scaleType": "TargetUtilization", **given}
    refused = api.call("PUT", BLUE, body(api, scaleSettings=settings))
    assert refused.status_code == 400
    assert said in refused.json()["error"]["message"]
