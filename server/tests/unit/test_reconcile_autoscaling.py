"""Rules over figures → how many instances, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from flowstead.observe.spans import Span, of_one
from flowstead.reconcile.autoscaling import Measured, decide_autoscale, measured
from flowstead.resources.autoscale import (
    Aggregation,
    ChangeBy,
    Direction,
    MetricTrigger,
    Operator,
    Profile,
    ScaleRule,
    Statistic,
)

CPU = MetricTrigger(
    metric="CpuUtilizationPercentage",
    resource="/blue",
    grain_s=60,
    window_s=300,
    statistic=Statistic.AVERAGE,
    aggregation=Aggregation.AVERAGE,
    operator=Operator.GREATER,
    threshold=70,
)
LOW = replace(CPU, operator=Operator.LESS, threshold=25)
SLOW = replace(CPU, metric="RequestLatency", resource="/chat")
MANY = replace(CPU, metric="RequestsPerMinute", threshold=100)
OUT = ScaleRule(CPU, Direction.INCREASE, ChangeBy.COUNT, 2, 300.0)
IN = ScaleRule(LOW, Direction.DECREASE, ChangeBy.COUNT, 1, 300.0)
PROFILE = Profile("office", 2, 8, 3, (OUT, IN))


def told(profile: Profile, count: int, figures: dict[str, float | None], *, rests: bool = False) -> tuple[int, str]:
    """(the number, the reason); the number that there is, and "", when it is left. figures: by metric; "missing" is
    -1."""
    found = {
        rule.trigger: Measured(None, missing=True)
        if (value := figures.get(rule.trigger.metric)) == -1
        else Measured(value)
        for rule in profile.rules
    }
    change = decide_autoscale(profile, count, found, rests=rests)
    return (count, "") if change is None else (change.count, change.reason)


def cpu(percent: float | None) -> dict[str, float | None]:
    return {CPU.metric: percent}


@pytest.mark.parametrize(
    ("count", "percent", "expected"),
    [
        (2, 83.4, (4, "CpuUtilizationPercentage 83.4 > 70 over 5 min: 2 → 4")),
        (2, 70.0, (2, "")),
        (7, 99.0, (8, "CpuUtilizationPercentage 99 > 70 over 5 min: 7 → 8")),
        (8, 99.0, (8, "")),
        (4, 10.0, (3, "CpuUtilizationPercentage 10 < 25 over 5 min: 4 → 3")),
        (2, 10.0, (2, "")),
        (4, None, (4, "")),
        (1, 99.0, (2, "profile 'office' allows 2 to 8: 1 → 2")),
        (9, 99.0, (8, "profile 'office' allows 2 to 8: 9 → 8")),
    ],
)
def test_the_rules_of_azures_page(count: int, percent: float | None, expected: tuple[int, str]) -> None:
    assert told(PROFILE, count, cpu(percent)) == expected


@pytest.mark.parametrize(
    ("operator", "holds"),
    [
        (Operator.EQUALS, (False, True, False)),
        (Operator.NOT_EQUALS, (True, False, True)),
        (Operator.GREATER, (False, False, True)),
        (Operator.GREATER_OR_EQUAL, (False, True, True)),
        (Operator.LESS, (True, False, False)),
        (Operator.LESS_OR_EQUAL, (True, True, False)),
    ],
)
def test_each_operator(operator: Operator, holds: Sequence[bool]) -> None:
    rule = replace(OUT, trigger=replace(CPU, operator=operator))
    profile = replace(PROFILE, rules=(rule,))
    assert [told(profile, 3, cpu(value))[0] > 3 for value in (69.0, 70.0, 71.0)] == list(holds)


@pytest.mark.parametrize(
    ("direction", "by", "value", "expected"),
    [
        (Direction.INCREASE, ChangeBy.COUNT, 3, 13),
        (Direction.INCREASE, ChangeBy.PERCENT, 25, 12),
        (Direction.INCREASE, ChangeBy.PERCENT, 1, 11),
        (Direction.INCREASE, ChangeBy.EXACTLY, 15, 15),
        (Direction.INCREASE, ChangeBy.EXACTLY, 5, 10),
        (Direction.DECREASE, ChangeBy.COUNT, 3, 7),
        (Direction.DECREASE, ChangeBy.PERCENT, 25, 8),
        (Direction.DECREASE, ChangeBy.EXACTLY, 5, 5),
        (Direction.DECREASE, ChangeBy.EXACTLY, 15, 10),
        (Direction.NONE, ChangeBy.COUNT, 3, 10),
    ],
)
def test_each_action(direction: Direction, by: ChangeBy, value: int, expected: int) -> None:
    rule = ScaleRule(CPU, direction, by, value, 60.0)
    assert rule.count_after(10) == expected
    profile = Profile("all", 1, 50, 1, (rule,))
    assert told(profile, 10, cpu(99.0))[0] == expected


def test_of_rules_that_grow_the_one_that_asks_for_most_counts() -> None:
    rules = (OUT, ScaleRule(SLOW, Direction.INCREASE, ChangeBy.COUNT, 1, 60.0), IN)
    profile = replace(PROFILE, rules=rules)
    assert told(profile, 2, {CPU.metric: 99.0, SLOW.metric: 99.0})[0] == 4
    assert told(profile, 2, {CPU.metric: 50.0, SLOW.metric: 99.0}) == (
        3,
        "RequestLatency 99 > 70 over 5 min: 2 → 3",
    )


def test_to_shrink_takes_all_rules_and_the_one_that_asks_for_least_counts() -> None:
    quiet = replace(MANY, operator=Operator.LESS, threshold=50)
    rules = (replace(IN, value=1), ScaleRule(quiet, Direction.DECREASE, ChangeBy.PERCENT, 50, 60.0))
    profile = Profile("all", 1, 10, 1, rules)
    assert told(profile, 8, {CPU.metric: 10.0, MANY.metric: 80.0}) == (8, "")
    assert told(profile, 8, {CPU.metric: 10.0, MANY.metric: None}) == (8, "")
    assert told(profile, 8, {CPU.metric: 10.0, MANY.metric: 10.0})[0] == 7


def test_what_would_grow_again_at_once_shrinks_by_less_or_not_at_all() -> None:
    """Azure's table: 30 instances at 65 %, fewer by 10 asked for."""
    quiet = replace(MANY, operator=Operator.LESS, threshold=2000)
    rules = (OUT, ScaleRule(quiet, Direction.DECREASE, ChangeBy.COUNT, 10, 60.0))
    profile = Profile("all", 1, 50, 1, rules)
    assert told(profile, 30, {CPU.metric: 65.0, MANY.metric: 1500.0})[0] == 28
    assert told(profile, 30, {CPU.metric: 69.9, MANY.metric: 1500.0}) == (30, "")
    assert told(profile, 30, {CPU.metric: 10.0, MANY.metric: 1500.0})[0] == 20


