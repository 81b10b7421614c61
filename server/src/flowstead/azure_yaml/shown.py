"""REST bodies → what `show` and `list` print: the YAML's own keys, as `az ml` prints them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flowstead.azure_yaml.durations import to_seconds

Body = Mapping[str, Any]
_AUTH_MODES = {"key": "key", "amltoken": "aml_token", "aadtoken": "aad_token"}


def shown_endpoint(body: Body) -> dict[str, Any]:
    """An online endpoint."""
    properties = body["properties"]
    mode = str(properties.get("authMode", ""))
    shown = {
        "name": body["name"],
        "provisioning_state": properties.get("provisioningState"),
        "scoring_uri": properties.get("scoringUri"),
        "openapi_uri": properties.get("swaggerUri"),
        "auth_mode": _AUTH_MODES.get(mode.lower(), mode),
        "traffic": properties.get("traffic") or {},
        "mirror_traffic": properties.get("mirrorTraffic") or {},
        "description": properties.get("description") or "",
        "tags": body.get("tags") or {},
        "properties": properties.get("properties") or {},
        "identity": _identity(body.get("identity") or {}),
        "public_network_access": str(properties.get("publicNetworkAccess", "Enabled")).lower(),
        "location": body.get("location"),
        "id": body["id"],
    }
    if properties.get("requestsPerSecond") is not None:
        shown["requests_per_second"] = properties["requestsPerSecond"]
    return _with_error(shown, properties)


def shown_deployment(body: Body) -> dict[str, Any]:
    """An online deployment."""
    properties = body["properties"]
    shown = {
        "name": body["name"],
        "endpoint_name": endpoint_of(body),
        "provisioning_state": properties.get("provisioningState"),
        "state": str(properties.get("state", "Running")).lower(),
        "instance_type": properties.get("instanceType"),
        "instance_count": (body.get("sku") or {}).get("capacity"),
        "model": properties.get("model"),
        "environment": properties.get("environmentId"),
        "environment_variables": properties.get("environmentVariables") or {},
        "description": properties.get("description") or "",
        "tags": body.get("tags") or {},
        "properties": properties.get("properties") or {},
        "app_insights_enabled": bool(properties.get("appInsightsEnabled")),
        "scale_settings": _scale(properties.get("scaleSettings") or {}),
        **_optional(properties),
        "type": "managed",
        "location": body.get("location"),
        "id": body["id"],
        "conditions": properties.get("conditions") or [],
    }
    return _with_error(shown, properties)


def _identity(identity: Body) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "type": snake_case(str(identity.get("type", "None"))),
        "principal_id": identity.get("principalId"),
        "tenant_id": identity.get("tenantId"),
    }
    users = identity.get("userAssignedIdentities") or {}
    if users:
        shown["user_assigned_identities"] = [
            {
                "resource_id": id,
                "principal_id": (each or {}).get("principalId"),
                "client_id": (each or {}).get("clientId"),
            }
            for id, each in users.items()
        ]
    return shown


def _optional(properties: Body) -> dict[str, Any]:
    """What a deployment may have, and is left out when it has not."""
    shown: dict[str, Any] = {}
    for key, name, read in (
        ("request_settings", "requestSettings", _requests),
        ("liveness_probe", "livenessProbe", _probe),
        ("readiness_probe", "readinessProbe", _probe),
    ):
        if properties.get(name):
            shown[key] = {setting: value for setting, value in read(properties[name]).items() if value is not None}
    if properties.get("modelMountPath"):
        shown["model_mount_path"] = properties["modelMountPath"]
    if properties.get("egressPublicNetworkAccess"):
        shown["egress_public_network_access"] = str(properties["egressPublicNetworkAccess"]).lower()
    for key, name in (("scaling", "scaling"), ("connections", "connections"), ("included_outputs", "includedOutputs")):
        if properties.get(name):
            shown[key] = properties[name]
    code = properties.get("codeConfiguration")
    if code:
        shown["code_configuration"] = {"code": code.get("codeId")}
        if code.get("scoringScript"):
            shown["code_configuration"]["scoring_script"] = code["scoringScript"]
    collector = properties.get("dataCollector")
    if collector:
        shown["data_collector"] = _collector(collector)
    return shown


def _collector(collector: Body) -> dict[str, Any]:
    collections = collector.get("collections") or {}
    shown: dict[str, Any] = {"collections": {}}
    for name, one in collections.items():
        enabled = str(one.get("dataCollectionMode", "")).lower() == "enabled"
        shown["collections"][name] = {"enabled": str(enabled).lower()}
        if one.get("clientId"):
            shown["collections"][name]["client_id"] = one["clientId"]
        if one.get("dataId"):
            shown["collections"][name]["data"] = f"azureml:{one['dataId']}"
    rates = [one["samplingRate"] for one in collections.values() if one.get("samplingRate") is not None]
    if rates:
        shown["sampling_rate"] = rates[0]
    if collector.get("rollingRate"):
        shown["rolling_rate"] = str(collector["rollingRate"]).lower()
    if collector.get("requestLogging"):
        shown["request_logging"] = {"capture_headers": collector["requestLogging"].get("captureHeaders") or []}
    return shown


def endpoint_of(deployment: Body) -> str:
    """The name of the deployment's endpoint, from its id."""
    return str(deployment["id"]).rpartition("/onlineEndpoints/")[2].partition("/")[0]


def _with_error(shown: dict[str, Any], properties: Body) -> dict[str, Any]:
    error = properties.get("provisioningError")
    return {**shown, "provisioning_error": error} if error else shown


def _requests(settings: Body) -> dict[str, Any]:
    return {
        "request_timeout_ms": _milliseconds(settings.get("requestTimeout")),
        "max_concurrent_requests_per_instance": settings.get("maxConcurrentRequestsPerInstance"),
        "max_queue_wait_ms": _milliseconds(settings.get("maxQueueWait")),
        "queue_length": settings.get("queueLength"),
        "requests_per_second": settings.get("requestsPerSecond"),
    }


def _scale(settings: Body) -> dict[str, Any]:
    if str(settings.get("scaleType", "Default")).lower() != "targetutilization":
        return {"type": "default"}
    shown = {
        "type": "target_utilization",
        "min_instances": settings.get("minInstances"),
        "max_instances": settings.get("maxInstances"),
        "polling_interval": _seconds(settings.get("pollingInterval")),
        "target_utilization_percentage": settings.get("targetUtilizationPercentage"),
        "idle_time": _seconds(settings.get("idleTime")),
    }
    return {key: value for key, value in shown.items() if value is not None}


def _seconds(written: str | None) -> int | None:
    return round(to_seconds(written)) if written else None


def _probe(settings: Body) -> dict[str, Any]:
    def in_seconds(name: str) -> int | None:
        written = settings.get(name)
        return round(to_seconds(written)) if written else None

    return {
        "initial_delay": in_seconds("initialDelay"),
        "period": in_seconds("period"),
        "timeout": in_seconds("timeout"),
        "success_threshold": settings.get("successThreshold"),
        "failure_threshold": settings.get("failureThreshold"),
    }


def _milliseconds(written: str | None) -> int | None:
    return round(to_seconds(written) * 1000) if written else None


def snake_case(name: str) -> str:
    """`AzureSqlDb` → `azure_sql_db`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
