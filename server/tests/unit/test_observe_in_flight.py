"""Requests in flight: the mean of many looks between two questions."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from flowstead.observe.in_flight import FORGOTTEN_AFTER_S, OFTEN_S, SHARE, InFlight

BLUE, GREEN = ("chat", "blue"), ("chat", "green")


class Gateway:
    """found: what it tells next. took_s: how long it takes for it."""

    def __init__(self) -> None:
        self.now, self.took_s, self.asked = 0.0, 0.001, 0
        self.found: Mapping[tuple[str, str], int] | None = {}
        self.in_flight = InFlight(self.ask, monotonic=lambda: self.now, random=Random(7))

    def ask(self) -> Mapping[tuple[str, str], int] | None:
        self.asked += 1
        self.now += self.took_s
        return self.found

    def look(self, found: Mapping[tuple[str, str], int] | None) -> None:
        self.found = found
        self.in_flight.look()


def test_it_is_the_mean_of_the_looks_since_it_was_asked_last() -> None:
    gateway = Gateway()
    gateway.found = {BLUE: 9}
    assert gateway.in_flight.mean() == {BLUE: 9}, "one that nobody has looked for yet"
    for found in ({BLUE: 1}, {BLUE: 0, GREEN: 2}, {BLUE: 0}, {BLUE: 0}):
        gateway.look(found)
    assert gateway.in_flight.mean() == {BLUE: 0.25, GREEN: 0.5}
    gateway.look({BLUE: 3})
    assert gateway.in_flight.mean() == {BLUE: 3}


def test_a_gateway_that_was_away_once_tells_nothing_of_that_stretch() -> None:
    gateway = Gateway()
    gateway.in_flight.mean()
    for found in ({BLUE: 1}, None, {BLUE: 1}):
        gateway.look(found)
    assert gateway.in_flight.mean() is None
    gateway.look({BLUE: 1})
    assert gateway.in_flight.mean() == {BLUE: 1}


def test_nobody_looks_for_whom_nobody_asks() -> None:
    gateway = Gateway()
    gateway.look({BLUE: 1})
    assert (gateway.asked, gateway.in_flight.pause_s) == (0, 1.0)
    gateway.in_flight.mean()
    gateway.look({BLUE: 1})
    assert gateway.asked == 2
    gateway.now += FORGOTTEN_AFTER_S
    gateway.look({BLUE: 1})
    assert (gateway.asked, gateway.in_flight.pause_s) == (2, 1.0)


def test_looks_keep_no_time_and_take_little_of_it() -> None:
    gateway = Gateway()
    gateway.in_flight.mean()
    pauses = [gateway.in_flight.pause_s for _ in range(100)]
    assert OFTEN_S[0] <= min(pauses) < 0.15
    assert 0.25 < max(pauses) <= OFTEN_S[1]
    gateway.took_s = 0.1
    gateway.look({})
    assert round(gateway.in_flight.pause_s, 6) == SHARE * 0.1
