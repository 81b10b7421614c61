"""Processes by their ids, and the ways to end them. Standard library only: every supervisor carries it."""

# pathlib and contextlib would cost every instance a megabyte
# ruff: noqa: PTH123, PTH208, SIM105

from __future__ import annotations

import os
import signal
import sys
import time

_LAST_KILL_S = 2.0
_ENDED = (b"Z", b"X")
SET_DUMPABLE, _SET_CHILD_SUBREAPER = 4, 36


def process_start(pid: int) -> str:
    """When the process began, in the kernel's own count (a pid may be reused, this pair is not); "" when it is gone
    or a zombie, or when the system has no /proc."""
    fields = _stat_fields(pid)
    return fields[19].decode() if fields and fields[0] not in _ENDED else ""


def process_state(pid: int) -> str:
    """The kernel's letter for what it does, as R, S or T; "" when it is gone or a zombie, or when the system has no
    /proc."""
    fields = _stat_fields(pid)
    return fields[0].decode() if fields and fields[0] not in _ENDED else ""


def _stat_fields(pid: int) -> list[bytes]:
    """From the third on, which is the state: a name may hold anything."""
    try:
        number = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        return os.read(number, 4096).rpartition(b")")[2].split()
    except OSError:  # it has ended meanwhile
        return []
    finally:
        os.close(number)


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
    while (children := _children(os.getpid())) and time.monotonic() < give_up_at:
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, os.WNOHANG)
            except (ProcessLookupError, ChildProcessError):
                continue
        time.sleep(0.001)


def family(pid: int) -> list[int]:
    """The process, its children, theirs and so on; the process alone where the kernel does not tell."""
    found = [pid]
    for each in found:  # grows meanwhile
        found += _children(each)
    return found


def _children(pid: int) -> list[int]:
    """Whichever of its threads started them."""
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb", buffering=0) as file:
                found += map(int, file.read().split())
        except OSError:
            continue  # it has ended
    return found
