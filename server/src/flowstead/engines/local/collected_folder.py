"""The folder into which all instances of a deployment collect data, each under a user of its own.

What lies there was made by those instances: folders are theirs, with whatever mode, links and access lists they gave
them. A deployment that is made anew under the same names has another group, and must be able to write there all the
same; what its predecessor collected it need not see, the server reads it as root.
"""

from __future__ import annotations

import contextlib
import os
import stat
import uuid
from pathlib import Path

_SHARED = 0o2770
"""What is made there gets the folder's group."""
_NOBODY_ELSE = 0o0700
_DEPTH = 6
"""Folders of the longest way to a record: collection, year, month, day, hour, minute."""
_ACCESS_LISTS = ("system.posix_acl_access", "system.posix_acl_default")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def share_with_group(folder: Path, group: int) -> None:
    """Let the group, and no other, write there and in all folders of a record's way that are there already."""
    descriptor = os.open(folder, _FOLDER)
    try:
        found = os.fstat(descriptor)
        if found.st_gid == group and stat.S_IMODE(found.st_mode) == _SHARED:
            return  # its mode was given last, so all below was done
        # From here on nobody of the former group gets in: nothing below changes while it is gone through.
        os.fchown(descriptor, os.geteuid(), group)
        os.fchmod(descriptor, _NOBODY_ELSE)
        _share_below(descriptor, group, depth=1)
        os.fchmod(descriptor, _SHARED)
    finally:
        os.close(descriptor)


def _share_below(folder: int, group: int, *, depth: int) -> None:
    """Files keep their owner and mode: they are only read from now on, and one of them may be a hard link."""
    with os.scandir(folder) as entries:
        found = [(each.name, each.is_dir(follow_symlinks=False)) for each in entries]
    for name, is_folder in found:
        if is_folder:
            _share(folder, name, group, depth=depth)
        elif depth == 1 or name.isdecimal():
            # A record's way needs a folder by this name, now or next year.
            os.rename(name, f"set-aside-{uuid.uuid4().hex}", src_dir_fd=folder, dst_dir_fd=folder)


def _share(parent: int, name: str, group: int, *, depth: int) -> None:
    descriptor = os.open(name, _FOLDER, dir_fd=parent)
    try:
        # Before it is listed: whoever works in it still, by a descriptor of its own, changes nothing afterwards.
        os.fchown(descriptor, os.geteuid(), group)
        for access_list in _ACCESS_LISTS:
            # It would go before the mode. There is none, as a rule, and no such thing on some file systems.
            with contextlib.suppress(OSError):
                os.removexattr(descriptor, access_list)
        os.fchmod(descriptor, _SHARED)
        if depth < _DEPTH:
            _share_below(descriptor, group, depth=depth + 1)
    finally:
        os.close(descriptor)
