"""Scaling, settings, tags."""

from __future__ import annotations

from tests.sdk.traveller import Journey


def step_a_deployment_is_scaled(j: Journey) -> None:
    deployment = j.ml.online_deployments.get("blue", "journey")
    deployment.instance_count = 2
    assert j.ml.online_deployments.begin_create_or_update(deployment).result().instance_count == 2
    deployment = j.ml.online_deployments.get("blue", "journey")
    deployment.instance_count = 1
    assert j.ml.online_deployments.begin_create_or_update(deployment).result().instance_count == 1


def step_variables_and_settings_change(j: Journey) -> None:
    deployment = j.ml.online_deployments.get("blue", "journey")
    deployment.environment_variables["GREETING"] = "azure"
    deployment.request_settings.request_timeout_ms = 30000
    deployment.tags["changed"] = "yes"
    made = j.ml.online_deployments.begin_create_or_update(deployment).result()
    assert (made.request_settings.request_timeout_ms, made.tags["changed"]) == (30000, "yes")
    assert j.invoke("journey", "x", "blue") == {"said": "azure says x"}


def step_an_endpoint_is_changed(j: Journey) -> None:
    endpoint = j.ml.online_endpoints.get("journey")
    endpoint.tags["c"] = "d"
    endpoint.description = "changed"
    made = j.ml.online_endpoints.begin_create_or_update(endpoint).result()
    assert (made.tags, made.description) == ({"a": "b", "c": "d"}, "changed")
