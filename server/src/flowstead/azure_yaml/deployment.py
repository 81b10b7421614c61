"""Deployment YAML → the REST body of an online deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowstead.azure_yaml.collector import COLLECTOR, CollectedData, collected_data, collector_body
from flowstead.azure_yaml.document import Document
from flowstead.azure_yaml.durations import from_milliseconds, from_seconds
from flowstead.azure_yaml.endpoint import ON_OR_OFF, managed
from flowstead.azure_yaml.entry import Entry
from flowstead.azure_yaml.environment import environment_from
from flowstead.azure_yaml.fields import (
    IGNORED_AT_TOP,
    Choice,
    Number,
    Section,
    as_entry,
    filled_text,
    flag,
    text,
    texts,
    untouched,
)
from flowstead.azure_yaml.model import model_from
from flowstead.azure_yaml.paths import is_address, local_path
from flowstead.azure_yaml.recorded import recorded_only
from flowstead.azure_yaml.references import AssetId, EnvironmentReference, ModelReference, NamedAsset, asset
from flowstead.azure_yaml.schemas import check_schema
from flowstead.resources.deployment import RequestSettings
from flowstead.resources.names import LOCATION, MAX_INSTANCES_PER_DEPLOYMENT

_LONGEST_TIMEOUT_MS = 300_000
"""Azure's bound for flow deployments."""
SHOWN_OF_DEPLOYMENTS = (
    *("resourceGroup", "conditions", "provisioning_error", "creation_context"),
    *("connections", "included_outputs", "state", "scaling"),
)
"""What `show` prints of deployments beside that."""
_PROBE = Section(
    {
        "initial_delay": Number(0),
        "period": Number(1),
        "timeout": Number(1),
        "success_threshold": Number(1),
        "failure_threshold": Number(1),
    },
    ignored=("path", "port", "scheme", "method"),
)
_REQUESTS = Section(
    {
        "request_timeout_ms": Number(1, _LONGEST_TIMEOUT_MS),
        "max_concurrent_requests_per_instance": Number(1),
        "max_queue_wait_ms": Number(0),
        # Ours:
        "queue_length": Number(0),
        "requests_per_second": Number(0),
    }
)


_SCALE = Section(
    {
        "type": Choice({"default": "Default", "target_utilization": "TargetUtilization"}),
        "min_instances": Number(0, MAX_INSTANCES_PER_DEPLOYMENT),
        "max_instances": Number(1, MAX_INSTANCES_PER_DEPLOYMENT),
        "polling_interval": Number(1),
        "target_utilization_percentage": Number(1, 100),
        "idle_time": Number(5),
    }
)
_DEPLOYMENT = Section(
    {
        "name": filled_text,
        "endpoint_name": filled_text,
        "type": managed,
        "description": text,
        "tags": texts,
        "properties": texts,
        "model": untouched,
        "model_mount_path": text,
        "environment": untouched,
        "environment_variables": texts,
        "instance_type": filled_text,
        "instance_count": Number(1, MAX_INSTANCES_PER_DEPLOYMENT),
        "app_insights_enabled": flag,
        "egress_public_network_access": ON_OR_OFF,
        "scale_settings": _SCALE,
        "request_settings": _REQUESTS,
        "liveness_probe": _PROBE,
        "readiness_probe": _PROBE,
        "data_collector": COLLECTOR,
        "code_configuration": Section({"code": as_entry, "scoring_script": as_entry}, required=("code",)),
    },
    ignored=(*IGNORED_AT_TOP, *SHOWN_OF_DEPLOYMENTS),
)
_REQUEST_KEYS = {
    "request_timeout_ms": ("requestTimeout", from_milliseconds),
    "max_concurrent_requests_per_instance": ("maxConcurrentRequestsPerInstance", int),
    "max_queue_wait_ms": ("maxQueueWait", from_milliseconds),
    "queue_length": ("queueLength", int),
    "requests_per_second": ("requestsPerSecond", int),
}
_DEFAULT = RequestSettings()
_OUR_LIMITS = {"queueLength": _DEFAULT.queue_length, "requestsPerSecond": _DEFAULT.requests_per_second}
"""Sent in any case: a file says all, and what a PUT leaves out of these stays as it is."""
_SCALE_KEYS = {
    "min_instances": ("minInstances", int),
    "max_instances": ("maxInstances", int),
    "polling_interval": ("pollingInterval", from_seconds),
    "target_utilization_percentage": ("targetUtilizationPercentage", int),
    "idle_time": ("idleTime", from_seconds),
}
_PROBE_KEYS = {
    "initial_delay": ("initialDelay", from_seconds),
    "period": ("period", from_seconds),
    "timeout": ("timeout", from_seconds),
    "success_threshold": ("successThreshold", int),
    "failure_threshold": ("failureThreshold", int),
}


