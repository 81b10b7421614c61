from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from flowstead.api.deployment_bodies import DeploymentBody, to_spec
from flowstead.api.deployment_rules import check_body as check_deployment
from flowstead.api.deployment_rules import check_model_id
from flowstead.api.endpoint_bodies import EndpointBody
from flowstead.api.endpoint_rules import RESERVED_NAMES, check_body, check_key, check_name, check_split
from flowstead.api.merging import merge_patch
from flowstead.api.secret_values import Variables
from flowstead.errors import BadArgument, InvalidName
from flowstead.resources.endpoint import EndpointSpec
from flowstead.resources.names import Workspace
from flowstead.resources.runtime_images import check_image

HERE = Workspace()


def deployment(sku: dict[str, Any] | None = None, **properties: Any) -> DeploymentBody:
    return DeploymentBody.model_validate({"properties": properties, **({"sku": sku} if sku else {})})


@pytest.mark.parametrize("name", ["foo", "Foo-1", "a" * 32])
def test_good_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["ab", "1abc", "abc-", "a_b_c", "a" * 33, "ünic", *sorted(RESERVED_NAMES), "API"])
def test_bad_and_reserved_names(name: str) -> None:
    with pytest.raises(InvalidName, match=name):
        check_name(name)


@pytest.mark.parametrize(
    ("traffic", "mirror", "said"),
    [
        ({"blue": 50}, {}, "50 %"),
        ({"blue": 60, "green": 60}, {}, "120 %"),
        ({"red": 100}, {}, "red"),
        ({"blue": 100}, {"green": 51}, "51 %"),
        ({"blue": 100}, {"green": 10, "third": 10}, "green, third"),
        ({"blue": 100}, {"blue": 10}, "blue"),
        ({}, {"red": 10}, "red"),
    ],
)
def test_bad_splits(traffic: dict[str, int], mirror: dict[str, int], said: str) -> None:
    with pytest.raises(BadArgument, match=said):
        check_split(EndpointSpec(traffic=traffic, mirror_traffic=mirror), ["blue", "green", "third"])


def test_a_split_names_deployments_whatever_their_case() -> None:
    spec = check_split(EndpointSpec(traffic={"BLUE": 100}, mirror_traffic={"green": 50}), ["Blue", "Green"])
    assert (spec.traffic, spec.mirror_traffic) == ({"Blue": 100}, {"Green": 50})
    assert check_split(EndpointSpec(), ["Blue"]).traffic == {}
    with pytest.raises(BadArgument, match="Blue and blue are one deployment, Blue.") as refused:
        check_split(EndpointSpec(traffic={"Blue": 50, "blue": 50}), ["Blue"])
    assert refused.value.target == "properties.traffic.blue"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"properties": {"compute": "k8s"}}, "properties.compute"),
        ({"properties": {"publicNetworkAccess": "Sometimes"}}, "properties.publicNetworkAccess"),
        ({"properties": {}, "identity": {"type": "Mine"}}, "identity.type"),
        ({"properties": {}, "identity": {"type": "None, SystemAssigned"}}, "identity.type"),
        ({"properties": {}, "identity": {"type": "UserAssigned"}}, "identity.userAssignedIdentities"),
        (
            {"properties": {}, "identity": {"type": "UserAssigned", "userAssignedIdentities": {"/x": {}}}},
            "identity.userAssignedIdentities",
        ),
    ],
)
def test_bad_endpoints_name_the_field(body: dict[str, Any], field: str) -> None:
    with pytest.raises(BadArgument) as refused:
        check_body(EndpointBody.model_validate(body))
    assert refused.value.target == field


@pytest.mark.parametrize(
    "key", ["short", "x" * 257, "has space in it and is long enough", "ümlaut" * 10, "a" * 40 + "\n"]
)
def test_keys_that_no_header_can_carry_are_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(BadArgument) as refused:
        check_key(key)
    assert key not in str(refused.value)


