"""The shared memory by which Envoys take over from one another: whether there is any, and by which number it goes."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

_SEGMENTS = Path("/dev/shm")  # noqa: S108 this is where shm_open puts them
_SCALE = 10
"""Envoy multiplies the number that it is given."""
_NUMBERS = (2**31 - 1) // _SCALE
"""So many: where Envoy's product does not fit into 32 bits, it names its sockets by other numbers than its memory."""
_PAGE = 4096


def is_there(segments: Path = _SEGMENTS) -> bool:
    """Whether Envoy could make a segment here. On macOS it is built without hot restart."""
    if sys.platform != "linux":
        return False
    try:
        with tempfile.TemporaryFile(dir=segments) as file:
            os.posix_fallocate(file.fileno(), 0, _PAGE)  # a full file system would end Envoy with SIGBUS
    except OSError:
        return False
    return True


def base_id_of(home: Path, is_taken: Callable[[int], bool] | None = None) -> int:
    """The home's own number; the next of a fixed row when somebody else's Envoy has that one at the moment."""
    taken = is_taken or _is_taken
    attempt = 0
    while taken(number := _candidate(home, attempt)):
        attempt += 1
    return number


def forget(base_id: int) -> None:
    """Remove the segment of Envoys that have ended: they leave it behind. Another's stays."""
    if not _is_taken(base_id):
        _segment(base_id).unlink(missing_ok=True)


def _candidate(home: Path, attempt: int) -> int:
    digest = hashlib.sha256(os.fsencode(home.resolve()) + f"/{os.getuid()}/{attempt}".encode()).digest()
    return int.from_bytes(digest[:4]) % _NUMBERS


def _segment(base_id: int) -> Path:
    return _SEGMENTS / f"envoy_shared_memory_{base_id * _SCALE}"


def _is_taken(base_id: int) -> bool:
    """Whether the segment is another user's, or a process that lives has it; what a killed Envoy left is nobody's."""
    segment = _segment(base_id)
    try:
        if segment.stat().st_uid != os.getuid():
            return True
    except OSError:
        return False
    name = os.fsencode(segment)
    return any(name in _maps(process) for process in Path("/proc").iterdir() if process.name.isdigit())


def _maps(process: Path) -> bytes:
    try:
        return (process / "maps").read_bytes()
    except OSError:
        return b""  # it has ended, or it is another user's and could not have our segment
