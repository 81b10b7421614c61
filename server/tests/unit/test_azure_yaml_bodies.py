"""Azure ML YAML becomes the bodies that the API takes; what the API shows becomes the YAML's keys again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowstead.azure_yaml import (
    AssetId,
    CollectedData,
    InlineEnvironment,
    InlineModel,
    NamedAsset,
    read_deployment,
    read_document,
    read_endpoint,
    shown_deployment,
    shown_endpoint,
    shown_model,
)
from flowstead.azure_yaml.durations import from_milliseconds, from_seconds, to_seconds
from flowstead.errors import BadArgument
from flowstead.resources.names import Workspace

WORKSPACE = Workspace()


def deployment(folder: Path, text: str) -> Any:
    file = folder / "deployment.yaml"
    file.write_text(text)
    return read_deployment(read_document(file))


def test_an_endpoint_that_says_little_gets_azures_defaults(tmp_path: Path) -> None:
    (tmp_path / "e.yaml").write_text("$schema: https://x/y.json\nname: my-endpoint\n")
    endpoint = read_endpoint(read_document(tmp_path / "e.yaml"))
    assert endpoint.name == "my-endpoint"
    assert endpoint.body == {
        "location": "local",
        "properties": {"description": "", "authMode": "Key", "properties": {}},
        "identity": {"type": "SystemAssigned"},
        "tags": {},
    }


def test_every_key_of_an_endpoint_finds_its_place(tmp_path: Path) -> None:
    identity = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i"
    (tmp_path / "e.yaml").write_text(
        "name: my-endpoint\ndescription: words\nauth_mode: aml_token\npublic_network_access: Disabled\n"
        "traffic: {blue: 90, green: 10}\nmirror_traffic: {red: 10}\ntags: {team: search}\n"
        "properties: {enforce_access_to_default_secret_stores: enabled}\n"
        f"identity:\n  type: user_assigned\n  user_assigned_identities:\n  - resource_id: {identity}\n"
    )
    assert read_endpoint(read_document(tmp_path / "e.yaml")).body == {
        "location": "local",
        "properties": {
            "description": "words",
            "authMode": "AMLToken",
            "properties": {"enforce_access_to_default_secret_stores": "enabled"},
            "traffic": {"blue": 90, "green": 10},
            "mirrorTraffic": {"red": 10},
            "publicNetworkAccess": "Disabled",
        },
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}},
        "tags": {"team": "search"},
    }


def test_every_key_of_a_deployment_finds_its_place(tmp_path: Path) -> None:
    (tmp_path / "flow").mkdir()
    found = deployment(
        tmp_path,
        """\
name: blue
endpoint_name: my-endpoint
description: words
model:
  path: flow
  properties:
    azureml.promptflow.mode: chat
environment:
  image: registry/promptflow-runtime:latest
  inference_config:
    liveness_route: {path: /health, port: 8080}
    readiness_route: {path: /health, port: 8080}
    scoring_route: {path: /score, port: 8080}
environment_variables:
  COUNT: 3
  FLAG: false
  EMPTY:
instance_type: Standard_E16s_v3
instance_count: 2
app_insights_enabled: true
egress_public_network_access: disabled
scale_settings: {type: default}
request_settings:
  request_timeout_ms: 90000
  max_concurrent_requests_per_instance: 4
  max_queue_wait_ms: 500
liveness_probe: {initial_delay: 30, period: 10, timeout: 5, failure_threshold: 30, success_threshold: 1}
readiness_probe: {initial_delay: 120}
data_collector:
  sampling_rate: 0.5
  rolling_rate: hour
  collections:
    model_inputs: {enabled: 'True', data: {version: 2}}
    model_outputs: {enabled: false}
