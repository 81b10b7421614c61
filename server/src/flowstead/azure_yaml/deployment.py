"""Deployment YAML → the REST body of an online deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowstead.azure_yaml.document import Document, Entry
from flowstead.azure_yaml.durations import from_milliseconds, from_seconds
from flowstead.azure_yaml.endpoint import ON_OR_OFF
from flowstead.azure_yaml.fields import (
    IGNORED_AT_TOP,
    Choice,
    Each,
    NotHere,
    Number,
    Section,
    anything,
    as_entry,
    filled_text,
    flag,
    text,
    texts,
)
from flowstead.azure_yaml.model import model_from
from flowstead.azure_yaml.references import EnvironmentReference, ModelReference, asset, environment
from flowstead.resources.names import LOCATION, MAX_INSTANCES_PER_DEPLOYMENT

_LONGEST_TIMEOUT_MS = 300_000
"""Azure's bound for flow deployments."""
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
    }
)
_COLLECTOR = Section(
    {
        "collections": anything,
        "sampling_rate": anything,
        "rolling_rate": Choice({word: word.capitalize() for word in ("minute", "hour", "day", "month", "year")}),
        "request_logging": Section({"capture_headers": Each(text)}),
    }
)


def _entry(entry: Entry) -> Entry:
    return entry


_DEPLOYMENT = Section(
    {
        "name": filled_text,
        "endpoint_name": filled_text,
        "description": text,
        "tags": texts,
        "properties": texts,
        "model": _entry,
        "model_mount_path": text,
        "environment": environment,
        "environment_variables": texts,
        "instance_type": filled_text,
        "instance_count": Number(1, MAX_INSTANCES_PER_DEPLOYMENT),
        "app_insights_enabled": flag,
        "egress_public_network_access": ON_OR_OFF,
        "scale_settings": Section({"type": as_entry}),
        "request_settings": _REQUESTS,
        "liveness_probe": _PROBE,
        "readiness_probe": _PROBE,
        "data_collector": _COLLECTOR,
        "code_configuration": NotHere(
            "a scoring script is not run here: a prompt flow deployment has none.",
            "Remove the key, and name the flow's folder under model.path.",
        ),
    },
    ignored=(*IGNORED_AT_TOP, "type", "resourceGroup"),
)
_REQUEST_KEYS = {
    "request_timeout_ms": ("requestTimeout", from_milliseconds),
    "max_concurrent_requests_per_instance": ("maxConcurrentRequestsPerInstance", int),
    "max_queue_wait_ms": ("maxQueueWait", from_milliseconds),
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
    `properties.environmentId` are still to be filled from `model` and `environment`."""

    name: str
    endpoint_name: str
    body: dict[str, Any]
    model: ModelReference | None
    environment: EnvironmentReference | None


def read_deployment(document: Document) -> DeploymentDocument:
    """Raises BadArgument naming file, line and key."""
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
        properties["requestSettings"] = _renamed(read["request_settings"], _REQUEST_KEYS)
    for key, name in (("liveness_probe", "livenessProbe"), ("readiness_probe", "readinessProbe")):
        if key in read:
            properties[name] = _renamed(read[key], _PROBE_KEYS)
    if "data_collector" in read:
        properties["dataCollector"] = _collector(read["data_collector"])
    body = {
        "location": LOCATION,
        "properties": properties,
        "sku": {"name": "Default", "capacity": read.get("instance_count", 1)},
        "tags": read.get("tags", {}),
    }
    model = _model(read["model"], document) if "model" in read else None
    return DeploymentDocument(read.get("name", ""), read.get("endpoint_name", ""), body, model, read.get("environment"))


def _model(entry: Entry, document: Document) -> ModelReference:
    return model_from(entry, document.directory) if isinstance(entry.value, Mapping) else asset(entry)


def _scale(read: Mapping[str, Any]) -> dict[str, str]:
    kind: Entry | None = read.get("type")
    if kind is not None and kind.text.lower() != "default":
        raise kind.wrong("the number of instances is set by hand.", hint="Write `type: default`, and instance_count.")
    return {"scaleType": "Default"}


def _renamed(read: Mapping[str, Any], keys: Mapping[str, tuple[str, Any]]) -> dict[str, Any]:
    return {keys[key][0]: keys[key][1](value) for key, value in read.items()}


def _collector(read: Mapping[str, Any]) -> dict[str, Any]:
    collections = read.get("collections") or {}
    body: dict[str, Any] = {"collections": {name: _collection(one) for name, one in collections.items()}}
    if "sampling_rate" in read:
        body["samplingRate"] = read["sampling_rate"]
    if "rolling_rate" in read:
        body["rollingRate"] = read["rolling_rate"]
    if "request_logging" in read:
        body["requestLogging"] = {"captureHeaders": read["request_logging"].get("capture_headers", [])}
    return body


def _collection(one: Any) -> dict[str, str]:
    # `enabled` is a string in Azure's schema, and often a truth value in users' files.
    enabled = isinstance(one, Mapping) and str(one.get("enabled", False)).lower() == "true"
    return {"dataCollectionMode": "enabled" if enabled else "disabled"}
