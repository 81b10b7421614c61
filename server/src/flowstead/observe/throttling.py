"""How often instances had to wait for their share of the processors, over the last minutes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import pairwise

WINDOW_S = 300.0
FEWEST_PERIODS = 50
"""Periods in which it had something to do; of fewer nothing is said. A period is a tenth of a second."""


class Throttling:
    """Written by one thread, read by any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, deque[tuple[float, int, int]]] = {}

    def take(self, counts: Mapping[str, Mapping[str, int]], at: float) -> None:
        """counts: instance → what its `cpu.stat` says. at: Unix time. What is not among them is forgotten."""
        with self._lock:
            self._counts = {id: self._counts.get(id, deque()) for id in counts}
            for id, count in counts.items():
                kept = self._counts[id]
                kept.append((at, count.get("nr_periods", 0), count.get("nr_throttled", 0)))
                while at - kept[0][0] > WINDOW_S:
                    kept.popleft()

    def share(self, instance: str) -> float | None:
        """From 0 to 1; None for one that is not counted."""
        with self._lock:
            kept = list(self._counts.get(instance, ()))
        return _share(kept) if kept else None


def _share(kept: Sequence[tuple[float, int, int]]) -> float:
    """A worker that is started anew may be counted from 0 again."""
    periods = throttled = 0
    for (_, before, waited_before), (_, after, waited) in pairwise(kept):
        if after >= before:
            periods += after - before
            throttled += max(0, waited - waited_before)
    return throttled / periods if periods >= FEWEST_PERIODS else 0.0
