"""How long requests took: read off the histograms that the gateway keeps of each deployment, kept by the minute in
memory."""

from __future__ import annotations

import math
import threading
from array import array
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from flowstead.observe.spans import Span

LATENCY = "RequestLatency"
"""Azure's name of the metric, of endpoints and of deployments; milliseconds, on the average."""

PERCENTILES: Mapping[str, float] = {f"{LATENCY}_P{percent}": percent / 100 for percent in (50, 90, 95, 99)}
METRICS = (LATENCY, *PERCENTILES)
KEPT_MINUTES = 24 * 60

Histogram = Mapping[float, int]
"""The middle of a range, in milliseconds → how many requests took so long. The gateway's ranges are a millisecond wide
below 100 ms, and less than a tenth of where they begin above."""


@dataclass
class _Slot:
    """counts: while requests of it may still come; then they are kept in a tenth of the room."""

    begins: int
    counts: Counter[float] = field(default_factory=Counter)
    middles: array[float] = field(default_factory=lambda: array("f"))
    times: array[int] = field(default_factory=lambda: array("L"))

    def close(self) -> None:
        self.middles, self.times = array("f", self.counts.keys()), array("L", self.counts.values())
        self.counts = Counter()

    @property
    def histogram(self) -> Histogram:
        return self.counts or dict(zip(self.middles, self.times, strict=True))


@dataclass(frozen=True)
class Took:
    """begins: Unix seconds. Milliseconds, of the requests that were answered in that minute."""

    begins: int
    histogram: Histogram

    @property
    def time(self) -> str:
        return datetime.fromtimestamp(self.begins, UTC).isoformat().replace("+00:00", "Z")

    @property
    def longest(self) -> float:
        return max(self.histogram)

    def value(self, metric: str) -> float:
        return value_of(metric, self.histogram)


class Latencies:
    """Written by one thread, read by any. slot_s: how long the stretches are that are kept apart, seconds."""

    def __init__(self, slot_s: int = 60) -> None:
        self._lock = threading.Lock()
        self._slot_s = slot_s
        self._before: Mapping[str, Histogram] | None = None
        self._slots: dict[str, deque[_Slot]] = {}
        self._looked_at: deque[int] = deque(maxlen=KEPT_MINUTES)

    def take(self, totals: Mapping[str, Histogram], at: float) -> None:
        """One look at all deployments: uid → the histogram since it began. at: Unix seconds.

        What it holds at the first look of all is of no known minute. One that has fallen began anew. A deployment that
        is not there any more is forgotten."""
        begins = int(at) // self._slot_s * self._slot_s
        with self._lock:
            if begins not in self._looked_at:
                self._looked_at.append(begins)
            for uid, now in totals.items():
                before = now if self._before is None else self._before.get(uid, {})
                self._add(uid, begins, _new(before, now))
            self._before = {uid: dict(now) for uid, now in totals.items()}
            self._slots = {uid: kept for uid, kept in self._slots.items() if uid in totals}

    def series(self, uids: Sequence[str], since: float, until: float) -> Sequence[Took]:
        """Of these deployments together, the oldest first, without the minutes that had none. Unix seconds."""
        with self._lock:
            found = self._together(uids)
        return [Took(begins, found[begins]) for begins in sorted(found) if since - self._slot_s < begins < until]

    def spans(self, uids: Sequence[str], metric: str) -> Sequence[Span]:
        """Of these deployments together, the oldest first; also what had no requests."""
        with self._lock:
            found, looked_at = self._together(uids), sorted(self._looked_at)
        return [_span(metric, begins, found.get(begins, {})) for begins in looked_at]

    def _together(self, uids: Sequence[str]) -> Mapping[int, Histogram]:
        sums: dict[int, Counter[float]] = {}
        for uid in uids:
            for slot in self._slots.get(uid, ()):
                sums.setdefault(slot.begins, Counter()).update(slot.histogram)
        return sums

    def _add(self, uid: str, begins: int, counts: Histogram) -> None:
        if not counts:
            return
        kept = self._slots.setdefault(uid, deque(maxlen=KEPT_MINUTES))
        if not kept or kept[-1].begins != begins:
            if kept:
                kept[-1].close()
            kept.append(_Slot(begins))
        kept[-1].counts.update(counts)


def value_of(metric: str, histogram: Histogram) -> float:
    """Milliseconds; of percentiles the nearest rank. histogram: not empty."""
    count = sum(histogram.values())
    if metric not in PERCENTILES:
        return round(math.fsum(middle * times for middle, times in histogram.items()) / count, 3)
    rank, seen = math.ceil(count * PERCENTILES[metric]), 0
    for middle in sorted(histogram):
        seen += histogram[middle]
        if seen >= rank:
            return middle
    raise AssertionError("The last rank is within the count.")


def _span(metric: str, begins: int, counts: Histogram) -> Span:
    if not counts:
        return Span(begins)
    value, weight = value_of(metric, counts), sum(counts.values())
    return Span(begins, value * weight, weight, value, value)


def _new(before: Histogram, now: Histogram) -> Histogram:
    grown = {middle: count - before.get(middle, 0) for middle, count in now.items()}
    began_anew = any(count < 0 for count in grown.values()) or bool(before.keys() - now.keys())
    return {middle: count for middle, count in (now if began_anew else grown).items() if count}
