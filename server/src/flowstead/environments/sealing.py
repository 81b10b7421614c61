"""Whose an environment is and who may write there. Code of packages has made what lies in it: links, and folders that
lie deeper than a path is long or functions may call each other."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class _Level:
    """identity: device and number of a folder. below: names of those in it to which nobody has been yet."""

    identity: tuple[int, int]
    below: list[str]


def folders(top: Path) -> Iterator[tuple[int, Sequence[str]]]:
    """Each folder from the top down: a descriptor, open until the next one is asked for, and the names of what else
    lies there. Links are not followed. Raises OSError, also when a folder is moved meanwhile."""
    here = os.open(top, _FOLDER)
    way: list[_Level] = []
    try:
        while True:
            below, others = _listed(here)
            yield here, others
            way.append(_Level(_identity(here), below))
            while not way[-1].below:
                way.pop()
                if not way:
                    return
                here = _step(here, "..")
                if _identity(here) != way[-1].identity:
                    raise OSError(errno.ESTALE, "A folder was moved while its environment was gone through")
            here = _step(here, way[-1].below.pop())
    finally:
        os.close(here)


def own(folder: Path, uid: int, gid: int) -> None:
    """Make the user the owner of all that lies there."""
    for descriptor, names in folders(folder):
        os.fchown(descriptor, uid, gid)
        for name in names:
            os.chown(name, uid, gid, dir_fd=descriptor, follow_symlinks=False)


def seal(folder: Path, *, to_us: bool) -> None:
    """Let everybody read there and nobody write any more. to_us: it was another user's."""
    if to_us:
        own(folder, os.geteuid(), os.getegid())
    for descriptor, names in folders(folder):
        for name in names:
            mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
            if not stat.S_ISLNK(mode):
                os.chmod(name, (mode | 0o444) & 0o555, dir_fd=descriptor)
        os.fchmod(descriptor, 0o555)


def size_of(folder: Path) -> int:
    """Bytes of its files."""
    size = 0
    for descriptor, names in folders(folder):
        found = (os.stat(name, dir_fd=descriptor, follow_symlinks=False) for name in names)
        size += sum(each.st_size for each in found if stat.S_ISREG(each.st_mode))
    return size


def _listed(folder: int) -> tuple[list[str], list[str]]:
    """Names of the folders, and of all else."""
    below: list[str] = []
    others: list[str] = []
    with os.scandir(folder) as entries:
        for each in entries:
            (below if each.is_dir(follow_symlinks=False) else others).append(each.name)
    return below, others


def _identity(folder: int) -> tuple[int, int]:
    found = os.fstat(folder)
    return found.st_dev, found.st_ino


def _step(here: int, name: str) -> int:
    there = os.open(name, _FOLDER, dir_fd=here)
    os.close(here)
    return there
