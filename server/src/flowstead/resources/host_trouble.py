"""What an exception says of this machine: a full disk and a locked database are told as such, wherever they show."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from flowstead.errors import DatabaseBusy, DiskFull, HostExhausted, PassingTrouble
from flowstead.resources.home import Home

FULL_BELOW_BYTES = 1024 * 1024
"""With less than that a disk counts as full: a page of the database, a log line and a state file have to fit."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_EXHAUSTED = (errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_WORDS = ("No space left on device", "os error 28", "Disk quota exceeded", "database or disk is full")
"""What programs say of it that tell us in words only."""
_PRIMARY = 0xFF
"""SQLite's extended codes hold the primary one in their lowest byte."""


def trouble_of(failure: BaseException, home: Home) -> PassingTrouble | None:
    """The trouble that the exception came of, or that one which it was raised from; None for anything else."""
    for each in _chain(failure):
        if isinstance(each, PassingTrouble):
            return each
        if isinstance(each, OSError) and each.errno in _FULL:
            return disk_full(home, each.filename)
        if isinstance(each, OSError) and each.errno in _EXHAUSTED:
            return HostExhausted(f"This machine has nothing left of what is needed: {os.strerror(each.errno)}.")
        if isinstance(each, sqlite3.Error):
            code = getattr(each, "sqlite_errorcode", 0) & _PRIMARY
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                return DatabaseBusy("Another process keeps the database locked.", where=f"It is {home.database}.")
            if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and full_disks(home)):
                return disk_full(home, home.database)
    return disk_full(home) if _speaks_of_a_full_disk(str(failure)) else None


def _speaks_of_a_full_disk(text: str) -> bool:
    return any(words in text for words in _WORDS)


def disk_full(home: Home, path: object = None) -> DiskFull:
    """path: what could not be written; the fullest of the home's disks is meant unless given."""
    place = _existing(Path(os.fsdecode(path))) if isinstance(path, str | bytes | Path) else None
    disk = place if place is not None else min(_places(home), key=lambda each: _free(each)[0])
    free, total = _free(disk)
    written = f" while {os.fsdecode(path)} was written" if isinstance(path, str | bytes | Path) else ""
    return DiskFull(
        f"The server's disk is full: {_mb(free)} of {_mb(total)} MB are free.",
        where=f"It is the disk of {_mount(disk)}{written}. Flowstead's own files are under {home.root}.",
    )


def full_disks(home: Home) -> Sequence[Path]:
    """Where the home's disks are mounted that are full now."""
    return sorted({_mount(each) for each in _places(home) if _is_full(each)})


def _places(home: Home) -> Sequence[Path]:
    return [each for each in (home.root, home.run) if each.exists()] or [Path("/")]


def _is_full(place: Path) -> bool:
    found = os.statvfs(place)
    no_files = found.f_files > 0 and found.f_favail == 0
    return found.f_bavail * found.f_frsize < FULL_BELOW_BYTES or no_files


def _free(place: Path) -> tuple[int, int]:
    """Free bytes and all."""
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize


def _existing(path: Path) -> Path | None:
    return next((each for each in (path, *path.parents) if each.is_absolute() and each.exists()), None)


def _mount(place: Path) -> Path:
    place = place.resolve()
    return next(each for each in (place, *place.parents) if os.path.ismount(each) or each == each.parent)


def _mb(count: int) -> str:
    return f"{count / 1e6:.0f}"


def _chain(failure: BaseException) -> Iterator[BaseException]:
    """The exception and what it came of."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [failure]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [each.__cause__, each.__context__, getattr(each, "orig", None)]
