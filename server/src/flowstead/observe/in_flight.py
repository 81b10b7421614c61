"""How many requests deployments have in flight on the average: looked at often, asked for seldom."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from random import Random

Deployment = tuple[str, str]
"""(endpoint, deployment)"""

OFTEN_S = (0.1, 0.3)
"""How long it pauses between two looks, seconds: by chance between these, or requests that come at the pace of the
looks are all seen, or none of them."""

SHARE = 20.0
"""How many times as long as a look took it pauses at the least: Envoy goes through all its counters for one."""

FORGOTTEN_AFTER_S = 5.0
"""For how long nobody must have asked until nobody looks any more, seconds."""

_UNASKED_S = 1.0


class InFlight:
    """One thread looks, another asks. ask: requests in flight at this moment; None while the gateway is away.
    monotonic: seconds."""

    def __init__(
        self, ask: Callable[[], Mapping[Deployment, int] | None], *, monotonic: Callable[[], float], random: Random
    ) -> None:
        self._ask, self._monotonic, self._random = ask, monotonic, random
        self._lock = threading.Lock()
        self._looks, self._sums, self._away = 0, dict[Deployment, int](), False
        self._asked_at, self._took_s = float("-inf"), 0.0

    @property
    def pause_s(self) -> float:
        """How long to wait until the next look, seconds."""
        return max(self._random.uniform(*OFTEN_S), SHARE * self._took_s) if self._is_asked else _UNASKED_S

    def look(self) -> None:
        """Unless nobody asks."""
        if self._is_asked:
            self._take()

    def mean(self) -> Mapping[Deployment, float] | None:
        """Of the looks since it was asked last, one at least. None when the gateway was away at any of them."""
        self._asked_at = self._monotonic()
        if self._looks == 0:
            self._take()
        with self._lock:
            looks, sums, away = self._looks, self._sums, self._away
            self._looks, self._sums, self._away = 0, {}, False
        return None if away else {each: total / looks for each, total in sums.items()}

    @property
    def _is_asked(self) -> bool:
        return self._monotonic() - self._asked_at < FORGOTTEN_AFTER_S

    def _take(self) -> None:
        began = self._monotonic()
        found = self._ask()
        self._took_s = self._monotonic() - began
        with self._lock:
            self._looks += 1
            self._away = self._away or found is None
            for each, count in (found or {}).items():
                self._sums[each] = self._sums.get(each, 0) + count
