"""How many requests deployments have answered: read off the gateway's own counters, kept by the minute in memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

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
    """Written by one thread, read by any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._before: Mapping[str, int] | None = None
        self._minutes: dict[str, deque[Counted]] = {}

    def take(self, answered: Mapping[str, int], at: float) -> None:
        """One look at all deployments: uid → requests answered since its counter began. at: Unix seconds.

        What a counter holds at the first look of all is of no known minute. A counter that has fallen began anew. A
        deployment that is not there any more is forgotten."""
        begins = int(at) // 60 * 60
        with self._lock:
            for uid, total in answered.items():
                before = total if self._before is None else self._before.get(uid, 0)
                self._add(uid, begins, total - before if total >= before else total)
            self._before = dict(answered)
            self._minutes = {uid: kept for uid, kept in self._minutes.items() if uid in answered}

    def series(self, uids: Sequence[str], since: float, until: float) -> Sequence[Counted]:
        """Of these deployments together, the oldest first, without the minutes that had none. Unix seconds."""
        sums: dict[int, int] = {}
        with self._lock:
            for uid in uids:
                for each in self._minutes.get(uid, ()):
                    if since - 60 < each.begins < until:
                        sums[each.begins] = sums.get(each.begins, 0) + each.count
        return [Counted(begins, sums[begins]) for begins in sorted(sums)]

    def last_hour(self, now: float) -> Mapping[str, int]:
        """By the deployments' uids, of all that had any."""
        with self._lock:
            sums = {
                uid: sum(each.count for each in kept if each.begins > now - HOUR_S)
                for uid, kept in self._minutes.items()
            }
        return {uid: count for uid, count in sums.items() if count}

    def _add(self, uid: str, begins: int, count: int) -> None:
        if count == 0:
            return
        kept = self._minutes.setdefault(uid, deque(maxlen=KEPT_MINUTES))
        if kept and kept[-1].begins == begins:
            count += kept.pop().count
        kept.append(Counted(begins, count))
