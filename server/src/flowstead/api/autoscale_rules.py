"""What an autoscale setting must keep to, beside its deployment and among other settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from flowstead.api.autoscale_bodies import (
    ActionBody,
    AutoscaleSettingBody,
    FixedDateBody,
    NotificationBody,
    ProfileBody,
    RecurrenceBody,
    RuleBody,
    TriggerBody,
    to_action_type,
)
from flowstead.api.durations import to_duration
from flowstead.api.secret_values import MASK
from flowstead.errors import BadArgument, ResourceConflict
from flowstead.observe.requests import REQUESTS
from flowstead.observe.rule_meters import OF_DEPLOYMENTS, OF_ENDPOINTS
from flowstead.resources.autoscale import (
    LONGEST_COOLDOWN_S,
    LONGEST_WINDOW_S,
    SHORTEST_COOLDOWN,
    SHORTEST_WINDOW,
    Aggregation,
    AutoscaleSpec,
    ChangeBy,
    FixedDate,
    MetricTrigger,
    Profile,
    Recurrence,
    ScaleRule,
    Statistic,
)
from flowstead.resources.autoscale_profiles import DAYS, moment_in
from flowstead.resources.deployment import DeploymentSpec
from flowstead.resources.names import LOCATION
from flowstead.resources.time_zones import zone_named
from flowstead.store import Reading
from flowstead.store.records import AutoscaleSettingRecord, DeploymentRecord, Kind

_NAMESPACE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
_LONGEST_DATE = timedelta(days=365)


def to_spec(
    body: AutoscaleSettingBody, tx: Reading, before: AutoscaleSettingRecord | None, *, grain_s: int
) -> AutoscaleSpec:
    """What the user wants; what Azure's clients may leave out stays as it was. grain_s: the shortest timeGrain. Raises
    BadArgument."""
    given = body.properties
    _check_policy(body)
    target = _target(tx, given.target_resource_uri or (before.spec.target if before else ""))
    if given.profiles is not None:
        profiles = tuple(
            _profile(each, target, f"properties.profiles[{index}]", grain_s)
            for index, each in enumerate(given.profiles)
        )
    elif before is not None and before.spec.target == target.id:
        profiles = before.spec.profiles
    else:
        raise BadArgument("The setting has no profile.", target="properties.profiles")
    _check_names(profiles)
    return AutoscaleSpec(
        target=target.id,
        profiles=profiles,
        enabled=given.enabled is not False,
        notifications=tuple(
            _notification(each, f"properties.notifications[{index}]")
            for index, each in enumerate(given.notifications or ())
        ),
        target_location=given.target_resource_location or "",
        location=body.location or LOCATION,
        tags=body.tags,
    )


def check_alone(tx: Reading, spec: AutoscaleSpec, id: str) -> None:
    """A deployment has one setting, and does not scale by settings of its own beside one. id: of the setting. Raises
    ResourceConflict."""
    for other in tx.list(Kind.AUTOSCALE_SETTING):
        if other.spec.target == spec.target and other.id.lower() != id.lower():
            raise ResourceConflict(
                f"The deployment {spoken(spec.target)} has the autoscale setting {other.name} already.",
                hint=f"Change that one, or delete it first: {other.id}.",
                target="properties.targetResourceUri",
            )
    deployment = tx.get(Kind.DEPLOYMENT, spec.target)
    if spec.enabled and deployment.spec.scale is not None:
        raise ResourceConflict(
            f"The deployment {spoken(spec.target)} scales by its own scaleSettings (TargetUtilization).",
            hint="End them first: PATCH the deployment's properties.scaleSettings with the scaleType Default.",
            target="properties.targetResourceUri",
        )


def check_scale(tx: Reading, before: DeploymentRecord, spec: DeploymentSpec) -> None:
    """The same from the deployment's side. Raises ResourceConflict."""
    if spec.scale is None:
        return
    for each in tx.list(Kind.AUTOSCALE_SETTING):
        if each.spec.enabled and each.spec.target == before.id:
            raise ResourceConflict(
                f"The autoscale setting {each.name} says how many instances {spoken(before.id)} has.",
                hint=f"Disable or delete it, or leave scaleSettings at Default: {each.id}.",
                target="properties.scaleSettings",
            )


def spoken(deployment_id: str) -> str:
    """`chat/blue`."""
    parts = deployment_id.split("/")
    return f"{parts[-3]}/{parts[-1]}"


def _check_policy(body: AutoscaleSettingBody) -> None:
    policy = body.properties.predictive_autoscale_policy
    if policy is not None and policy.scale_mode != "Disabled":
        raise BadArgument(
            f"predictiveAutoscalePolicy is {policy.scale_mode!r}; nothing is predicted here.",
            hint="Leave it out, or say Disabled.",
            target="properties.predictiveAutoscalePolicy.scaleMode",
        )


