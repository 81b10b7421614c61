"""Processes by their ids, and the ways to end them. Standard library only: every supervisor carries it."""

# pathlib and contextlib would cost every instance a megabyte
# ruff: noqa: PTH123, SIM105

from __future__ import annotations

import os
import signal
import sys
import time

_LAST_KILL_S = 2.0
SET_DUMPABLE, _SET_CHILD_SUBREAPER = 4, 36


def process_start(pid: int) -> str:
    """When the process began, in the kernel's own count (a pid may be reused, this pair is not); "" when it is gone
    or a zombie, or when the system has no /proc."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in (b"Z", b"X") else fields[19].decode()


def kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def adopt_orphans() -> None:
    """On Linux, children that the process left behind become ours instead of init's, so that none outlives it."""
    if sys.platform == "linux":
        process_option(_SET_CHILD_SUBREAPER, 1)


def process_option(option: int, value: int) -> None:
    import ctypes

    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def kill_descendants() -> None:
    """Kill adopted orphans that left the process group (daemons), and theirs, until none is left."""
    give_up_at = time.monotonic() + _LAST_KILL_S
    while (children := _children()) and time.monotonic() < give_up_at:
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, os.WNOHANG)
            except (ProcessLookupError, ChildProcessError):
                continue
        time.sleep(0.001)


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []
