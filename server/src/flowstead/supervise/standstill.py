"""Whether a process was stopped, by a signal or a debugger, and can do nothing: neither work nor hear that it is to
end."""

from __future__ import annotations

import sys
from collections.abc import Callable

import psutil

from flowstead import process_tree

STANDSTILL_S = 3.0
"""Who is found stopped at each look for so long is not waited for any more."""

_UNSEEN_S = 20.0
"""Who was not looked at for so long may have run meanwhile."""

_STOPPED = ("T", "t")
_LETTERS = {
    psutil.STATUS_STOPPED: "T",
    psutil.STATUS_TRACING_STOP: "t",
    psutil.STATUS_ZOMBIE: "",
    psutil.STATUS_DEAD: "",
}


def is_stopped(pid: int, *, family: bool = True) -> bool:
    """family: it or one that it started, as the keeper of an instance starts what serves. False when it is gone."""
    return any(_state(each) in _STOPPED for each in (process_tree.family(pid) if family else (pid,)))


def has_ended(pid: int) -> bool:
    """Though perhaps nobody has asked for its exit code yet."""
    return not _state(pid)


def _state(pid: int) -> str:
    """As of `process_tree.process_state`."""
    if sys.platform == "linux":  # psutil takes ten times as long, and there may be hundreds to look at each second
        return process_tree.process_state(pid)
    try:
        return _LETTERS.get(psutil.Process(pid).status(), "R")
    except psutil.Error:
        return ""


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
            self.forget(pid)
            return False
        now = self._monotonic()
        since, last = self._seen.get(pid, (now, now))
        since = now if now - last > _UNSEEN_S else since
        self._seen[pid] = (since, now)
        return now - since >= STANDSTILL_S

    def forget(self, pid: int) -> None:
        """It is known to have run."""
        self._seen.pop(pid, None)
