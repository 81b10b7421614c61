"""Deployments on the wire and in the store."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from flowstead.api.arm import envelope, shown_state
from flowstead.api.bodies import Body, Seconds, Settings, TextMap
from flowstead.api.collector_bodies import DataCollectorBody, show_collector
from flowstead.api.durations import to_duration
from flowstead.api.flow_choices import shown_outputs
from flowstead.api.secret_values import MASK, Variables
from flowstead.resources.connection_use import ConnectionUse
from flowstead.resources.deployment import (
    FLOW_MAX_TIMEOUT_S,
    Condition,
    DeploymentSpec,
    ProbeSettings,
    RequestSettings,
    decided_of,
    wanted_instances,
)
from flowstead.resources.endpoint import HIGHEST_RATE, ProvisioningState
from flowstead.resources.environment import RUNTIME_ALONE, BaseEnvironment
from flowstead.resources.names import LOCATION, MAX_INSTANCES_PER_DEPLOYMENT
from flowstead.resources.scaling import SHORTEST_IDLE_S, Scaled, TargetUtilization
from flowstead.store.records import DeploymentRecord

_DEFAULT_REQUEST, _DEFAULT_PROBE, _DEFAULT_SCALE = RequestSettings(), ProbeSettings(), TargetUtilization()
_OURS = {
    "provisioningState",
    "state",
    "connections",
    "includedOutputs",
    "provisioningError",
    "conditions",
    "endpointComputeType",
    "scaling",
}
"""What GET adds; a body that brings it back does not set it."""

Timeout = Annotated[Seconds, Field(gt=0, le=FLOW_MAX_TIMEOUT_S)]
QueueWait = Annotated[Seconds, Field(ge=0, le=FLOW_MAX_TIMEOUT_S)]
Delay = Annotated[Seconds, Field(ge=0, le=3600)]
Period = Annotated[Seconds, Field(ge=1, le=3600)]
Concurrency = Annotated[int, Field(ge=1, le=1000)]
Threshold = Annotated[int, Field(ge=1, le=1000)]


class RequestSettingsBody(Settings):
    request_timeout: Timeout = _DEFAULT_REQUEST.request_timeout_s
    max_concurrent_requests_per_instance: Concurrency = _DEFAULT_REQUEST.max_concurrent_requests_per_instance
    max_queue_wait: QueueWait = _DEFAULT_REQUEST.max_queue_wait_s
    queue_length: Annotated[int, Field(ge=0, le=1000)] | None = _DEFAULT_REQUEST.queue_length
    requests_per_second: Annotated[int, Field(ge=0, le=HIGHEST_RATE)] = _DEFAULT_REQUEST.requests_per_second

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, value: Any) -> Any:
        """But for the queue's, which null says as well as a number."""
        if not isinstance(value, dict):
            return value
        return {name: each for name, each in value.items() if each is not None or name == "queueLength"}

    def to_settings(self, before: RequestSettings | None = None) -> RequestSettings:
        """before: what is there. What is ours of it stays unless it is said: Azure's SDK does not know it, and would
        take it away."""
        settings = RequestSettings(
            request_timeout_s=self.request_timeout,
            max_concurrent_requests_per_instance=self.max_concurrent_requests_per_instance,
            max_queue_wait_s=self.max_queue_wait,
            queue_length=self.queue_length,
            requests_per_second=self.requests_per_second,
        )
        unsaid = {"queue_length", "requests_per_second"} - self.model_fields_set
        return settings if before is None else replace(settings, **{name: getattr(before, name) for name in unsaid})


class ProbeBody(Settings):
    initial_delay: Delay = _DEFAULT_PROBE.initial_delay_s
    period: Period = _DEFAULT_PROBE.period_s
    timeout: Period = _DEFAULT_PROBE.timeout_s
    success_threshold: Threshold = _DEFAULT_PROBE.success_threshold
    failure_threshold: Threshold = _DEFAULT_PROBE.failure_threshold

    def to_settings(self) -> ProbeSettings:
        return ProbeSettings(
            self.initial_delay, self.period, self.timeout, self.success_threshold, self.failure_threshold
        )


class SkuBody(Settings):
    name: str = "Default"
    capacity: Annotated[int, Field(ge=1, le=MAX_INSTANCES_PER_DEPLOYMENT)] = 1


