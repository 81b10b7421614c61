"""Scaling, settings, tags."""

from __future__ import annotations

from functools import partial

from azure.ai.ml.entities import ManagedOnlineDeployment, Model
from azure.core.exceptions import HttpResponseError

from tests.sdk.traveller import Journey, refused


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


def step_the_same_deployment_again_changes_nothing(j: Journey) -> None:
    before = j.ml.online_deployments.get("green", "journey")
    after = j.ml.online_deployments.begin_create_or_update(before).result()
    known = ("model", "environment", "instance_type", "instance_count", "environment_variables", "request_settings")
    assert all(getattr(before, name) == getattr(after, name) for name in known)


def step_another_model_answers_otherwise(j: Journey) -> None:
    other = j.folder / "politer"
    other.mkdir()
    (other / "flow.dag.yaml").write_text((j.flow / "flow.dag.yaml").read_text())
    (other / "say.py").write_text((j.flow / "say.py").read_text().replace("{text}", "{text}, please"))
    j.ml.models.create_or_update(Model(name="greeter", version="3", path=other))
    deployment = j.ml.online_deployments.get("blue", "journey")
    deployment.model = "azureml:greeter:3"
    j.ml.online_deployments.begin_create_or_update(deployment).result()
    assert j.invoke("journey", "x", "blue") == {"said": "azure says x, please"}
    deployment = j.ml.online_deployments.get("blue", "journey")
    deployment.model = "azureml:greeter:1"
    j.ml.online_deployments.begin_create_or_update(deployment).result()
    assert j.invoke("journey", "x", "blue") == {"said": "azure says x"}


def step_a_later_change_supersedes_one_that_is_not_done(j: Journey) -> None:
    first, second = (j.ml.online_deployments.get("green", "journey") for _ in range(2))
    first.environment_variables["GREETING"] = "first"
    second.environment_variables["GREETING"] = "second"
    earlier = j.ml.online_deployments.begin_create_or_update(first)
    later = j.ml.online_deployments.begin_create_or_update(second)
    assert later.result().environment_variables["GREETING"] == "second"
    try:
        earlier.result(60)
    except HttpResponseError as told:
        assert "newer change" in str(told), told
    assert j.invoke("journey", "x", "green") == {"said": "second says x"}


def step_what_cannot_be_is_refused(j: Journey) -> None:
    for field, value in (
        ("instance_count", -1),
        ("instance_type", "Standard_Nonsense"),
        ("model", "azureml:greeter:99"),
        ("environment", "azureml:runtime:99"),
    ):
        deployment = j.ml.online_deployments.get("blue", "journey")
        setattr(deployment, field, value)
        refused(partial(settle, j, deployment), Exception)
    deployment = j.ml.online_deployments.get("blue", "journey")
    deployment.request_settings.request_timeout_ms = 400_000
    refused(partial(settle, j, deployment))
    assert j.invoke("journey", "x", "blue") == {"said": "azure says x"}


def settle(j: Journey, deployment: ManagedOnlineDeployment) -> ManagedOnlineDeployment:
    return j.ml.online_deployments.begin_create_or_update(deployment).result()