@dataclass(frozen=True)
class DeploymentDocument:
    """name, endpoint_name: "" when neither file nor option gives one. body: of the PUT, where `properties.model` and
    `properties.environmentId` are still to be filled from `model` and `environment`, `codeConfiguration.codeId` from
    `code`, and `dataId` of each collection from `collected`, whose names hold for this endpoint and deployment. notes:
    what it says that nothing follows from."""

    name: str
    endpoint_name: str
    body: dict[str, Any]
    model: ModelReference | None
    environment: EnvironmentReference | None
    code: Path | AssetId | None = None
    scoring_script: str = ""
    collected: Mapping[str, CollectedData | NamedAsset | AssetId] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_deployment(document: Document) -> DeploymentDocument:
    """Raises BadArgument naming file, line and key."""
    check_schema(document, "online-deployment")
    read = _DEPLOYMENT(document.top)
    properties: dict[str, Any] = {
        "endpointComputeType": "Managed",
        "description": read.get("description", ""),
        "properties": read.get("properties", {}),
        "environmentVariables": read.get("environment_variables", {}),
        "appInsightsEnabled": read.get("app_insights_enabled", False),
        "scaleSettings": _scale(read.get("scale_settings", {})),
    }
    for key, name in (
        ("instance_type", "instanceType"),
        ("model_mount_path", "modelMountPath"),
        ("egress_public_network_access", "egressPublicNetworkAccess"),
    ):
        if key in read:
            properties[name] = read[key]
    if "request_settings" in read:
        properties["requestSettings"] = {**_OUR_LIMITS, **_renamed(read["request_settings"], _REQUEST_KEYS)}
    for key, name in (("liveness_probe", "livenessProbe"), ("readiness_probe", "readinessProbe")):
        if key in read:
            properties[name] = _renamed(read[key], _PROBE_KEYS)
    collector = read.get("data_collector", {})
    if "data_collector" in read:
        properties["dataCollector"] = collector_body(collector)
    body = {
        "location": LOCATION,
        "properties": properties,
        "sku": {"name": "Default", "capacity": read.get("instance_count", 1)},
        "tags": read.get("tags", {}),
    }
    name, endpoint = read.get("name", ""), read.get("endpoint_name", "")
    code: dict[str, Entry] = read.get("code_configuration", {})
    return DeploymentDocument(
        name=name,
        endpoint_name=endpoint,
        body=body,
        model=_model(read.get("model"), document.directory),
        environment=_environment(read.get("environment"), document.directory),
        code=_code(code["code"], document.directory) if code else None,
        scoring_script=code["scoring_script"].text if "scoring_script" in code else "",
        collected=collected_data(collector, endpoint, name),
        notes=recorded_only(document),
    )


def _model(entry: Entry | None, directory: Path) -> ModelReference | None:
    if entry is None:
        return None
    return model_from(entry, directory) if isinstance(entry.value, Mapping) else asset(entry)


def _environment(entry: Entry | None, directory: Path) -> EnvironmentReference | None:
    if entry is None:
        return None
    return environment_from(entry, directory) if isinstance(entry.value, Mapping) else asset(entry, registries=True)


def _code(code: Entry, directory: Path) -> Path | AssetId:
    if not is_address(code.text) and not code.text.startswith("/subscriptions/"):
        return local_path(code, directory)
    found = asset(code)
    if isinstance(found, AssetId):
        return found
    raise code.wrong("a code asset has no name.", hint="Name a local folder, or the full id of a code asset.")


def _scale(read: Mapping[str, Any]) -> dict[str, Any]:
    kind = read.get("type", "Default")
    return {"scaleType": kind} | ({} if kind == "Default" else _renamed(read, _SCALE_KEYS))


def _renamed(read: Mapping[str, Any], keys: Mapping[str, tuple[str, Any]]) -> dict[str, Any]:
    return {keys[key][0]: keys[key][1](value) for key, value in read.items() if key in keys}
