"""Landlock: the kernel's own list of which files a process and its descendants may touch, for good.

https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
import stat

from flowstead.confine import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_SYS_CREATE_RULESET, _SYS_ADD_RULE, _SYS_RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REFER, _TRUNCATE, _IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15
_ALL_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""Version → every access to files that it knows; between two of them nothing was added."""
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE

READ = _EXECUTE | _READ_FILE | _READ_DIR
LIST = _READ_DIR
APPEND = _WRITE_FILE | _TRUNCATE
DEVICE = _READ_FILE | _WRITE_FILE | _READ_DIR | _IOCTL_DEVICE
EVERYTHING = (1 << 16) - 1

SCOPES_SINCE = 6
"""The version from which on signals and abstract sockets stay inside."""
RENAMES_SINCE = 2
"""The version from which on files can be renamed into another folder."""
_SCOPES = 3


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("access", ctypes.c_uint64), ("descriptor", ctypes.c_int32))


def version() -> int:
    """The kernel's version of Landlock; 0 when it has none or it is switched off."""
    try:
        return kernel.syscall("ask for Landlock", _SYS_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)
    except OSError:
        return 0


def restrict(version: int, allowed: Iterable[tuple[str | int, int]]) -> None:
    """From now on this process and all its descendants reach only what is allowed: paths or open descriptors, with all
    that lies below, and what may be done there. A path that is not there is left out. Needs no-new-privileges."""
    handled = handled_by(version)
    ruleset = _create(version, handled)
    for place, access in allowed:
        _allow(ruleset, place, access & handled)
    kernel.syscall("restrict by Landlock", _SYS_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def handled_by(version: int) -> int:
    """Every access to files that this version can forbid."""
    return _ALL_BY_VERSION[max(known for known in _ALL_BY_VERSION if known <= version)]


def _create(version: int, handled: int) -> int:
    attributes = _Ruleset(handled, 0, _SCOPES if version >= SCOPES_SINCE else 0)
    # An older kernel refuses fields that it does not know.
    size = 24 if version >= SCOPES_SINCE else 8
    return kernel.syscall("make Landlock rules", _SYS_CREATE_RULESET, ctypes.byref(attributes), size, 0)


def _allow(ruleset: int, place: str | int, access: int) -> None:
    if isinstance(place, int):
        descriptor = place
    else:
        try:
            descriptor = os.open(place, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            return
    mode = os.fstat(descriptor).st_mode
    access &= ~0 if stat.S_ISDIR(mode) else _ON_FILES
    rule = _PathBeneath(access, descriptor)
    kernel.syscall(f"allow {place} in Landlock", _SYS_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
    if not isinstance(place, int):
        os.close(descriptor)
