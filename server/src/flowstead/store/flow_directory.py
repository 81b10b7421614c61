"""A directory of the server's machine in which folders of flows lie, for whoever may take them in.

    {directory}/{folder}/flow.dag.yaml …

Nothing in it is believed: others may write there while we read. What is read is a file below the directory, never what
a link leads to, and never more than a flow may have.
"""

# Names in open folders: pathlib has no such calls.
# ruff: noqa: PTH208

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from flowstead.errors import BadArgument, PayloadTooLarge
from flowstead.resources.flow import MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, FlowFile
from flowstead.resources.upload_rules import path_problem
from flowstead.store.archives import LEFT_BY_TOOLS

MAX_FOLDERS = 1000
"""Of the directory; more of them nobody looks through."""
_MAX_DEPTH = 32
_MAX_ENTRIES = 20_000
"""Of one folder, what tools have left there among them."""
_NO_FLOW = LEFT_BY_TOOLS | {".venv", "node_modules"}
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAX_SEEN = 100_000
_HINT = "Put the flow's files themselves into the folder, at most {} of {} MiB together."


@dataclass(frozen=True)
class _Found:
    """A file that is open. path: below its folder. known: what changes when the file does."""

    path: str
    descriptor: int
    size: int
    known: tuple[int, ...]


Take = Callable[[_Found, int], FlowFile]
"""From an open file, of which at most so many bytes may be read."""


class FlowDirectory:
    """is_definition: whether a file of this name makes its folder a flow's. Safe to use from several threads."""

    def __init__(self, path: Path, is_definition: Callable[[str], bool]) -> None:
        self.path = path
        self._is_definition = is_definition
        self._seen: dict[tuple[int, ...], FlowFile] = {}

    def folders(self) -> list[str]:
        """The names of the folders right in it that hold a flow, sorted. Links, and names that begin with a dot, are
        passed over. Raises BadArgument when the directory cannot be read."""
        try:
            root = os.open(self.path, _FOLDER)
        except OSError as problem:
            raise _unreadable(self.path, problem) from None
        try:
            names = sorted(name for name in os.listdir(root) if not name.startswith(".") and not path_problem(name))
            return [name for name in names[:MAX_FOLDERS] if _holds(root, name, self._is_definition)]
        finally:
            os.close(root)

    def read(self, folder: str, keep: Callable[[bytes], FlowFile]) -> dict[str, FlowFile]:
        """The files of a folder right in it. keep: takes the bytes of one. What tools leave is left out.

        Raises BadArgument (no such folder, a link in it, what is no file) and PayloadTooLarge."""
        return _tree(self.path, folder, lambda found, most: keep(_bytes(found, most, folder)))

    def look(self, folder: str) -> dict[str, FlowFile]:
        """The same without keeping anything. What has not changed since the last look is not read again."""
        if len(self._seen) > _MAX_SEEN:
            self._seen.clear()

        def take(found: _Found, most: int) -> FlowFile:
            seen = self._seen.get(found.known)
            if seen is None:
                data = _bytes(found, most, folder)
                seen = self._seen[found.known] = FlowFile(hashlib.sha256(data).hexdigest(), len(data))
            return seen

        return _tree(self.path, folder, take)


def _tree(directory: Path, folder: str, take: Take) -> dict[str, FlowFile]:
    if path_problem(folder) or "/" in folder or folder.startswith("."):
        raise BadArgument(f"{_sayable(folder)!r} is no name of a folder.", target="folder")
    tree: dict[str, FlowFile] = {}
    room = MAX_BYTES
    try:
        with _opened(directory, folder) as root:
            for found in _files(root):
                if len(tree) == MAX_FILES or found.size > min(MAX_FILE_BYTES, room):
                    raise _too_large(folder)
                file = tree[found.path] = take(found, min(MAX_FILE_BYTES, room))
                room -= file.size
    except OSError as problem:
        raise _unreadable(directory / folder, problem) from None
    return tree


def _holds(root: int, name: str, is_definition: Callable[[str], bool]) -> bool:
    with suppress(OSError):
        folder = os.open(name, _FOLDER, dir_fd=root)
        try:
            return any(is_definition(each) for each in os.listdir(folder))
        finally:
            os.close(folder)
    return False


@contextmanager
def _opened(directory: Path, folder: str) -> Iterator[int]:
    root = os.open(directory, _FOLDER)
    try:
        opened = os.open(folder, _FOLDER, dir_fd=root)
    finally:
        os.close(root)
    try:
        yield opened
    finally:
        os.close(opened)


def _files(root: int) -> Iterator[_Found]:
    """Each is open until the next one is asked for. Folders are opened by their names in the one above: so nobody who
    puts a link in their place leads elsewhere."""
    left = _MAX_ENTRIES
    pending = [("", os.dup(root))]
    try:
        while pending:
            prefix, folder = pending.pop()
            try:
                for name in sorted(os.listdir(folder)):
                    left -= 1
                    if left < 0:
                        raise PayloadTooLarge(f"The folder has more than {_MAX_ENTRIES} files.")
                    if name in _NO_FLOW:
                        continue
                    path = f"{prefix}{name}"
                    problem = path_problem(path)
                    if problem:
                        raise BadArgument(f"The path {_sayable(path)!r} {problem}.")
                    mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
                    if stat.S_ISDIR(mode):
                        if path.count("/") >= _MAX_DEPTH:
                            raise BadArgument(f"{path[:80]!r} lies too deep.")
                        pending.append((f"{path}/", os.open(name, _FOLDER, dir_fd=folder)))
                    elif stat.S_ISREG(mode):
                        yield from _opened_file(path, name, folder)
                    else:
                        raise BadArgument(f"{path[:80]!r} is neither a file nor a folder, perhaps a link.")
            finally:
                os.close(folder)
    finally:
        for _, folder in pending:
            os.close(folder)


def _opened_file(path: str, name: str, folder: int) -> Iterator[_Found]:
    descriptor = os.open(name, _FILE, dir_fd=folder)
    try:
        known = os.fstat(descriptor)
        if not stat.S_ISREG(known.st_mode):
            raise BadArgument(f"{path[:80]!r} is neither a file nor a folder.")
        seen = (known.st_dev, known.st_ino, known.st_size, known.st_mtime_ns, known.st_ctime_ns)
        yield _Found(path, descriptor, known.st_size, seen)
    finally:
        os.close(descriptor)


def _bytes(found: _Found, most: int, folder: str) -> bytes:
    """It may grow while it is read."""
    with open(found.descriptor, "rb", closefd=False) as reader:
        data = reader.read(most + 1)
    if len(data) > most:
        raise _too_large(folder)
    return data


def _too_large(folder: str) -> PayloadTooLarge:
    hint = _HINT.format(MAX_FILES, MAX_BYTES >> 20)
    return PayloadTooLarge(f"The folder {folder} has more or larger files than a flow may have.", hint=hint)


def _unreadable(place: Path, problem: OSError) -> BadArgument:
    return BadArgument(f"{_sayable(str(place))} cannot be read: {problem.strerror}.", hint="Look at its permissions.")


def _sayable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()[:200]
