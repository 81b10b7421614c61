"""A log file of bounded size. Standard library only, and little of it: every supervisor carries one."""

# pathlib and contextlib would cost every instance a megabyte
# ruff: noqa: PTH104, SIM105

from __future__ import annotations

import os
import stat


class RotatingLog:
    """Appends to `path`. When a line would make that longer than max_bytes, it becomes `path.1`, the one of that name
    `path.2` and so on; there are `files` in all. A line is never torn, so one that is longer than max_bytes makes a
    file longer, up to twice that.

    What cannot be written (a full disk) is lost and counted: whoever logs must not have to wait or fail. What is no
    regular file is never renamed.
    """

    def __init__(self, path: str, max_bytes: int, files: int) -> None:
        """Raises OSError."""
        self._path, self._max_bytes, self._files = path, max_bytes, files
        self._file = _open(path)
        about = os.fstat(self._file)
        self._size = about.st_size
        self._rotates = stat.S_ISREG(about.st_mode)
        self._at_line_start = True
        self._lost_lines, self._why_lost = 0, ""

    def write(self, data: bytes) -> None:
        """Any part of the text, in order."""
        while data:
            room = self._max_bytes - self._size
            if len(data) <= room or not self._rotates:
                self._append(data)
                return
            end = data.rfind(b"\n", 0, max(room, 0)) + 1
            if not end and (self._size == 0 or not self._at_line_start):
                end = data.find(b"\n") + 1 or len(data)  # the line that has begun ends here
            self._append(data[:end])
            data = data[end:]
            if self._at_line_start or self._size >= 2 * self._max_bytes:
                self._turn_over()

    def note(self, text: str) -> None:
        """A line of whoever keeps the log."""
        self.write(("" if self._at_line_start else "\n").encode() + text.encode() + b"\n")

    def close(self) -> None:
        os.close(self._file)

    def _append(self, data: bytes) -> None:
        if not data:
            return
        try:
            if self._lost_lines:
                about = f"[supervisor] {self._lost_lines} lines could not be written: {self._why_lost}.\n"
                self._write_all(("" if self._at_line_start else "\n").encode() + about.encode())
                self._lost_lines = 0
            self._write_all(data)
        except OSError as failure:
            self._lost_lines += max(1, data.count(b"\n"))
            self._why_lost = failure.strerror or str(failure)

    def _write_all(self, data: bytes) -> None:
        while data:
            written = os.write(self._file, data)
            self._size += written
            self._at_line_start = data[written - 1 : written] == b"\n"
            data = data[written:]

    def _turn_over(self) -> None:
        """When it fails it is tried again after as many bytes."""
        turn_over(self._path, self._files)
        self._size = 0
        try:
            fresh = _open(self._path)
        except OSError:
            return
        os.close(self._file)
        self._file, self._at_line_start = fresh, True


def turn_over(path: str, files: int) -> None:
    """`path` becomes `path.1`, and so on; of files in all the oldest goes. What cannot be renamed stays."""
    names = [path, *(f"{path}.{number}" for number in range(1, files))]
    for older, newer in zip(names[:0:-1], names[-2::-1], strict=True):
        try:
            os.rename(newer, older)
        except OSError:
            pass


def is_longer(path: str, max_bytes: int) -> bool:
    """Whether it is a file longer than that."""
    try:
        about = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(about.st_mode) and about.st_size > max_bytes


def _open(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
