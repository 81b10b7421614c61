"""Requests by the minute, read off counters that go on counting."""

from __future__ import annotations

from flowstead.observe.requests import Requests


def counts(requests: Requests, *uids: str) -> list[tuple[int, int]]:
    return [(each.begins, each.count) for each in requests.series(uids, 0, 10_000)]


def test_what_was_counted_before_the_first_look_is_of_no_known_minute() -> None:
    requests = Requests()
    requests.take({"blue": 1000}, at=60.0)
    assert counts(requests, "blue") == []
    requests.take({"blue": 1003}, at=65.0)
    assert counts(requests, "blue") == [(60, 3)]


def test_a_deployment_that_is_new_is_counted_from_its_first_request() -> None:
    requests = Requests()
    requests.take({}, at=0.0)
    requests.take({"blue": 2}, at=5.0)
    requests.take({"blue": 3}, at=59.0)
    requests.take({"blue": 7}, at=61.0)
    assert counts(requests, "blue") == [(0, 3), (60, 4)]


def test_a_counter_that_begins_anew_takes_nothing_away() -> None:
    requests = Requests()
    for total, at in ((0, 0.0), (10, 5.0), (4, 10.0)):
        requests.take({"blue": total}, at)
    assert counts(requests, "blue") == [(0, 14)]


def test_an_endpoints_are_those_of_its_deployments_together() -> None:
    requests = Requests()
    requests.take({"blue": 0, "green": 0}, at=0.0)
    requests.take({"blue": 1, "green": 2}, at=60.0)
    requests.take({"blue": 1, "green": 3}, at=120.0)
    assert counts(requests, "blue", "green") == [(60, 3), (120, 1)]
    assert requests.last_hour(120.0) == {"blue": 1, "green": 3}
    assert requests.last_hour(3720.0) == {}


def test_what_is_gone_is_forgotten() -> None:
    requests = Requests()
    for answered in ({"blue": 0}, {"blue": 1}, {}):
        requests.take(answered, at=0.0)
    assert counts(requests, "blue") == []


def test_rules_see_requests_a_minute_also_of_the_stretches_that_had_none() -> None:
    requests = Requests(slot_s=10)
    for total, at in ((0, 0.0), (3, 10.0), (3, 20.0), (3, 29.0)):
        requests.take({"blue": total}, at)
    spans = requests.spans(["blue"])
    assert [(each.begins, each.average, round(each.total, 6)) for each in spans] == [(0, 0, 0), (10, 18, 3), (20, 0, 0)]
    assert [each.average for each in requests.spans(["green"])] == [0, 0, 0]
