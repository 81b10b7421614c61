"""Percent of a size, by the minute."""

from __future__ import annotations

import os

import pytest

from flowstead.observe.utilization import CPU, DISK, MEMORY, Consumption, Sample, Utilization, consumption_of

THERE = {"blue", "green"}


def sample(at: float, cpu_s: float, memory: int = 50, instance: str = "a", uid: str = "blue") -> Sample:
    return Sample(uid, instance, at, Consumption(cpu_s, memory), cores=2.0, memory_bytes=100.0, disk_percent=40.0)


def test_percents_are_of_the_size() -> None:
    meter = Utilization()
    meter.take([sample(120.0, 10.0)], THERE)
    assert meter.series("blue", CPU, 0, 1000) == [], "one look says nothing of the rate"
    meter.take([sample(130.0, 15.0, memory=75)], THERE)
    [cpu] = meter.series("blue", CPU, 0, 1000)
    assert (cpu.begins, cpu.average, cpu.time) == (120, 25.0, "1970-01-01T00:02:00Z")
    [memory] = meter.series("blue", MEMORY, 0, 1000)
    assert (memory.average, memory.maximum) == (62.5, 75.0)
    assert [each.average for each in meter.series("blue", DISK, 0, 1000)] == [40.0]


def test_a_worker_that_was_started_again_uses_nothing_less_than_nothing() -> None:
    meter = Utilization()
    meter.take([sample(0.0, 100.0)], THERE)
    meter.take([sample(10.0, 1.0)], THERE)
    assert [each.average for each in meter.series("blue", CPU, 0, 1000)] == [0.0]


def test_minutes_are_apart_and_asked_for_by_time() -> None:
    meter = Utilization()
    for at in (0.0, 30.0, 60.0, 90.0, 120.0):
        meter.take([sample(at, at)], THERE)
    assert [each.begins for each in meter.series("blue", CPU, 0, 1000)] == [0, 60, 120]
    assert [each.begins for each in meter.series("blue", CPU, 60, 120)] == [60]


def test_what_sleeps_is_remembered_and_what_is_gone_is_forgotten() -> None:
    meter = Utilization()
    meter.take([sample(0.0, 0.0), sample(0.0, 0.0, instance="b", uid="green")], THERE)
    meter.take([], THERE)
    assert meter.series("green", MEMORY, 0, 1000) != []
    meter.take([], {"blue"})
    assert meter.series("green", MEMORY, 0, 1000) == []
    assert meter.series("blue", MEMORY, 0, 1000) != []


def test_this_process_consumes_something() -> None:
    found = consumption_of(os.getpid())
    assert found is not None
    assert found.cpu_s > 0
    assert found.memory_bytes > 1_000_000
    assert consumption_of(2**22 + 1) is None


@pytest.mark.parametrize("count", [2, 3])
def test_several_instances_are_averaged(count: int) -> None:
    meter = Utilization()
    meter.take([sample(0.0, 0.0, memory=10 * number, instance=str(number)) for number in range(count)], THERE)
    [minute] = meter.series("blue", MEMORY, 0, 1000)
    assert minute.maximum == 10 * (count - 1)
    assert minute.average == pytest.approx(sum(10 * number for number in range(count)) / count)


def test_rules_see_stretches_as_short_as_they_ask_for() -> None:
    meter = Utilization(slot_s=10)
    for at, cpu_s in ((0.0, 0.0), (10.0, 5.0), (15.0, 15.0)):
        meter.take([sample(at, cpu_s)], THERE)
    [span] = meter.spans("blue", CPU)
    assert (span.begins, span.average, span.least, span.most) == (10, 62.5, 25.0, 100.0)
    assert [each.begins for each in meter.spans("blue", MEMORY)] == [0, 10]
    assert meter.spans("green", CPU) == ()
