"""Whether a process was stopped, by a signal or a debugger, and can do nothing: neither work nor hear that it is to
end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from flowstead import process_tree

STANDSTILL_S = 3.0
"""Who is found stopped at each look for so long is not waited for any more."""

_UNSEEN_S = 20.0
"""Who was not looked at for so long may have run meanwhile."""

_STOPPED = (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
_LETTERS = {
    b"T": psutil.STATUS_STOPPED,
    b"t": psutil.STATUS_TRACING_STOP,
    b"Z": psutil.STATUS_ZOMBIE,
    b"X": psutil.STATUS_ZOMBIE,
}


def is_stopped(pid: int, *, family: bool = True) -> bool:
    """family: it or one that it started, as the keeper of an instance starts what serves. False when it is gone."""
    return any(_status(each) in _STOPPED for each in (process_tree.family(pid) if family else (pid,)))


def has_ended(pid: int) -> bool:
    """Though perhaps nobody has asked for its exit code yet."""
    return _status(pid) in ("", psutil.STATUS_ZOMBIE)


def _status(pid: int) -> str:
    """In psutil's words; "" when it is gone."""
    try:
        if sys.platform == "linux":  # psutil takes six times as long, and there may be hundreds to look at each second
            letter = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split(None, 1)[0]
            return _LETTERS.get(letter, psutil.STATUS_RUNNING)
        return psutil.Process(pid).status()
    except (OSError, psutil.Error):
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
