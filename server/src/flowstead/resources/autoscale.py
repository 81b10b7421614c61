"""Autoscale settings of Azure Monitor: how many instances a deployment may have and when, by rules over metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

AUTOSCALE = "Microsoft.Insights/autoscaleSettings"
"""The type of the resource, which its actions begin with too."""

GRAIN_S = 60
"""The shortest timeGrain of a rule, seconds, as Azure has it."""
SHORTEST_WINDOW, SHORTEST_COOLDOWN = 5, 1
"""In grains: PT5M and PT1M in Azure."""
LONGEST_WINDOW_S, LONGEST_COOLDOWN_S = 12 * 3600.0, 7 * 86400.0
MAX_PROFILES, MAX_RULES = 20, 10


class Statistic(StrEnum):
    """How the values of one grain become one."""

    AVERAGE = "Average"
    MIN = "Min"
    MAX = "Max"
    SUM = "Sum"
    COUNT = "Count"


class Aggregation(StrEnum):
    """How the values of a window's grains become one."""

    AVERAGE = "Average"
    MINIMUM = "Minimum"
    MAXIMUM = "Maximum"
    TOTAL = "Total"
    COUNT = "Count"
    LAST = "Last"


class Operator(StrEnum):
    EQUALS = "Equals"
    NOT_EQUALS = "NotEquals"
    GREATER = "GreaterThan"
    GREATER_OR_EQUAL = "GreaterThanOrEqual"
    LESS = "LessThan"
    LESS_OR_EQUAL = "LessThanOrEqual"

    @property
    def sign(self) -> str:
        return _SIGNS[self]

    def holds(self, value: float, threshold: float) -> bool:
        match self:
            case Operator.EQUALS:
                return value == threshold
            case Operator.NOT_EQUALS:
                return value != threshold
            case Operator.GREATER:
                return value > threshold
            case Operator.GREATER_OR_EQUAL:
                return value >= threshold
            case Operator.LESS:
                return value < threshold
            case Operator.LESS_OR_EQUAL:
                return value <= threshold


_SIGNS: Mapping[Operator, str] = {
    Operator.EQUALS: "=",
    Operator.NOT_EQUALS: "≠",
    Operator.GREATER: ">",
    Operator.GREATER_OR_EQUAL: "≥",
    Operator.LESS: "<",
    Operator.LESS_OR_EQUAL: "≤",
}


class Direction(StrEnum):
    NONE = "None"
    INCREASE = "Increase"
    DECREASE = "Decrease"


class ChangeBy(StrEnum):
    COUNT = "ChangeCount"
    PERCENT = "PercentChangeCount"
    EXACTLY = "ExactCount"


@dataclass(frozen=True)
class MetricTrigger:
    """When a rule holds. resource: ARM id of the deployment or of its endpoint; namespace, location: as they were
    given, they say nothing. per_instance: the value is divided by the number of instances."""

    metric: str
    resource: str
    grain_s: float
    window_s: float
    statistic: Statistic
    aggregation: Aggregation
    operator: Operator
    threshold: float
    per_instance: bool = False
    namespace: str = ""
    location: str = ""


@dataclass(frozen=True)
class ScaleRule:
    """value: instances, or percent of them. cooldown_s: how long nothing is changed after this rule has changed it."""

    trigger: MetricTrigger
    direction: Direction
    by: ChangeBy
    value: int
    cooldown_s: float

    def count_after(self, count: int) -> int:
        """How many there shall be of `count` that there are; the same for a rule that would lead the other way."""
        percent = max(1, count * self.value // 100)
        step = self.value if self.by is ChangeBy.COUNT else percent
        match self.direction:
            case Direction.INCREASE:
                return max(count, self.value if self.by is ChangeBy.EXACTLY else count + step)
            case Direction.DECREASE:
                return min(count, self.value if self.by is ChangeBy.EXACTLY else count - step)
            case Direction.NONE:
                return count


@dataclass(frozen=True)
class FixedDate:
    """start, end: ISO 8601. Without an offset, and with the Z that Azure's SDKs always write, they are what the clocks
    of the time zone show."""

    start: str
    end: str
    time_zone: str = "UTC"


@dataclass(frozen=True)
class Recurrence:
    """When a profile begins, each week: on these days (`Monday` …), at each of these hours with each of these minutes.
    It lasts until another one begins."""

    days: tuple[str, ...]
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    time_zone: str = "UTC"


@dataclass(frozen=True)
class Profile:
    """initial: the `default` of its capacity, which counts when there are no figures. At most one of fixed_date and
    recurrence is there."""

    name: str
    minimum: int
    maximum: int
    initial: int
    rules: tuple[ScaleRule, ...] = ()
    fixed_date: FixedDate | None = None
    recurrence: Recurrence | None = None

    def bounded(self, count: int) -> int:
        return min(max(count, self.minimum), self.maximum)


@dataclass(frozen=True)
class AutoscaleSpec:
    """target: ARM id of the deployment. notifications: kept and shown, nobody is told."""

    target: str
    profiles: tuple[Profile, ...]
    enabled: bool = True
    notifications: tuple[Mapping[str, Any], ...] = ()
    target_location: str = ""
    location: str = "local"
    tags: Mapping[str, str] = field(default_factory=dict)
