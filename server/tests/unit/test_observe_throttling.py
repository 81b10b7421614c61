from __future__ import annotations

import pytest

from flowstead.observe.throttling import Throttling


def counts(periods: int, throttled: int) -> dict[str, dict[str, int]]:
    return {"i": {"nr_periods": periods, "nr_throttled": throttled, "throttled_usec": 7}}


@pytest.mark.parametrize(
    ("looks", "share"),
    [
        ([(0, 0)], 0.0),
        ([(0, 0), (100, 40)], 0.4),
        ([(1000, 900), (1100, 910)], 0.1),
        ([(0, 0), (10, 10)], 0.0),  # too little to say anything
        ([(0, 0), (100, 50), (0, 0), (100, 50)], 0.5),  # started anew, counted from 0
    ],
)
def test_the_share_is_of_what_was_counted_meanwhile(looks: list[tuple[int, int]], share: float) -> None:
    throttling = Throttling()
    for number, look in enumerate(looks):
        throttling.take(counts(*look), at=5.0 * number)
    assert throttling.share("i") == share


def test_what_is_long_ago_does_not_count() -> None:
    throttling = Throttling()
    throttling.take(counts(0, 0), at=0.0)
    throttling.take(counts(1000, 1000), at=5.0)
    for at in range(10, 400, 5):
        throttling.take(counts(1000 + at, 1000), at=float(at))
    assert throttling.share("i") == 0.0


def test_nothing_is_said_of_who_is_not_counted() -> None:
    throttling = Throttling()
    throttling.take(counts(0, 0), at=0.0)
    throttling.take({}, at=5.0)
    assert throttling.share("i") is None
