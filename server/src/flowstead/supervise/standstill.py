"""Whether a process was stopped, by a signal or a debugger, and can do nothing: neither work nor hear that it is to
end."""

from __future__ import annotations

from collections.abc import Callable

import psutil

STANDSTILL_S = 3.0
"""Who is found stopped at each look for so long is not waited for any more."""

_UNSEEN_S = 20.0
"""Who was not looked at for so long may have run meanwhile."""

_STOPPED = (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)


def is_stopped(pid: int, *, family: bool = True) -> bool:
    """family: it or one that it started, as the keeper of an instance starts what serves. False when it is gone."""
    try:
        process = psutil.Process(pid)
        return any(
            each.status() in _STOPPED for each in (process, *(process.children(recursive=True) if family else ()))
        )
    except psutil.Error:
        return False


def has_ended(pid: int) -> bool:
    """Though perhaps nobody has asked for its exit code yet."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


class Standstill:
    """Which processes have been stopped for long, found by one who looks at them again and again."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """monotonic: seconds."""
        self._monotonic = monotonic
        self._seen: dict[int, tuple[float, float]] = {}
        """pid → since when it is stopped, and when it was looked at last"""

    def lasts(self, pid: int, *, family: bool = True) -> bool:
        """Whether the process has been stopped for STANDSTILL_S. family: as of `is_stopped`."""
        if not is_stopped(pid, family=family):
            self._seen.pop(pid, None)
            return False
        now = self._monotonic()
        since, last = self._seen.get(pid, (now, now))
        since = now if now - last > _UNSEEN_S else since
        self._seen[pid] = (since, now)
        return now - since >= STANDSTILL_S
