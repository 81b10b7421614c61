"""The ends of instances' log files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

MAX_LINES = 5000
"""Azure's bound of `tail`."""
_MAX_BYTES = 4 * 1024 * 1024
"""How much of the end of one file is read at most."""
_STORAGE_INITIALIZER = "storage-initializer"
"""Files whose name begins so tell how the environment and the flow's files were put in place."""


def tail(folder: Path, count: int, *, storage_initializer: bool = False) -> str:
    """The last lines of a deployment's logs, no more than `count` in all: the end of the log that was written last,
    before it what there is room for of the one written before, and so on. Several get a heading each. Empty when there
    is none."""
    logs = [
        log
        for log in folder.glob("*.log")
        if log.name.startswith(_STORAGE_INITIALIZER) == storage_initializer and not log.is_symlink()
    ]
    ends = [(log.stem, last_lines(log, count)) for log in sorted(logs, key=_written_at, reverse=True)]
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


def last_lines(log: Path, count: int) -> Sequence[str]:
    """The last lines of a file, of which no more than 4 MiB are read; empty when it is gone."""
    try:
        descriptor = os.open(log, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return ()
    with os.fdopen(descriptor, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        start = max(0, size - _MAX_BYTES)
        file.seek(start)
        lines = file.read(_MAX_BYTES).decode("utf-8", "replace").splitlines()
    return lines[1:][-count:] if start else lines[-count:]


def _text(lines: Sequence[str]) -> str:
    return "".join(line + "\n" for line in lines)


def _written_at(log: Path) -> tuple[float, str]:
    try:
        return log.stat().st_mtime, log.name
    except OSError:
        return 0.0, log.name
