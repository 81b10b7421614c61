"""(settings, what there was to do, what there is) → how many instances there shall be, and why. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from flowstead.resources.scaling import TargetUtilization

SHORTEST_WINDOW_S, LONGEST_WINDOW_S = 5.0, 60.0
"""Over how long requests in flight are averaged, seconds, whatever the polling interval: one second is a throw of
dice, and who waits for more than a minute's worth comes too late."""

_COVERED = 0.8
"""How much of its window must have been looked at before a mean counts."""


@dataclass(frozen=True)
class Look:
    """at: on the monotonic clock. in_flight: requests that the gateway waited for on the average since the look before,
    those that queue included."""

    at: float
    in_flight: float


@dataclass(frozen=True)
class Need:
    """What the looks of one window came to. at: when it ended, on the monotonic clock. in_flight: on the average;
    instances: that would have been utilised by their target at the most, 0 for no request at all."""

    at: float
    window_s: float
    in_flight: float
    instances: int


@dataclass(frozen=True)
class Change:
    """count: how many there shall be; the same as there are when only what is said of it changes. reason: in words.
    setting: ARM id of the autoscale setting that asks for it, "" for none; rests_s: how long its rules rest then."""

    count: int
    reason: str
    setting: str = ""
    rests_s: float = 0.0


def window_s(scale: TargetUtilization) -> float:
    return min(max(scale.polling_interval_s, SHORTEST_WINDOW_S), LONGEST_WINDOW_S)


def need_of(scale: TargetUtilization, concurrency: int, looks: Sequence[Look], now: float) -> Need | None:
    """looks: the oldest first. concurrency: requests that an instance runs at once. None when too little was seen.

    It does not depend on how many instances there are, so the same load always comes to the same number."""
    window = window_s(scale)
    within = [each for each in looks if each.at >= now - window]
    if not within or now - within[0].at < window * _COVERED:
        return None
    mean = sum(each.in_flight for each in within) / len(within)
    instances = math.ceil(round(100 * mean / (concurrency * scale.target_percent), 6))
    return Need(now, window, mean, instances)


def decide_count(
    scale: TargetUtilization,
    concurrency: int,
    count: int,
    needs: Sequence[Need],
    *,
    now: float,
    scale_in_after_s: float,
) -> Change | None:
    """None to leave it. needs: the oldest first. count: how many there shall be now.

    More at once; fewer only when no need of the last scale_in_after_s was for more, and all of that time was seen."""
    if not needs:
        return None
    last = needs[-1]
    if scale.bounded(last.instances) > count:
        return _change(scale, concurrency, count, last, last.instances)
    if needs[0].at > now - scale_in_after_s:
        return None
    most = max((each for each in needs if each.at >= now - scale_in_after_s), key=_instances, default=last)
    if scale.bounded(most.instances) >= count:
        return None
    return _change(scale, concurrency, count, most, most.instances, f"at most for {scale_in_after_s:.0f} s")


def kept_needs(needs: Sequence[Need], now: float, scale_in_after_s: float) -> Sequence[Need]:
    """What may still be asked for: those of that time, and the last one before it, which tells that all of it was
    seen."""
    older = [each for each in needs if each.at <= now - scale_in_after_s]
    return (*older[-1:], *(each for each in needs if each.at > now - scale_in_after_s))


def _instances(need: Need) -> int:
    return need.instances


def _change(
    scale: TargetUtilization, concurrency: int, count: int, need: Need, instances: int, how_long: str = ""
) -> Change:
    wanted = scale.bounded(instances)
    percent = 100 * need.in_flight / (concurrency * max(1, count))
    lasting = how_long or f"for {need.window_s:.0f} s"
    return Change(wanted, f"utilisation {percent:.0f} % {lasting}: {count} → {wanted}")