class ScaleBody(Settings):
    """With the type Default nothing but the type counts. idleTime is ours."""

    scale_type: Annotated[str, Field(max_length=64)] | None = None
    min_instances: Annotated[int, Field(ge=0, le=MAX_INSTANCES_PER_DEPLOYMENT)] = _DEFAULT_SCALE.min_instances
    max_instances: Annotated[int, Field(ge=1, le=MAX_INSTANCES_PER_DEPLOYMENT)] = _DEFAULT_SCALE.max_instances
    polling_interval: Annotated[Seconds, Field(ge=1, le=3600)] = _DEFAULT_SCALE.polling_interval_s
    target_utilization_percentage: Annotated[int, Field(ge=1, le=100)] = _DEFAULT_SCALE.target_percent
    idle_time: Annotated[Seconds, Field(ge=SHORTEST_IDLE_S, le=86400)] = _DEFAULT_SCALE.idle_s

    def to_scale(self) -> TargetUtilization | None:
        if (self.scale_type or "").lower() != "targetutilization":
            return None
        return TargetUtilization(
            min_instances=self.min_instances,
            max_instances=self.max_instances,
            polling_interval_s=self.polling_interval,
            target_percent=self.target_utilization_percentage,
            idle_s=self.idle_time,
        )


class CodeBody(Body):
    """Kept, and not run."""

    code_id: Annotated[str, Field(max_length=1024)] | None = None
    scoring_script: Annotated[str, Field(max_length=1024)] | None = None


class DeploymentProperties(Body):
    """Fields that no phase reads yet are kept and shown again."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="allow", hide_input_in_errors=True)

    model: str | None = None
    environment_id: str | None = None
    environment_variables: TextMap = Field(default_factory=dict)
    instance_type: Annotated[str, Field(max_length=64)] | None = None
    code_configuration: CodeBody | None = None
    scale_settings: ScaleBody | None = None
    request_settings: RequestSettingsBody | None = None
    liveness_probe: ProbeBody | None = None
    readiness_probe: ProbeBody | None = None
    description: str | None = None
    app_insights_enabled: bool | None = None
    data_collector: DataCollectorBody | None = None
    endpoint_compute_type: str = "Managed"
    properties: TextMap = Field(default_factory=dict)


class DeploymentBody(Body):
    location: str | None = None
    tags: TextMap = Field(default_factory=dict)
    sku: SkuBody | None = None
    properties: DeploymentProperties


class LogsBody(Body):
    """containerType: InferenceServer (as when it is absent) or StorageInitializer. tail: lines. instanceId: of which
    instance alone, whether it still runs or not; ours."""

    container_type: str | None = None
    instance_id: Annotated[str, Field(max_length=64)] | None = None
    tail: Annotated[int, Field(ge=1, le=5000)] | None = None


def to_spec(
    body: DeploymentBody,
    *,
    model_id: str,
    environment_id: str | None,
    variables: Variables,
    base: BaseEnvironment = RUNTIME_ALONE,
    connections: tuple[ConnectionUse, ...] = (),
) -> DeploymentSpec:
    """What the user wants. model_id, environment_id, base: as they were checked; connections: that it uses."""
    given = body.properties
    extra = {name: value for name, value in (given.model_extra or {}).items() if name not in _OURS}
    if given.code_configuration is not None:
        extra["codeConfiguration"] = given.code_configuration.model_dump(by_alias=True, exclude_none=True)
    return DeploymentSpec(
        model=model_id,
        instance_count=(body.sku or SkuBody()).capacity,
        instance_type=given.instance_type or DeploymentSpec.instance_type,
        environment_id=environment_id,
        base=base,
        environment_variables=variables.plain,
        secret_variables=variables.secret_names,
        connections=connections,
        request_settings=(given.request_settings or RequestSettingsBody()).to_settings(),
        liveness_probe=(given.liveness_probe or ProbeBody()).to_settings(),
        readiness_probe=(given.readiness_probe or ProbeBody()).to_settings(),
        description=given.description or "",
        app_insights_enabled=bool(given.app_insights_enabled),
        data_collector=given.data_collector.to_collector() if given.data_collector else None,
        properties=given.properties,
        tags=body.tags,
        location=body.location or LOCATION,
        extra=extra,
        scale=given.scale_settings.to_scale() if given.scale_settings else None,
    )


def show(record: DeploymentRecord) -> dict[str, Any]:
    """The deployment as GET shows it, secrets as masks."""
    spec, status = record.spec, record.status
    properties: dict[str, Any] = {
        **spec.extra,
        **show_restored(spec),
        "description": spec.description,
        "appInsightsEnabled": spec.app_insights_enabled,
        "properties": dict(spec.properties),
        "endpointComputeType": "Managed",
        "scaleSettings": _scale_settings(spec),
        "includedOutputs": shown_outputs(spec.environment_variables),
        "provisioningState": shown_progress(record),
        "state": shown_power(spec),
        "conditions": [_condition(condition) for condition in status.conditions],
    }
    scaled = decided_of(spec, status)
    if scaled is not None:
        properties["scaling"] = _scaling(scaled)
    if status.error is not None:
        properties["provisioningError"] = dict(status.error)
    return envelope(
        record,
        "workspaces/onlineEndpoints/deployments",
        properties,
        location=spec.location,
        tags=dict(spec.tags),
        sku={"name": "Default", "capacity": wanted_instances(replace(spec, stopped=False), status)},
    )


def show_restored(spec: DeploymentSpec) -> dict[str, Any]:
    """What a revision is made of, as GET shows it, secrets as masks."""
    settings = spec.request_settings
    shown: dict[str, Any] = {
        "model": spec.model,
        "environmentId": spec.environment_id,
        "environmentVariables": {**spec.environment_variables, **dict.fromkeys(spec.secret_variables, MASK)},
        "instanceType": spec.instance_type,
        "requestSettings": {
            "requestTimeout": to_duration(settings.request_timeout_s),
            "maxConcurrentRequestsPerInstance": settings.max_concurrent_requests_per_instance,
            "maxQueueWait": to_duration(settings.max_queue_wait_s),
            "queueLength": settings.queue_length,
            "requestsPerSecond": settings.requests_per_second,
        },
        "livenessProbe": _probe(spec.liveness_probe),
        "readinessProbe": _probe(spec.readiness_probe),
        "connections": [_connection(use) for use in spec.connections],
    }
    if spec.data_collector is not None:
        shown["dataCollector"] = show_collector(spec.data_collector)
    return shown


def shown_progress(record: DeploymentRecord) -> str:
    """provisioningState, which is Scaling while the number of instances is being changed without an operation."""
    shown, scaled = shown_state(record), record.status.scaled
    under_way = scaled is not None and scaled.under_way and not record.spec.stopped
    return ProvisioningState.SCALING.value if shown == ProvisioningState.SUCCEEDED.value and under_way else shown


def shown_power(spec: DeploymentSpec) -> str:
    """What is asked of it, beside Azure's provisioningState, which is Succeeded in both cases."""
    return "Stopped" if spec.stopped else "Running"