def _target(tx: Reading, given: str) -> DeploymentRecord:
    record = tx.find(Kind.DEPLOYMENT, given) if given else None
    if record is None or record.deleting:
        raise BadArgument(
            f"targetResourceUri {given[:300]!r} is no online deployment of this workspace.",
            hint="Give the deployment's id, which `flowstead online-deployment show` prints.",
            target="properties.targetResourceUri",
        )
    return record


def _profile(body: ProfileBody, target: DeploymentRecord, where: str, grain_s: int) -> Profile:
    capacity = body.capacity
    if not capacity.minimum <= capacity.default <= capacity.maximum:
        raise BadArgument(
            f"The capacity of profile {body.name!r} is not minimum ≤ default ≤ maximum.", target=f"{where}.capacity"
        )
    if body.fixed_date is not None and body.recurrence is not None:
        raise BadArgument(f"Profile {body.name!r} has a fixed date and a recurrence.", target=where)
    rules = tuple(
        _rule(each, target, f"{where}.rules[{index}]", grain_s) for index, each in enumerate(body.rules or ())
    )
    return Profile(
        name=body.name,
        minimum=capacity.minimum,
        maximum=capacity.maximum,
        initial=capacity.default,
        rules=rules,
        fixed_date=_fixed_date(body.fixed_date, f"{where}.fixedDate") if body.fixed_date else None,
        recurrence=_recurrence(body.recurrence, f"{where}.recurrence") if body.recurrence else None,
    )


def _check_names(profiles: Sequence[Profile]) -> None:
    names = [each.name for each in profiles]
    if len(set(names)) < len(names):
        raise BadArgument("Two profiles have the same name.", target="properties.profiles")
    if len([each for each in profiles if each.fixed_date is None and each.recurrence is None]) > 1:
        raise BadArgument(
            "More than one profile has neither fixedDate nor recurrence; there is one default.",
            target="properties.profiles",
        )


def _rule(body: RuleBody, target: DeploymentRecord, where: str, grain_s: int) -> ScaleRule:
    by = _action(body.scale_action, f"{where}.scaleAction", grain_s)
    trigger = _trigger(body.metric_trigger, target, f"{where}.metricTrigger", grain_s)
    action = body.scale_action
    return ScaleRule(trigger, action.direction, by, action.value, action.cooldown)


def _action(body: ActionBody, where: str, grain_s: int) -> ChangeBy:
    by = to_action_type(body.type)
    if by is None:
        raise BadArgument(
            f"The type {body.type!r} of a scale action is not there.",
            hint=f"There are {', '.join(ChangeBy)}.",
            target=f"{where}.type",
        )
    _check_time(body.cooldown, SHORTEST_COOLDOWN * grain_s, LONGEST_COOLDOWN_S, f"{where}.cooldown")
    return by


def _trigger(body: TriggerBody, target: DeploymentRecord, where: str, grain_s: int) -> MetricTrigger:
    resource, there = _measured(body.metric_resource_uri, target, where)
    metric = next((each for each in there if each.lower() == body.metric_name.lower()), None)
    if metric is None:
        of = "a deployment" if resource == target.id else "an endpoint"
        raise BadArgument(
            f"There is no metric {body.metric_name[:80]!r} of {of}.",
            hint=f"There are {', '.join(there)}.",
            target=f"{where}.metricName",
        )
    if body.dimensions:
        raise BadArgument("Metrics have no dimensions here.", hint="Leave them out.", target=f"{where}.dimensions")
    namespace = body.metric_namespace or ""
    if namespace and not namespace.lower().startswith(_NAMESPACE.lower()):
        raise BadArgument(
            f"metricNamespace {namespace[:80]!r} has no metrics here.",
            hint=f"Leave it out, or say {_NAMESPACE}.",
            target=f"{where}.metricNamespace",
        )
    _check_statistics(body, metric, where)
    _check_time(body.time_grain, grain_s, LONGEST_WINDOW_S, f"{where}.timeGrain", multiple_of=grain_s)
    shortest = max(SHORTEST_WINDOW * grain_s, body.time_grain)
    _check_time(body.time_window, shortest, LONGEST_WINDOW_S, f"{where}.timeWindow", multiple_of=grain_s)
    return MetricTrigger(
        metric=metric,
        resource=resource,
        grain_s=body.time_grain,
        window_s=body.time_window,
        statistic=body.statistic,
        aggregation=body.time_aggregation,
        operator=body.operator,
        threshold=body.threshold,
        per_instance=bool(body.divide_per_instance),
        namespace=namespace,
        location=body.metric_resource_location or "",
    )


