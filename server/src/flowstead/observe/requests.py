"""How many requests deployments have answered: read off the gateway's own counters, kept by the minute in memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flowstead.observe.spans import Span, of_one

REQUESTS = "RequestsPerMinute"
"""Azure's name of the metric, of endpoints and of deployments."""
KEPT_MINUTES = 24 * 60
HOUR_S = 3600.0


@dataclass(frozen=True)
class Counted:
    """begins: Unix seconds. count: requests answered in that minute."""

    begins: int
    count: int

    @property
    def time(self) -> str:
        return datetime.fromtimestamp(self.begins, UTC).isoformat().replace("+00:00", "Z")


class Requests:
    """Written by one thread, read by any. slot_s: how long the stretches are that are kept apart, seconds."""

    def __init__(self, slot_s: int = 60) -> None:
        self._lock = threading.Lock()
        self._slot_s = slot_s
        self._looked_at: deque[int] = deque(maxlen=KEPT_MINUTES)
        self._before: Mapping[str, int] | None = None
        self._minutes: dict[str, deque[Counted]] = {}

    def take(self, answered: Mapping[str, int], at: float) -> None:
        """One look at all deployments: uid → requests answered since its counter began. at: Unix seconds.

        What a counter holds at the first look of all is of no known minute. A counter that has fallen began anew. A
        deployment that is not there any more is forgotten."""
        begins = int(at) // self._slot_s * self._slot_s
        with self._lock:
            if begins not in self._looked_at:
                self._looked_at.append(begins)
            for uid, total in answered.items():
                before = total if self._before is None else self._before.get(uid, 0)
                self._add(uid, begins, total - before if total >= before else total)
            self._before = dict(answered)
            self._minutes = {uid: kept for uid, kept in self._minutes.items() if uid in answered}

    def series(self, uids: Sequence[str], since: float, until: float) -> Sequence[Counted]:
        """Of these deployments together, the oldest first, without the minutes that had none. Unix seconds."""
        with self._lock:
            sums = self._together(uids)
        return [Counted(begins, sums[begins]) for begins in sorted(sums) if since - self._slot_s < begins < until]

    def spans(self, uids: Sequence[str]) -> Sequence[Span]:
        """Of these deployments together, requests a minute, the oldest first; also what had none. The sum of a
        stretch's values is how many requests it had."""
        minutes = self._slot_s / 60
        with self._lock:
            sums, looked_at = self._together(uids), sorted(self._looked_at)
        return [of_one(begins, sums.get(begins, 0) / minutes, minutes) for begins in looked_at]

    def last_hour(self, now: float) -> Mapping[str, int]:
        """By the deployments' uids, of all that had any."""
        with self._lock:
            sums = {
                uid: sum(each.count for each in kept if each.begins > now - HOUR_S)
                for uid, kept in self._minutes.items()
            }
        return {uid: count for uid, count in sums.items() if count}

    def _together(self, uids: Sequence[str]) -> Mapping[int, int]:
        sums: dict[int, int] = {}
        for uid in uids:
            for each in self._minutes.get(uid, ()):
                sums[each.begins] = sums.get(each.begins, 0) + each.count
        return sums

    def _add(self, uid: str, begins: int, count: int) -> None:
        if count == 0:
            return
        kept = self._minutes.setdefault(uid, deque(maxlen=KEPT_MINUTES))
        if kept and kept[-1].begins == begins:
            count += kept.pop().count
        kept.append(Counted(begins, count))
