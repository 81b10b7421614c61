"""Instances' log files: their ends, and what is written to them as it is.

A log that has become too long goes on in a new file, see `flowstead.rotating_log`: NAME.log, before it NAME.log.1, and
so on. Readers see one log.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from flowstead.resources.home import Home
from flowstead.store.records import DeploymentRecord
from flowstead.supervise.specification import LOG_FILES

MAX_LINES = 5000
"""Azure's bound of `tail`."""
_MAX_BYTES = 4 * 1024 * 1024
"""How much of the end of one file is read at most."""
_STORAGE_INITIALIZER = "storage-initializer"
"""Files whose name begins so tell how the environment and the flow's files were put in place."""


def tail(folder: Path, count: int, *, storage_initializer: bool = False, instance: str = "") -> str:
    """The last lines of a deployment's logs, no more than `count` in all: the end of the log that was written last,
    before it what there is room for of the one written before, and so on. Several get a heading each. Empty when there
    is none. instance: whose alone, "" for all."""
    logs = _logs(folder, storage_initializer=storage_initializer, instance=instance)
    ends = [(log.stem, last_lines(log, count)) for log in reversed(logs)]
    ends = [(name, lines) for name, lines in ends if lines]
    if not ends:
        return ""
    # A lone log needs no heading, and one line has no room for it.
    if len(ends) == 1 or count == 1:
        return _text(ends[0][1])
    shown: list[str] = []
    room = count
    for name, lines in ends:
        room -= 2 if shown else 1  # a heading, and an empty line between two logs
        if room < 1:
            break
        shown.append(f"==> {name} <==\n{_text(lines[-room:])}")
        room -= len(lines[-room:])
    return "\n".join(reversed(shown))


def last_lines(log: Path, count: int, until: int | None = None) -> Sequence[str]:
    """The last lines of a log, of whose files no more than 4 MiB each are read; empty when it is gone. until: where the
    newest of them shall be taken to end."""
    lines = list(_last_of_file(log, count, until))
    for older in _older(log):
        if len(lines) >= count:
            break
        lines[:0] = _last_of_file(older, count - len(lines), None)
    return lines or ()


def _last_of_file(log: Path, count: int, until: int | None) -> Sequence[str]:
    opened = _open(log)
    if opened is None:
        return ()
    with opened as file:
        size = file.seek(0, os.SEEK_END) if until is None else until
        start = max(0, size - _MAX_BYTES)
        file.seek(start)
        lines = file.read(size - start).decode("utf-8", "replace").splitlines()
    return lines[1:][-count:] if start else lines[-count:]


class LogFollower:
    """What is written to a deployment's logs, look by look; the first look gives their last lines, `tail` in all."""

    def __init__(self, folder: Path, tail: int, *, storage_initializer: bool, instance: str = "") -> None:
        """instance: whose alone, "" for all."""
        self._tail = tail
        self._find = partial(_logs, folder, storage_initializer=storage_initializer, instance=instance)
        self._places: dict[str, _Place] | None = None

    def look(self) -> Sequence[tuple[str, Sequence[str]]]:
        """(name of the log, its new whole lines) of each log that has any, the one written last at the end. Of what has
        come meanwhile a log gives no more than 4 MiB at once, and the rest at the next look."""
        logs = self._find()
        before = self._places
        if before is None:
            places = self._places = {log.name: _end_of(log) for log in logs}
            return _last_of_all([(log, places[log.name].offset) for log in logs], self._tail)
        places = self._places = {log.name: before.get(log.name, _Place()) for log in logs}
        found = [(log.stem, places[log.name].read(log)) for log in logs]
        return [(name, lines) for name, lines in found if lines]


def _last_of_all(logs: Sequence[tuple[Path, int]], count: int) -> Sequence[tuple[str, Sequence[str]]]:
    """Of (log, where it ends), the one written last at the end: its last lines, before them those of the others that
    there is room for."""
    shown: list[tuple[str, Sequence[str]]] = []
    for log, end in reversed(logs):
        lines = last_lines(log, count, until=end) if count else ()
        count -= len(lines)
        shown += [(log.stem, lines)] if lines else []
    return shown[::-1]


@dataclass
class _Place:
    """How far a log has been read: up to the end of a line. file: which of its files that is, by its inode."""

    file: int = 0
    offset: int = 0

    def read(self, log: Path) -> Sequence[str]:
        """A file that was turned over is read to its end before the next one is begun."""
        parts = [log, *_older(log)]
        behind = next((n for n, part in enumerate(parts) if n and self.file and _inode(part) == self.file), 0)
        for part in parts[behind:0:-1]:
            if lines := self._read(part):
                return lines
        return self._read(log)

    def _read(self, log: Path) -> Sequence[str]:
        opened = _open(log)
        if opened is None:
            return ()
        with opened as file:
            about = os.fstat(file.fileno())
            if about.st_ino != self.file or about.st_size < self.offset:  # begun anew
                self.file, self.offset = about.st_ino, 0
            if about.st_size == self.offset:
                return ()
            file.seek(self.offset)
            read = file.read(_MAX_BYTES)
        whole, end, _ = read.rpartition(b"\n")
        if not end and len(read) < _MAX_BYTES:
            return ()
        text = whole if end else read
        self.offset += len(text) + len(end)
        return text.decode("utf-8", "replace").split("\n")


def _end_of(log: Path) -> _Place:
    """After the last whole line."""
    opened = _open(log)
    if opened is None:
        return _Place()
    with opened as file:
        about = os.fstat(file.fileno())
        start = max(0, about.st_size - _MAX_BYTES)
        file.seek(start)
        end = file.read(about.st_size - start).rfind(b"\n") + 1
    return _Place(about.st_ino, start + end)


def folder_of(home: Home, deployment: DeploymentRecord) -> Path:
    """Where its instances' logs lie."""
    return home.logs / "endpoints" / deployment.parent_id.rpartition("/")[2] / deployment.name


def _logs(folder: Path, *, storage_initializer: bool, instance: str) -> Sequence[Path]:
    """The one written last at the end. instance: whose alone, "" for all."""
    found = [
        log
        for log in folder.glob("*.log")
        if log.name.startswith(_STORAGE_INITIALIZER) == storage_initializer
        and (not instance or log.stem == instance)
        and not log.is_symlink()
    ]
    return sorted(found, key=_written_at)


def _older(log: Path) -> Sequence[Path]:
    """The files in which it was before, the newest first."""
    found = [log.with_name(f"{log.name}.{number}") for number in range(1, LOG_FILES)]
    return [each for each in found if each.exists()]


def _inode(log: Path) -> int:
    try:
        return log.lstat().st_ino
    except OSError:
        return 0


def _open(log: Path) -> BinaryIO | None:
    """None when it is gone."""
    try:
        return os.fdopen(os.open(log, os.O_RDONLY | os.O_NOFOLLOW), "rb")
    except OSError:
        return None


def _text(lines: Sequence[str]) -> str:
    return "".join(line + "\n" for line in lines)


def _written_at(log: Path) -> tuple[float, str]:
    try:
        return log.stat().st_mtime, log.name
    except OSError:
        return 0.0, log.name
