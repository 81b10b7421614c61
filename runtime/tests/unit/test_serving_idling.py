from __future__ import annotations

import pytest

from flowstead_runtime.serving.idling import Idleness


def look(idleness: Idleness, now: float, *, requests: int = 0, running: int = 0, connections: int = 0) -> bool:
    return idleness.look(now=now, requests=requests, running=running, connections=connections)


def test_who_was_never_asked_ends_after_that_long() -> None:
    idleness = Idleness(5.0, since=10.0)
    assert not look(idleness, 14.9)
    assert look(idleness, 15.0)


def test_each_request_begins_it_anew() -> None:
    idleness = Idleness(5.0, since=0.0)
    assert not look(idleness, 4.0, requests=1)
    assert not look(idleness, 8.9, requests=1)
    assert look(idleness, 9.0, requests=1)


@pytest.mark.parametrize("busy", [{"running": 1}, {"connections": 1}])
def test_a_stream_or_an_open_connection_keeps_it(busy: dict[str, int]) -> None:
    assert not look(Idleness(5.0, since=0.0), 1000.0, **busy)


def test_the_time_of_a_long_request_does_not_count() -> None:
    idleness = Idleness(5.0, since=0.0)
    assert not look(idleness, 100.0, running=1)
    assert not look(idleness, 104.9, requests=0)
    assert look(idleness, 105.0)


def test_a_connection_that_was_idle_for_long_ends_it_at_once_when_it_goes() -> None:
    idleness = Idleness(5.0, since=0.0)
    assert not look(idleness, 60.0, connections=1)
    assert look(idleness, 60.25)