tags: {a: b}
""",
    )
    assert (found.name, found.endpoint_name) == ("blue", "my-endpoint")
    assert isinstance(found.model, InlineModel)
    assert found.model.path == tmp_path / "flow"
    assert found.model.properties["properties"] == {"azureml.promptflow.mode": "chat"}
    assert isinstance(found.environment, InlineEnvironment)
    assert found.environment.properties["inferenceConfig"]["scoringRoute"] == {"path": "/score", "port": 8080}
    place = "azureml://datastores/workspaceblobstore/paths/modelDataCollector/my-endpoint/blue/model_inputs"
    assert found.collected == {"model_inputs": CollectedData("my-endpoint-blue-model_inputs", "2", place)}
    assert found.body == {
        "location": "local",
        "properties": {
            "endpointComputeType": "Managed",
            "description": "words",
            "properties": {},
            "environmentVariables": {"COUNT": "3", "FLAG": "false", "EMPTY": ""},
            "appInsightsEnabled": True,
            "scaleSettings": {"scaleType": "Default"},
            "instanceType": "Standard_E16s_v3",
            "egressPublicNetworkAccess": "Disabled",
            "requestSettings": {
                "requestTimeout": "PT1M30S",
                "maxConcurrentRequestsPerInstance": 4,
                "maxQueueWait": "PT0.5S",
                "queueLength": None,
                "requestsPerSecond": 0,
            },
            "livenessProbe": {
                "initialDelay": "PT30S",
                "period": "PT10S",
                "timeout": "PT5S",
                "successThreshold": 1,
                "failureThreshold": 30,
            },
            "readinessProbe": {"initialDelay": "PT2M"},
            "dataCollector": {
                "collections": {
                    "model_inputs": {"dataCollectionMode": "enabled", "samplingRate": 0.5},
                    "model_outputs": {"dataCollectionMode": "disabled", "samplingRate": 0.5},
                },
                "rollingRate": "Hour",
            },
        },
        "sku": {"name": "Default", "capacity": 2},
        "tags": {"a": "b"},
    }


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("azureml:my-flow:3", NamedAsset("my-flow", "3")),
        ("my-flow:1.2", NamedAsset("my-flow", "1.2")),
        ("azureml:my-flow@latest", NamedAsset("my-flow", None)),
        (f"azureml:{WORKSPACE.model('m', '1')}", AssetId(WORKSPACE.model("m", "1"))),
        (WORKSPACE.model("m", "1"), AssetId(WORKSPACE.model("m", "1"))),
    ],
)
def test_assets_are_named_in_the_ways_of_az_ml(tmp_path: Path, written: str, wanted: object) -> None:
    found = deployment(tmp_path, f"model: {written}\nenvironment: {written}\n")
    assert found.model == wanted
    assert found.environment == wanted


def test_of_registries_the_prompt_flow_runtime_is_taken_as_environment_alone(tmp_path: Path) -> None:
    runtime = "azureml://registries/azureml/environments/promptflow-runtime/versions/5"
    assert deployment(tmp_path, f"environment: {runtime}\n").environment == AssetId(runtime)
    for wrong in (f"model: {runtime}\n", "environment: azureml://registries/azureml/environments/sklearn/versions/1\n"):
        with pytest.raises(BadArgument, match="is in a registry, and there are none here"):
            deployment(tmp_path, wrong)


@pytest.mark.parametrize(
    ("milliseconds", "duration"),
    [(0, "PT0S"), (500, "PT0.5S"), (5000, "PT5S"), (90_000, "PT1M30S"), (300_000, "PT5M"), (3_600_001, "PT1H0.001S")],
)
def test_durations_go_both_ways(milliseconds: int, duration: str) -> None:
    assert from_milliseconds(milliseconds) == duration
    assert to_seconds(duration) == pytest.approx(milliseconds / 1000)


def test_seconds_and_foreign_durations() -> None:
    assert from_seconds(120) == "PT2M"
    assert to_seconds("P1DT1H") == 90_000
    for wrong in ("", "PT", "5S", "P1M"):
        with pytest.raises(ValueError, match="not an ISO 8601 duration"):
            to_seconds(wrong)


def test_a_deployment_is_shown_with_the_keys_of_its_yaml(tmp_path: Path) -> None:
    text = "request_settings: {request_timeout_ms: 90000}\nreadiness_probe: {period: 7}\ninstance_count: 3\n"
    body = deployment(tmp_path, text).body
    body |= {"id": WORKSPACE.deployment("my-endpoint", "blue"), "name": "blue"}
    body["properties"]["provisioningState"] = "Failed"
    body["properties"]["provisioningError"] = {"code": "ImageBuildFailure", "message": "no"}
    shown = shown_deployment(body)
    assert shown["endpoint_name"] == "my-endpoint"
    assert shown["request_settings"]["request_timeout_ms"] == 90_000
    assert shown["readiness_probe"]["period"] == 7
    assert shown["instance_count"] == 3
    assert shown["provisioning_state"] == "Failed"
    assert shown["provisioning_error"]["code"] == "ImageBuildFailure"


def test_endpoints_and_models_are_shown_with_the_keys_of_their_yaml() -> None:
    endpoint = {
        "id": WORKSPACE.endpoint("my-endpoint"),
        "name": "my-endpoint",
        "location": "local",
        "identity": {"type": "SystemAssigned", "principalId": "p", "tenantId": "t"},
        "properties": {"authMode": "AMLToken", "scoringUri": "http://h/score", "provisioningState": "Succeeded"},
    }
    shown = shown_endpoint(endpoint)
    assert (shown["auth_mode"], shown["scoring_uri"]) == ("aml_token", "http://h/score")
    assert shown["identity"] == {"type": "system_assigned", "principal_id": "p", "tenant_id": "t"}
    assert "provisioning_error" not in shown
    version = {"id": WORKSPACE.model("m", "2"), "name": "2", "properties": {"modelUri": "azureml://x"}}
    assert shown_model(version)["name"] == "m"
    assert shown_model(version)["version"] == "2"
    container = {"id": WORKSPACE.model("m"), "name": "m", "properties": {"latestVersion": "2"}}
    assert shown_model(container)["latest_version"] == "2"
