"""Autoscale settings on the wire, as Azure Monitor's clients write and read them (api-version 2022-10-01)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from flowstead.api.arm import envelope
from flowstead.api.bodies import Body, Seconds, TextMap
from flowstead.api.durations import to_duration
from flowstead.resources.autoscale import (
    AUTOSCALE,
    MAX_PROFILES,
    MAX_RULES,
    Aggregation,
    ChangeBy,
    Direction,
    FixedDate,
    MetricTrigger,
    Operator,
    Profile,
    Recurrence,
    ScaleRule,
    Statistic,
)
from flowstead.resources.names import MAX_INSTANCES_PER_DEPLOYMENT
from flowstead.store.records import AutoscaleSettingRecord

_NUMBER = WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,4}$"})
"""Azure writes numbers of instances as texts; numbers are taken too."""
Instances = Annotated[int, Field(ge=1, le=MAX_INSTANCES_PER_DEPLOYMENT), _NUMBER]
Text = Annotated[str, Field(max_length=1024)]


class CapacityBody(Body):
    minimum: Instances
    maximum: Instances
    default: Instances


class TriggerBody(Body):
    """metricResourceUri: the deployment, or its endpoint. dimensions: there are none here."""

    metric_name: Text
    metric_namespace: Text | None = None
    metric_resource_uri: Text
    metric_resource_location: Text | None = None
    time_grain: Seconds
    statistic: Statistic
    time_window: Seconds
    time_aggregation: Aggregation = Aggregation.AVERAGE
    operator: Operator
    threshold: float
    dimensions: list[dict[str, Any]] | None = None
    divide_per_instance: bool | None = None


class ActionBody(Body):
    direction: Direction
    type: Annotated[str, Field(max_length=64)]
    value: Annotated[int, Field(ge=1, le=1000), _NUMBER] = 1
    cooldown: Seconds


class RuleBody(Body):
    metric_trigger: TriggerBody
    scale_action: ActionBody


class FixedDateBody(Body):
    time_zone: Text | None = None
    start: Annotated[str, Field(max_length=64)]
    end: Annotated[str, Field(max_length=64)]


class ScheduleBody(Body):
    time_zone: Text
    days: Annotated[list[str], Field(min_length=1, max_length=7)]
    hours: Annotated[list[Annotated[int, Field(ge=0, le=23)]], Field(max_length=24)] | None = None
    minutes: Annotated[list[Annotated[int, Field(ge=0, le=59)]], Field(max_length=60)] | None = None


class RecurrenceBody(Body):
    frequency: Annotated[str, Field(max_length=16)]
    schedule: ScheduleBody


class ProfileBody(Body):
    name: Annotated[str, Field(min_length=1, max_length=512)]
    capacity: CapacityBody
    rules: Annotated[list[RuleBody], Field(max_length=MAX_RULES)] | None = None
    fixed_date: FixedDateBody | None = None
    recurrence: RecurrenceBody | None = None


class PredictiveBody(Body):
    scale_mode: Annotated[str, Field(max_length=32)]


class EmailBody(Body):
    send_to_subscription_administrator: bool | None = None
    send_to_subscription_co_administrators: bool | None = None
    custom_emails: Annotated[list[Text], Field(max_length=100)] | None = None


class WebhookBody(Body):
    service_uri: Text | None = None
    properties: TextMap = Field(default_factory=dict)


class NotificationBody(Body):
    operation: Annotated[str, Field(max_length=16)] = "Scale"
    email: EmailBody | None = None
    webhooks: Annotated[list[WebhookBody], Field(max_length=20)] | None = None


class SettingProperties(Body):
    """name: says nothing, the path does. profiles: those that are there when there are none."""

    name: Text | None = None
    enabled: bool | None = None
    target_resource_uri: Text | None = None
    target_resource_location: Text | None = None
    profiles: Annotated[list[ProfileBody], Field(min_length=1, max_length=MAX_PROFILES)] | None = None
    notifications: Annotated[list[NotificationBody], Field(max_length=20)] | None = None
    predictive_autoscale_policy: PredictiveBody | None = None


class AutoscaleSettingBody(Body):
    location: Text | None = None
    tags: TextMap = Field(default_factory=dict)
    properties: SettingProperties


def show_setting(record: AutoscaleSettingRecord, active: Profile | None) -> dict[str, Any]:
    """active: the profile that counts now, None for none. `activeProfile` is ours."""
    spec = record.spec
    properties: dict[str, Any] = {
        "name": record.name,
        "enabled": spec.enabled,
        "targetResourceUri": spec.target,
        "targetResourceLocation": spec.target_location or spec.location,
        "profiles": [_profile(each) for each in spec.profiles],
        "notifications": [dict(each) for each in spec.notifications],
        "activeProfile": active.name if active is not None and spec.enabled else None,
    }
    shown = envelope(record, "", properties, location=spec.location, tags=dict(spec.tags))
    return {**shown, "type": AUTOSCALE}


def _profile(profile: Profile) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": profile.name,
        "capacity": {
            "minimum": str(profile.minimum),
            "maximum": str(profile.maximum),
            "default": str(profile.initial),
        },
        "rules": [{"metricTrigger": _trigger(each.trigger), "scaleAction": _action(each)} for each in profile.rules],
    }
    if profile.fixed_date is not None:
        shown["fixedDate"] = _fixed_date(profile.fixed_date)
    if profile.recurrence is not None:
        shown["recurrence"] = _recurrence(profile.recurrence)
    return shown


def _trigger(trigger: MetricTrigger) -> Mapping[str, Any]:
    return {
        "metricName": trigger.metric,
        "metricNamespace": trigger.namespace,
        "metricResourceUri": trigger.resource,
        "metricResourceLocation": trigger.location,
        "timeGrain": to_duration(trigger.grain_s),
        "statistic": trigger.statistic.value,
        "timeWindow": to_duration(trigger.window_s),
        "timeAggregation": trigger.aggregation.value,
        "operator": trigger.operator.value,
        "threshold": trigger.threshold,
        "dimensions": [],
        "dividePerInstance": trigger.per_instance,
    }


def _action(rule: ScaleRule) -> Mapping[str, Any]:
    return {
        "direction": rule.direction.value,
        "type": rule.by.value,
        "value": str(rule.value),
        "cooldown": to_duration(rule.cooldown_s),
    }


def _fixed_date(fixed: FixedDate) -> Mapping[str, Any]:
    return {"timeZone": fixed.time_zone, "start": fixed.start, "end": fixed.end}


def _recurrence(recurrence: Recurrence) -> Mapping[str, Any]:
    schedule = {
        "timeZone": recurrence.time_zone,
        "days": list(recurrence.days),
        "hours": list(recurrence.hours),
        "minutes": list(recurrence.minutes),
    }
    return {"frequency": "Week", "schedule": schedule}


def to_action_type(given: str) -> ChangeBy | None:
    """None for one that is not there, as Azure's ServiceAllowedNextValue is not."""
    return next((each for each in ChangeBy if each.value == given), None)