def test_a_rule_that_grows_keeps_one_that_shrinks_from_it() -> None:
    rules = (replace(OUT, trigger=SLOW), IN)
    assert told(replace(PROFILE, rules=rules), 8, {CPU.metric: 1.0, SLOW.metric: 99.0}) == (8, "")


def test_figures_for_each_instance() -> None:
    each = ScaleRule(replace(MANY, per_instance=True), Direction.INCREASE, ChangeBy.COUNT, 1, 60.0)
    profile = Profile("all", 1, 5, 1, (each,))
    assert told(profile, 3, {MANY.metric: 250.0}) == (3, "")
    assert told(profile, 2, {MANY.metric: 250.0}) == (
        3,
        "RequestsPerMinute 125 an instance > 100 over 5 min: 2 → 3",
    )


def test_without_figures_there_are_as_many_as_the_default_says() -> None:
    assert told(PROFILE, 2, cpu(-1)) == (3, "no figures of CpuUtilizationPercentage: 2 → 3, the default")
    assert told(PROFILE, 4, cpu(-1)) == (4, "")
    rules = (replace(OUT, trigger=SLOW), IN)
    assert told(replace(PROFILE, rules=rules), 2, {CPU.metric: -1, SLOW.metric: 99.0})[0] == 4, "a rule comes first"


