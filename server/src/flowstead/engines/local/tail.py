"""The end of a log file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_BYTES_A_LINE = 4096
"""Read at most this much for each line asked for; longer lines lose their beginning."""

_LONGEST_LINE = 500
"""Characters: errors hold such lines, and are read by people."""


def last_lines(path: Path, count: int) -> Sequence[str]:
    """The last lines of a text file, without line ends and cut when they are long; empty when there is no file or
    count is 0."""
    if count <= 0:
        return ()
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            start = max(0, size - count * _BYTES_A_LINE)
            file.seek(start)
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ()
    return tuple(_cut(each) for each in lines[-count:])


def _cut(line: str) -> str:
    more = len(line) - _LONGEST_LINE
    return line if more <= 0 else f"{line[:_LONGEST_LINE]}… ({more} more characters)"