@pytest.mark.parametrize(
    ("properties", "field"),
    [
        ({"requestSettings": {"requestTimeout": "PT301S"}}, "requestTimeout"),
        ({"requestSettings": {"requestTimeout": "PT0S"}}, "requestTimeout"),
        ({"requestSettings": {"requestTimeout": "5s"}}, "requestTimeout"),
        ({"requestSettings": {"requestTimeout": 5}}, "requestTimeout"),
        ({"requestSettings": {"maxConcurrentRequestsPerInstance": 0}}, "maxConcurrentRequestsPerInstance"),
        ({"requestSettings": {"maxQueueWait": "P1D"}}, "maxQueueWait"),
        ({"livenessProbe": {"period": "PT0S"}}, "period"),
        ({"readinessProbe": {"failureThreshold": 0}}, "failureThreshold"),
        ({"environmentVariables": {"A": {"nested": 1}}}, "environmentVariables"),
    ],
)
def test_bad_deployment_fields_are_named(properties: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        deployment(**properties)
    assert field in [str(part) for part in refused.value.errors()[0]["loc"]]


def test_null_means_the_default_of_a_setting() -> None:
    names = ("requestSettings", "livenessProbe", "readinessProbe", "scaleSettings")
    fields = ("requestTimeout", "maxQueueWait", "queueLength", "period", "timeout", "failureThreshold", "minInstances")
    said = deployment(sku={"name": "Default", "capacity": None}, **dict.fromkeys(names, dict.fromkeys(fields)))
    unsaid = deployment(sku={"name": "Default"}, **{name: {} for name in names})
    assert said == unsaid


@pytest.mark.parametrize("capacity", [0, 51, "many"])
def test_instance_counts_are_azures(capacity: Any) -> None:
    with pytest.raises(ValidationError):
        deployment(sku={"name": "Default", "capacity": capacity})


@pytest.mark.parametrize(
    ("properties", "field"),
    [
        ({"endpointComputeType": "Kubernetes"}, "properties.endpointComputeType"),
        ({"environmentVariables": {"": "x"}}, "properties.environmentVariables."),
        ({"environmentVariables": {"A=B": "x"}}, "properties.environmentVariables.A=B"),
        ({"environmentVariables": {"A": "x\0"}}, "properties.environmentVariables.A"),
        ({"environmentVariables": {"A": "x" * 70_000}}, "properties.environmentVariables.A"),
        ({"environmentVariables": {f"A{n}": "x" * 60_000 for n in range(10)}}, "properties.environmentVariables"),
    ],
)
def test_bad_deployments_name_the_field_and_repeat_no_value(properties: dict[str, Any], field: str) -> None:
    with pytest.raises(BadArgument) as refused:
        check_deployment(deployment(**properties))
    assert refused.value.target == field
    assert "xxxx" not in str(refused.value)


def test_scalars_of_yaml_become_text() -> None:
    body = deployment(environmentVariables={"A": 1, "B": True, "C": 1.5, "D": "x"})
    assert body.properties.environment_variables == {"A": "1", "B": "true", "C": "1.5", "D": "x"}


def test_what_no_phase_reads_is_kept_and_what_get_adds_is_not() -> None:
    body = deployment(modelMountPath="/x", provisioningState="Failed", conditions=[], provisioningError={"code": "X"})
    spec = to_spec(body, model_id="m", environment_id=None, variables=Variables({}, {}))
    assert spec.extra == {"modelMountPath": "/x"}


def test_a_deployment_that_says_nothing_gets_the_defaults() -> None:
    spec = to_spec(deployment(), model_id="m", environment_id=None, variables=Variables({}, {}))
    settings = spec.request_settings
    assert (settings.request_timeout_s, settings.max_concurrent_requests_per_instance) == (90, 10)
    assert (settings.max_queue_wait_s, settings.queue_length) == (0.5, None)
    assert (spec.instance_type, spec.instance_count) == ("Standard_F4s_v2", 1)


@pytest.mark.parametrize(
    "model",
    [
        None,
        "",
        "azureml:m:1",
        "azureml://registries/r/models/m/versions/1",
        HERE.model("m"),
        "/subscriptions/x/models/m/versions/1",
    ],
)
def test_models_are_named_by_id(model: str | None) -> None:
    with pytest.raises(BadArgument) as refused:
        check_model_id(deployment(model=model), HERE)
    assert refused.value.target == "properties.model"
    assert check_model_id(deployment(model=HERE.model("M", "1").lower()), HERE) == HERE.model("m", "1")


@pytest.mark.parametrize(
    "image",
    [
        None,
        "",
        "mcr.microsoft.com/azureml/promptflow/promptflow-runtime:latest",
        "promptflow-runtime-stable:20240116.v1",
        "mcr.microsoft.com/azureml/promptflow/promptflow-python:latest",
    ],
)
def test_runtime_images_are_stood_in_for(image: str | None) -> None:
    check_image({"image": image, "python_requirements_txt": "requirements.txt"})
    check_image({})


@pytest.mark.parametrize("image", ["python:3.11", "evil/promptflow-runtime/other:1", "x promptflow-runtime", 7, ["a"]])
def test_another_image_is_refused_with_the_remedy(image: object) -> None:
    with pytest.raises(BadArgument, match=r"requirements\.txt") as refused:
        check_image({"image": image})
    assert refused.value.target == "environment.image"


def test_merge_patches_follow_the_standard() -> None:
    target = {"a": 1, "b": {"c": 2, "d": 3}, "e": [1]}
    assert merge_patch(target, {"a": None, "b": {"c": 4}, "e": [2], "f": {"g": None}}) == {
        "b": {"c": 4, "d": 3},
        "e": [2],
        "f": {},
    }
