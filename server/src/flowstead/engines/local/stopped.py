"""Whether a process was stopped, by a signal or a debugger, and can do nothing."""

from __future__ import annotations

import psutil

_STOPPED = (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)


def is_stopped(pid: int) -> bool:
    """The process or one that it started, as the keeper of an instance starts what serves. False when it is gone."""
    try:
        process = psutil.Process(pid)
        return any(each.status() in _STOPPED for each in (process, *process.children(recursive=True)))
    except psutil.Error:
        return False