def test_after_a_change_the_rules_rest_and_bounds_hold() -> None:
    assert told(PROFILE, 2, cpu(99.0), rests=True) == (2, "")
    assert told(PROFILE, 4, cpu(1.0), rests=True) == (4, "")
    assert told(PROFILE, 1, cpu(1.0), rests=True)[0] == 2
    found = {rule.trigger: Measured(99.0) for rule in PROFILE.rules}
    change = decide_autoscale(PROFILE, 2, found)
    assert change is not None
    assert change.rests_s == OUT.cooldown_s


def test_a_profile_without_rules_is_a_number() -> None:
    assert told(Profile("weekend", 2, 2, 2), 5, {}) == (2, "profile 'weekend' allows 2 to 2: 5 → 2")
    assert told(Profile("weekend", 2, 2, 2), 2, {}) == (2, "")


# Figures


def minutes(*values: float, begins: int = 0) -> list[Span]:
    return [of_one(begins + 60 * index, value) for index, value in enumerate(values)]


def value(trigger: MetricTrigger, spans: Sequence[Span], now: float = 300.0, since: float = 0.0) -> Measured:
    return measured(trigger, spans, now=now, slot_s=60, since=since)


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        (Aggregation.AVERAGE, 30.0),
        (Aggregation.MINIMUM, 10.0),
        (Aggregation.MAXIMUM, 50.0),
        (Aggregation.TOTAL, 150.0),
        (Aggregation.LAST, 40.0),
    ],
)
def test_each_aggregation_over_time(aggregation: Aggregation, expected: float) -> None:
    spans = minutes(10, 20, 50, 30, 40)
    assert value(replace(CPU, aggregation=aggregation), spans) == Measured(expected)


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [(Statistic.AVERAGE, 30.0), (Statistic.MIN, 10.0), (Statistic.MAX, 60.0), (Statistic.SUM, 120.0)],
)
def test_each_statistic_of_a_grain(statistic: Statistic, expected: float) -> None:
    spans = [Span(begins, 120.0, 4.0, 10.0, 60.0) for begins in range(0, 300, 60)]
    assert value(replace(CPU, statistic=statistic), spans) == Measured(expected)


def test_longer_grains_are_counted_back_from_the_end() -> None:
    trigger = replace(CPU, grain_s=120, window_s=360, statistic=Statistic.MAX, aggregation=Aggregation.AVERAGE)
    assert value(trigger, minutes(1, 9, 2, 2, 3, 30), now=365.0) == Measured((9 + 2 + 30) / 3)


def test_only_minutes_of_the_window_that_are_over_count() -> None:
    spans = minutes(90, 10, 10, 10, 10, 10, 90)
    assert value(CPU, spans, now=360.0 + 59) == Measured(10.0)


def test_too_little_says_nothing_and_nothing_for_a_window_is_missing() -> None:
    assert value(CPU, minutes(90, 90, 90), now=180.0) == Measured(None), "three minutes of five"
    assert value(CPU, minutes(90, 90, 90, 90), now=240.0) == Measured(90.0)
    assert value(CPU, [], now=300.0, since=0.0) == Measured(None, missing=True)
    assert value(CPU, [], now=300.0, since=1.0) == Measured(None), "it may still come"
    assert value(CPU, minutes(90, 90), now=1000.0) == Measured(None, missing=True), "it is long ago"


def test_a_window_that_another_server_took_is_as_long_as_it_must_be() -> None:
    assert value(replace(CPU, grain_s=1, window_s=5), minutes(10, 20, 30, 40, 50)) == Measured(30.0)
    assert value(replace(CPU, grain_s=1, window_s=5), [], since=200.0) == Measured(None)


def test_minutes_without_requests_say_nothing_of_how_long_they_take() -> None:
    quiet = [Span(begins) for begins in range(0, 300, 60)]
    assert value(SLOW, quiet) == Measured(None)
    assert value(SLOW, [*quiet[:4], of_one(240, 80.0)]) == Measured(80.0)
