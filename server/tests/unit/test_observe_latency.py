"""How long requests took, by the minute, read off histograms that go on counting."""

from __future__ import annotations

import pytest

from flowstead.observe.latency import LATENCY, METRICS, Latencies, value_of


def means(latencies: Latencies, *uids: str) -> list[tuple[int, float]]:
    return [(each.begins, each.value(LATENCY)) for each in latencies.series(uids, 0, 10_000)]


def test_only_what_is_new_counts() -> None:
    latencies = Latencies()
    latencies.take({"blue": {5000.5: 100}}, at=0.0)
    assert means(latencies, "blue") == []
    latencies.take({"blue": {5000.5: 100, 10.5: 3}}, at=5.0)
    latencies.take({"blue": {5000.5: 100, 10.5: 3, 30.5: 1}}, at=59.0)
    latencies.take({"blue": {5000.5: 100, 10.5: 3, 30.5: 2}}, at=60.0)
    assert means(latencies, "blue") == [(0, 15.5), (60, 30.5)]


def test_one_that_is_new_is_counted_from_its_first_request() -> None:
    latencies = Latencies()
    latencies.take({}, at=0.0)
    latencies.take({"blue": {10.5: 2}}, at=5.0)
    assert means(latencies, "blue") == [(0, 10.5)]


@pytest.mark.parametrize("now", [{10.5: 1}, {20.5: 1}])
def test_a_histogram_that_begins_anew_takes_nothing_away(now: dict[float, int]) -> None:
    latencies = Latencies()
    latencies.take({"blue": {}}, at=0.0)
    latencies.take({"blue": {10.5: 4}}, at=5.0)
    latencies.take({"blue": now}, at=10.0)
    [took] = latencies.series(["blue"], 0, 100)
    assert sum(took.histogram.values()) == 5


def test_an_endpoints_requests_are_those_of_its_deployments_together() -> None:
    latencies = Latencies()
    latencies.take({"blue": {}, "green": {}}, at=0.0)
    latencies.take({"blue": {10.5: 1}, "green": {30.5: 3}}, at=60.0)
    latencies.take({"blue": {10.5: 1}, "green": {30.5: 4}}, at=120.0)
    assert means(latencies, "blue", "green") == [(60, 25.5), (120, 30.5)]
    [first, last] = latencies.series(["blue", "green"], 0, 1000)
    assert (first.time, first.longest, last.longest) == ("1970-01-01T00:01:00Z", 30.5, 30.5)
    latencies.take({"green": {30.5: 4}}, at=125.0)
    assert means(latencies, "blue") == []


def test_percentiles_are_of_the_nearest_rank() -> None:
    histogram = {float(each): 1 for each in range(1, 101)}
    assert [value_of(metric, histogram) for metric in METRICS] == [50.5, 50.0, 90.0, 95.0, 99.0]
    assert [value_of(metric, {7.5: 1}) for metric in METRICS] == [7.5] * 5


def test_rules_see_also_the_stretches_without_requests() -> None:
    latencies = Latencies(slot_s=10)
    for at, counts in ((0.0, {}), (10.0, {10.5: 3, 30.5: 1}), (20.0, {10.5: 3, 30.5: 1})):
        latencies.take({"blue": counts}, at)
    spans = latencies.spans(["blue"], LATENCY)
    assert [(each.begins, each.average) for each in spans] == [(0, None), (10, 15.5), (20, None)]
    assert spans[1].weight == 4
    [slow] = [each for each in latencies.spans(["blue"], "RequestLatency_P99") if each.weight]
    assert slow.average == 30.5