def _measured(given: str, target: DeploymentRecord, where: str) -> tuple[str, Sequence[str]]:
    """The resource in its exact casing, and the metrics that it has."""
    for id, there in ((target.id, OF_DEPLOYMENTS), (target.parent_id, OF_ENDPOINTS)):
        if given.lower() == id.lower():
            return id, there
    raise BadArgument(
        f"metricResourceUri {given[:300]!r} is neither the deployment nor its endpoint.",
        hint=f"Say {target.id} or {target.parent_id}.",
        target=f"{where}.metricResourceUri",
    )


def _check_statistics(body: TriggerBody, metric: str, where: str) -> None:
    """Sums and counts of percents and of milliseconds say nothing."""
    summed = metric == REQUESTS
    if body.statistic is Statistic.COUNT or (body.statistic is Statistic.SUM and not summed):
        allowed = ("Average", "Min", "Max", *(("Sum",) if summed else ()))
        raise BadArgument(
            f"The statistic {body.statistic} of {metric} is not there.",
            hint=f"There are {', '.join(allowed)}.",
            target=f"{where}.statistic",
        )
    if body.time_aggregation is Aggregation.COUNT or (body.time_aggregation is Aggregation.TOTAL and not summed):
        allowed = ("Average", "Minimum", "Maximum", "Last", *(("Total",) if summed else ()))
        raise BadArgument(
            f"The timeAggregation {body.time_aggregation} of {metric} is not there.",
            hint=f"There are {', '.join(allowed)}.",
            target=f"{where}.timeAggregation",
        )


def _check_time(seconds: float, least: float, most: float, where: str, *, multiple_of: int = 1) -> None:
    if least <= seconds <= most and seconds % multiple_of == 0:
        return
    in_steps = f", in steps of {to_duration(multiple_of)}" if multiple_of > 1 else ""
    raise BadArgument(
        f"{where.rpartition('.')[2]} is {to_duration(seconds)}.",
        hint=f"It is from {to_duration(least)} to {to_duration(most)}{in_steps}.",
        target=where,
    )


def _fixed_date(body: FixedDateBody, where: str) -> FixedDate:
    name = body.time_zone or "UTC"
    zone = zone_named(name)
    if zone is None:
        raise _unknown_zone(name, where)
    try:
        start, end = moment_in(body.start, zone), moment_in(body.end, zone)
    except ValueError:
        raise BadArgument(
            "start or end is no date with time.", hint="Write 2026-12-26T00:00:00.", target=where
        ) from None
    if not timedelta(0) < end - start <= _LONGEST_DATE:
        raise BadArgument("end is not after start, or more than 365 days after it.", target=f"{where}.end")
    return FixedDate(body.start, body.end, name)


def _recurrence(body: RecurrenceBody, where: str) -> Recurrence:
    if body.frequency != "Week":
        raise BadArgument(
            f"frequency is {body.frequency!r}.",
            hint="It is Week; name every day for a daily schedule.",
            target=f"{where}.frequency",
        )
    schedule, days = body.schedule, []
    if zone_named(schedule.time_zone) is None:
        raise _unknown_zone(schedule.time_zone, f"{where}.schedule")
    for given in schedule.days:
        if given.capitalize() not in DAYS:
            raise BadArgument(
                f"{given[:40]!r} is no day.", hint=f"The days are {', '.join(DAYS)}.", target=f"{where}.schedule.days"
            )
        days.append(given.capitalize())
    return Recurrence(
        tuple(dict.fromkeys(days)), tuple(schedule.hours or ()), tuple(schedule.minutes or ()), schedule.time_zone
    )


def _unknown_zone(name: str, where: str) -> BadArgument:
    return BadArgument(
        f"There is no time zone {name[:80]!r}.",
        hint="Use Azure's names, such as `W. Europe Standard Time` or `UTC`, or such as Europe/Berlin.",
        target=f"{where}.timeZone",
    )


def _notification(body: NotificationBody, where: str) -> Mapping[str, Any]:
    """As it was given; nobody is told. What lets whoever knows a webhook's address call it is not kept: nobody here
    does."""
    shown = body.model_dump(by_alias=True, exclude_none=True)
    for webhook in shown.get("webhooks", ()):
        if "serviceUri" in webhook:
            webhook["serviceUri"] = _without_query(webhook["serviceUri"], f"{where}.webhooks")
    return shown


def _without_query(url: str, where: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise BadArgument(f"serviceUri {url[:80]!r} is no URL.", target=where) from None
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=host, query=MASK if parts.query else "", fragment=""))
