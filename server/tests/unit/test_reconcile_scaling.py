"""How many instances there shall be by what there was to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstead.reconcile.scaling import Change, Look, Need, decide_count, kept_needs, need_of
from flowstead.resources.scaling import TargetUtilization

SCALE = TargetUtilization(min_instances=1, max_instances=5, target_percent=70)
AFTER_S = 300.0


def looks(*in_flight: int, until: float = 100.0) -> list[Look]:
    """One a second, the last one at that time."""
    return [Look(until - len(in_flight) + 1 + number, each) for number, each in enumerate(in_flight)]


@pytest.mark.parametrize(
    ("polling_s", "in_flight", "instances"),
    [
        (1, (0,) * 6, 0),
        (1, (1,) * 6, 1),
        (1, (7,) * 6, 1),
        (1, (8,) * 6, 2),
        (1, (100,) * 5 + (7,) * 6, 1),
        (1, (0, 0, 0, 0, 0, 100), 3),
        (1, (70, 70), None),
        (1, (), None),
        (30, (100,) * 20, None),
        (30, (7,) * 31, 1),
        (30, (100,) * 30 + (7,) * 31, 1),
        (3600, (7,) * 61, 1),
    ],
)
def test_what_the_looks_of_a_window_come_to(
    polling_s: float, in_flight: tuple[int, ...], instances: int | None
) -> None:
    scale = TargetUtilization(max_instances=5, polling_interval_s=polling_s)
    need = need_of(scale, 10, looks(*in_flight), now=100.0)
    assert (need and need.instances) == instances


def needs(*each: tuple[float, int]) -> list[Need]:
    """(at, instances), with as many requests in flight as that takes."""
    return [Need(at, 5.0, 7.0 * instances, instances) for at, instances in each]


@pytest.mark.parametrize(
    ("count", "seen", "change"),
    [
        (2, needs(), None),
        (2, needs((1000, 2)), None),
        (2, needs((1000, 3)), Change(3, "utilisation 105 % for 5 s: 2 → 3")),
        (2, needs((999, 9), (1000, 3)), Change(3, "utilisation 105 % for 5 s: 2 → 3")),
        (2, needs((1000, 9)), Change(5, "utilisation 315 % for 5 s: 2 → 5")),
        (5, needs((1000, 9)), None),
        (1, needs((600, 0), (1000, 0)), None),
        (3, needs((1000, 1)), None),
        (3, needs((701, 1), (1000, 1)), None),
        (3, needs((700, 1), (1000, 1)), Change(1, "utilisation 23 % at most for 300 s: 3 → 1")),
        (3, needs((600, 9), (800, 2), (1000, 0)), Change(2, "utilisation 47 % at most for 300 s: 3 → 2")),
        (3, needs((600, 1), (701, 3), (1000, 0)), None),
    ],
)
def test_more_at_once_and_fewer_when_they_were_enough_for_long(
    count: int, seen: Sequence[Need], change: Change | None
) -> None:
    assert decide_count(SCALE, 10, count, seen, now=1000.0, scale_in_after_s=AFTER_S) == change


def test_what_may_still_be_asked_for_is_kept() -> None:
    seen = needs((1, 1), (699, 2), (700, 3), (701, 4), (1000, 5))
    assert [each.at for each in kept_needs(seen, 1000.0, AFTER_S)] == [700, 701, 1000]
    assert kept_needs((), 1000.0, AFTER_S) == ()


def counts(
    scale: TargetUtilization, concurrency: int, start: int, load: Callable[[int, int], int], seconds: int
) -> list[int]:
    """The number of instances after each second. load: (second, instances) → requests in flight."""
    count, seen, wanted, found = start, list[Look](), tuple[Need, ...](), list[int]()
    for second in range(seconds):
        seen.append(Look(float(second), load(second, count)))
        need = need_of(scale, concurrency, seen[-70:], float(second))
        if need is not None:
            wanted = tuple(kept_needs((*wanted, need), float(second), 20.0))
            change = decide_count(scale, concurrency, count, wanted, now=float(second), scale_in_after_s=20.0)
            count = change.count if change is not None else count
        found.append(count)
    return found


SCALES = st.builds(
    lambda least, more, percent: TargetUtilization(least, max(1, least) + more, target_percent=percent),
    st.integers(0, 5),
    st.integers(0, 20),
    st.integers(1, 100),
)


@given(SCALES, st.integers(1, 50), st.data(), st.lists(st.integers(0, 2000), min_size=40, max_size=80))
def test_whatever_comes_it_stays_within_the_bounds(
    scale: TargetUtilization, concurrency: int, data: st.DataObject, load: list[int]
) -> None:
    start = data.draw(st.integers(max(1, scale.min_instances), scale.max_instances))
    found = counts(scale, concurrency, start, lambda second, count: load[second], len(load))
    assert all(max(1, scale.min_instances) <= each <= scale.max_instances for each in found)


@given(SCALES, st.integers(1, 50), st.data(), st.integers(0, 2000), st.integers(0, 50))
def test_under_a_load_that_stays_the_same_it_never_goes_up_and_down(
    scale: TargetUtilization, concurrency: int, data: st.DataObject, load: int, queue: int
) -> None:
    """What the instances have no room for is refused, and not seen."""
    start = data.draw(st.integers(max(1, scale.min_instances), scale.max_instances))
    found = [start, *counts(scale, concurrency, start, lambda _, count: min(load, count * (concurrency + queue)), 200)]
    assert found in (sorted(found), sorted(found, reverse=True))
    assert len(set(found[-20:])) == 1, "it comes to rest"
