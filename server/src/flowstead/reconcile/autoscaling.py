"""(a profile of an autoscale setting, what was measured, what there is) → how many instances there shall be, and why.
Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flowstead.observe.spans import Span, joined
from flowstead.observe.utilization import CPU, MEMORY
from flowstead.reconcile.scaling import Change
from flowstead.resources.autoscale import (
    SHORTEST_WINDOW,
    Aggregation,
    Direction,
    MetricTrigger,
    Profile,
    ScaleRule,
    Statistic,
)

REACHED, SEEN = 0.8, 0.5
"""How far back into its window looks must reach before a rule may hold, and how much of it they must have seen."""

_SHARED = (CPU, MEMORY)
"""What one instance less would be done by the others."""


@dataclass(frozen=True)
class Measured:
    """value: over the rule's window; None when there is none to go by. missing: the whole window has been looked at in
    vain."""

    value: float | None
    missing: bool = False


def measured(trigger: MetricTrigger, spans: Sequence[Span], *, now: float, slot_s: int, since: float) -> Measured:
    """spans: of the trigger's metric, each slot_s long, the oldest first. now, since: Unix seconds; since: when it
    began to be looked at. Only stretches that are over count."""
    end = int(now) // slot_s * slot_s
    window_s = max(trigger.window_s, SHORTEST_WINDOW * slot_s)  # a server that allowed shorter ones took it
    within = [each for each in spans if end - window_s <= each.begins < end]
    if not within:
        return Measured(None, missing=since <= end - window_s)
    if end - within[0].begins < window_s * REACHED or len(within) * slot_s < window_s * SEEN:
        return Measured(None)
    grains: dict[int, list[Span]] = {}
    for each in within:
        grains.setdefault(int((end - 1 - each.begins) // trigger.grain_s), []).append(each)
    values = [_of_grain(trigger.statistic, joined(grains[index])) for index in sorted(grains, reverse=True)]
    known = [each for each in values if each is not None]
    return Measured(_over_time(trigger.aggregation, known) if known else None)


def _of_grain(statistic: Statistic, span: Span) -> float | None:
    if span.weight <= 0:
        return None
    match statistic:
        case Statistic.MIN:
            return span.least
        case Statistic.MAX:
            return span.most
        case Statistic.SUM:
            return span.total
        case _:
            return span.average


def _over_time(aggregation: Aggregation, values: Sequence[float]) -> float:
    match aggregation:
        case Aggregation.MINIMUM:
            return min(values)
        case Aggregation.MAXIMUM:
            return max(values)
        case Aggregation.TOTAL:
            return math.fsum(values)
        case Aggregation.LAST:
            return values[-1]
        case _:
            return math.fsum(values) / len(values)


def decide_autoscale(
    profile: Profile, count: int, found: Mapping[MetricTrigger, Measured], *, rests: bool = False
) -> Change | None:
    """None to leave it. count: how many there shall be now. found: of each of the profile's rules. rests: the cooldown
    of the last change is not over; bounds hold all the same.

    One rule is enough to grow, and the one that asks for most counts; to shrink takes all that could, and the one that
    asks for least counts. What would grow again at once shrinks by less, or not at all."""
    bounded = profile.bounded(count)
    if bounded != count:
        said = f"profile {profile.name!r} allows {profile.minimum} to {profile.maximum}"
        return Change(bounded, f"{said}: {count} → {bounded}")
    if not rests:
        grown = _more(profile, count, found)
        if grown is not None:
            return grown
    missing = sorted({each.metric for each, value in found.items() if value.missing})
    if missing and count < profile.initial:
        return Change(profile.initial, f"no figures of {', '.join(missing)}: {count} → {profile.initial}, the default")
    return None if rests else _fewer(profile, count, found)


def _more(profile: Profile, count: int, found: Mapping[MetricTrigger, Measured]) -> Change | None:
    asked = [each for each in _of(profile, Direction.INCREASE) if _holds(each, found, count)]
    if not asked:
        return None
    most = max(asked, key=lambda each: each.count_after(count))
    return _change(most, profile.bounded(most.count_after(count)), count, found)


def _fewer(profile: Profile, count: int, found: Mapping[MetricTrigger, Measured]) -> Change | None:
    rules, growing = _of(profile, Direction.DECREASE), _of(profile, Direction.INCREASE)
    if not rules or not all(_holds(each, found, count) for each in rules):
        return None
    if any(_holds(each, found, count) for each in growing):
        return None
    least = max(rules, key=lambda each: each.count_after(count))
    for wanted in range(profile.bounded(least.count_after(count)), count):
        if not any(_holds(each, found, count, after=wanted) for each in growing):
            return _change(least, wanted, count, found)
    return None


def _of(profile: Profile, direction: Direction) -> Sequence[ScaleRule]:
    return [each for each in profile.rules if each.direction is direction]


def _holds(rule: ScaleRule, found: Mapping[MetricTrigger, Measured], count: int, *, after: int | None = None) -> bool:
    """after: how many would have to do what is done now."""
    value = _value(rule.trigger, found, count)
    if value is None:
        return False
    if after is not None and (rule.trigger.per_instance or rule.trigger.metric in _SHARED):
        value *= count / after
    return rule.trigger.operator.holds(value, rule.trigger.threshold)


def _value(trigger: MetricTrigger, found: Mapping[MetricTrigger, Measured], count: int) -> float | None:
    value = found[trigger].value
    return value if value is None or not trigger.per_instance else value / count


def _change(rule: ScaleRule, wanted: int, count: int, found: Mapping[MetricTrigger, Measured]) -> Change | None:
    """Told in full; None when the bounds let it change nothing."""
    if wanted == count:
        return None
    trigger = rule.trigger
    value, each = _value(trigger, found, count), " an instance" if trigger.per_instance else ""
    compared = f"{_figure(value or 0.0)}{each} {trigger.operator.sign} {_figure(trigger.threshold)}"
    reason = f"{trigger.metric} {compared} over {_time(trigger.window_s)}: {count} → {wanted}"
    return Change(wanted, reason, rests_s=rule.cooldown_s)


def _figure(value: float) -> str:
    """`83`, `0.4`, `1000`: three digits are enough to see why."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _time(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds % 60 == 0 else f"{seconds:g} s"
