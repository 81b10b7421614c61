"""Folders that somebody else's code has filled: however deep they are, whatever lies in them.

Nothing here calls itself, so that no depth is too much, and nothing follows a link. The standard library's `rmtree` and
`walk` do the first (before Python 3.12) and end with RecursionError."""

# Names in open folders: pathlib has no such calls.
# ruff: noqa: PTH208

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from itertools import count
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
DEEPEST = 200
"""How many folders below a root files are looked for."""


def remove_tree(path: Path) -> None:
    """Remove the folder with all that is in it, or the file; no error when there is none. Folders within are moved up
    before they are emptied: so two open ones are enough for any depth, and no path becomes too long. Nobody else may be
    changing it. Raises OSError."""
    try:
        root = _open(str(path), None)
    except FileNotFoundError:
        return
    except OSError:
        path.unlink(missing_ok=True)  # a file or a link
        return
    try:
        mark = f".{secrets.token_hex(8)}-"
        numbers = count()
        while names := os.listdir(root):
            for name in names:
                _take_apart(root, name, mark, numbers)
    finally:
        os.close(root)
    path.rmdir()


def files_below(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """All files that are no links, in no order, with what is known of them. Folders that cannot be read or lie too deep
    are passed over."""
    pending = [(root, 0)]
    while pending:
        folder, depth = pending.pop()
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if depth < DEEPEST:
                        pending.append((Path(entry.path), depth + 1))
                    continue
                with contextlib.suppress(OSError):
                    known = entry.stat(follow_symlinks=False)
                    if entry.is_file(follow_symlinks=False):
                        yield Path(entry.path), known


def _take_apart(root: int, name: str, mark: str, numbers: Iterator[int]) -> None:
    """Remove what is called so in the root; the folders in it come to lie in the root."""
    if not _is_folder(root, name):
        os.unlink(name, dir_fd=root)
        return
    folder = _open(name, root)
    try:
        for each in os.listdir(folder):
            if _is_folder(folder, each):
                os.close(_open(each, folder))  # which makes it one that may be moved
                os.rename(each, f"{mark}{next(numbers)}", src_dir_fd=folder, dst_dir_fd=root)
            else:
                os.unlink(each, dir_fd=folder)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=root)


def _open(name: str, parent: int | None) -> int:
    """A folder that its owner may read and change from now on. A link is not followed: OSError."""
    try:
        folder = os.open(name, _FOLDER, dir_fd=parent)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=parent)
        folder = os.open(name, _FOLDER, dir_fd=parent)
    os.fchmod(folder, 0o700)
    return folder


def _is_folder(parent: int, name: str) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
