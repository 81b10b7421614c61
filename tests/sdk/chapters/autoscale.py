"""Autoscale settings, with `azure-mgmt-monitor`, as Azure's page "Autoscale online endpoints" writes them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.mgmt.monitor import MonitorManagementClient
from azure.mgmt.monitor.models import (
    AutoscaleProfile,
    AutoscaleSettingResourcePatch,
    MetricTrigger,
    Recurrence,
    RecurrentSchedule,
    ScaleAction,
    ScaleRule,
    TimeWindow,
)

from tests.sdk.traveller import Journey, refused

NAME = "autoscale-journey-blue-7"


def settings(j: Journey) -> Any:
    url = j.settings["url"]
    client = MonitorManagementClient(j.credential, j.place[0], base_url=url, credential_scopes=[f"{url}/.default"])
    return client.autoscale_settings


def rule(resource: str, metric: str, operator: str, threshold: float, direction: str, count: int) -> ScaleRule:
    return ScaleRule(
        metric_trigger=MetricTrigger(
            metric_name=metric,
            metric_resource_uri=resource,
            time_grain=timedelta(minutes=1),
            statistic="Average",
            operator=operator,
            time_aggregation="Last",
            time_window=timedelta(minutes=5),
            threshold=threshold,
        ),
        scale_action=ScaleAction(
            direction=direction, type="ChangeCount", value=str(count), cooldown=timedelta(hours=1)
        ),
    )


def parameters(j: Journey, **more: Any) -> dict[str, Any]:
    """The page's, with capacities for a small machine."""
    blue = j.ml.online_deployments.get("blue", "journey")
    endpoint = j.ml.online_endpoints.get("journey")
    rules = [
        rule(blue.id, "CpuUtilizationPercentage", "GreaterThan", 70, "Increase", 2),
        rule(blue.id, "CpuUtilizationPercentage", "LessThan", 30, "Decrease", 1),
        rule(endpoint.id, "RequestLatency", "GreaterThan", 70_000, "Increase", 1),
    ]
    profile = AutoscaleProfile(
        name="my-scale-settings", capacity={"minimum": 1, "maximum": 2, "default": 1}, rules=rules
    )
    return {"location": endpoint.location, "target_resource_uri": blue.id, "profiles": [profile], **more}


def step_a_setting_is_made_and_shown(j: Journey) -> None:
    made = settings(j).create_or_update(j.place[1], NAME, parameters=parameters(j))
    shown = settings(j).get(j.place[1], NAME)
    assert (made.id, made.name, made.enabled) == (shown.id, NAME, True)
    [profile] = shown.profiles
    assert (profile.capacity.minimum, profile.capacity.maximum, profile.capacity.default) == ("1", "2", "1")
    cpu, _, latency = profile.rules
    assert cpu.metric_trigger.time_window == timedelta(minutes=5)
    assert (cpu.scale_action.value, cpu.scale_action.cooldown) == ("2", timedelta(hours=1))
    assert latency.metric_trigger.metric_resource_uri == j.ml.online_endpoints.get("journey").id
    refused(lambda: settings(j).create_or_update(j.place[1], "another", parameters=parameters(j)), ResourceExistsError)


def step_settings_are_listed(j: Journey) -> None:
    client = settings(j)
    for found in (client.list_by_resource_group(j.place[1]), client.list_by_subscription()):
        assert [each.name for each in found] == [NAME]


def step_profiles_recur_and_have_dates(j: Journey) -> None:
    capacity = {"minimum": 1, "maximum": 1, "default": 1}
    schedule = RecurrentSchedule(time_zone="Pacific Standard Time", days=["Saturday", "Sunday"], hours=[], minutes=[])
    weekend = AutoscaleProfile(
        name="weekend", capacity=capacity, rules=[], recurrence=Recurrence(frequency="Week", schedule=schedule)
    )
    window = TimeWindow(time_zone="UTC", start=datetime(2027, 12, 26), end=datetime(2027, 12, 27))
    event = AutoscaleProfile(name="event", capacity=capacity, rules=[], fixed_date=window)
    given = parameters(j)
    made = settings(j).create_or_update(
        j.place[1], NAME, parameters={**given, "profiles": [*given["profiles"], weekend, event]}
    )
    _, second, third = made.profiles
    assert (second.recurrence.frequency, second.recurrence.schedule.days) == ("Week", ["Saturday", "Sunday"])
    assert (third.fixed_date.start.day, third.fixed_date.time_zone) == (26, "UTC")


def step_a_setting_is_changed_and_switched_off(j: Journey) -> None:
    client = settings(j)
    changed = client.update(j.place[1], NAME, AutoscaleSettingResourcePatch(tags={"a": "b"}))
    assert (changed.tags, len(changed.profiles)) == ({"a": "b"}, 3)
    off = {name: value for name, value in parameters(j, enabled=False).items() if name != "profiles"}
    after = client.create_or_update(j.place[1], NAME, parameters=off)
    assert (after.enabled, len(after.profiles)) == (False, 3)


def step_a_setting_is_deleted(j: Journey) -> None:
    settings(j).delete(j.place[1], NAME)
    settings(j).delete(j.place[1], NAME)
    refused(lambda: settings(j).get(j.place[1], NAME), ResourceNotFoundError)
