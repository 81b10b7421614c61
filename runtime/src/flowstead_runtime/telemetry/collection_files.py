"""The files of a collection: appended to by one process each, a new one with each rolled folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600
SHARED_FOLDER, SHARED_FILE = 0o770, 0o660
"""Where the group is handed down (setgid), instances under other users collect into the same folders."""


class CollectionFiles:
    """Whole lines go in or none of them. Not thread-safe.

    root: the destination. name: of the files. Another process that collects under the same name, such as a second
    worker, holds the lock of `{name}.jsonl`; `{name}-1.jsonl` is taken then, and so on."""

    def __init__(self, root: Path, name: str) -> None:
        self._root = root
        self._name = name
        self._open: dict[str, tuple[str, int]] = {}

    def append(self, collection: str, folder: str, lines: bytes) -> None:
        """Raises OSError; what was written of the lines is taken back then."""
        descriptor = self._descriptor(collection, folder)
        before = os.fstat(descriptor).st_size
        try:
            _write(descriptor, lines)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, before)
            self._close(collection)
            raise

    def create(self, path: str, content: bytes) -> None:
        """A file of its own for one payload. Raises OSError; no part of it stays then."""
        file = self._root / path
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _make_folder(file.parent))
        try:
            _write(descriptor, content)
        except OSError:
            file.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)

    def close(self) -> None:
        for collection in list(self._open):
            self._close(collection)

    def _descriptor(self, collection: str, folder: str) -> int:
        """A collection has one file open: time does not go back."""
        known, descriptor = self._open.get(collection, ("", -1))
        if known == folder and os.fstat(descriptor).st_nlink:
            return descriptor
        if known:
            self._close(collection)  # its time is over, or somebody removed it
        descriptor = self._opened(folder)
        self._open[collection] = folder, descriptor
        return descriptor

    def _close(self, collection: str) -> None:
        os.close(self._open.pop(collection)[1])

    def _opened(self, folder: str) -> int:
        directory = self._root / folder
        mode = _make_folder(directory)
        for name in self._names():
            descriptor = os.open(directory / name, os.O_RDWR | os.O_CREAT | os.O_APPEND, mode)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _end_last_line(descriptor)
            except BlockingIOError:
                os.close(descriptor)
                continue
            except OSError:
                os.close(descriptor)
                raise
            return descriptor
        raise AssertionError("unreachable: there is always another name")

    def _names(self) -> Iterator[str]:
        yield f"{self._name}.jsonl"
        number = 0
        while True:
            number += 1
            yield f"{self._name}-{number}.jsonl"


def _make_folder(folder: Path) -> int:
    """With those above it. Returns the mode for its files."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    shared = there.stat().st_mode & stat.S_ISGID
    folder.mkdir(SHARED_FOLDER if shared else PRIVATE_FOLDER, parents=True, exist_ok=True)
    return SHARED_FILE if shared else PRIVATE_FILE


def _write(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _end_last_line(descriptor: int) -> None:
    """A process that was killed while it wrote left a part of a line."""
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        _write(descriptor, b"\n")