def _probe(settings: ProbeSettings) -> dict[str, Any]:
    return {
        "initialDelay": to_duration(settings.initial_delay_s),
        "period": to_duration(settings.period_s),
        "timeout": to_duration(settings.timeout_s),
        "successThreshold": settings.success_threshold,
        "failureThreshold": settings.failure_threshold,
    }


def _scale_settings(spec: DeploymentSpec) -> dict[str, Any]:
    if spec.scale is None:
        return {"scaleType": "Default"}  # the SDK fails on a null here
    shown: dict[str, Any] = {
        "scaleType": "TargetUtilization",
        "minInstances": spec.scale.min_instances,
        "maxInstances": spec.scale.max_instances,
        "pollingInterval": to_duration(spec.scale.polling_interval_s),
        "targetUtilizationPercentage": spec.scale.target_percent,
    }
    return shown | ({"idleTime": to_duration(spec.scale.idle_s)} if spec.idle_s is not None else {})


def _scaling(scaled: Scaled) -> dict[str, Any]:
    """What was made of the settings: why there are as many instances, and why not more."""
    shown = {
        "autoscaleSetting": scaled.setting,
        "reason": scaled.reason,
        "since": scaled.at,
        "refused": scaled.refused,
    }
    return {name: value for name, value in shown.items() if value}


def _connection(use: ConnectionUse) -> dict[str, Any]:
    return {"name": use.name or None, "connection": use.connection, "usedBy": list(use.by), "required": use.required}


def _condition(condition: Condition) -> dict[str, Any]:
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": condition.at,
    }
