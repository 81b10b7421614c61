"""The system calls of confinement that Python's `os` lacks. Linux only; each raises OSError with what was tried."""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000

MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_PRIVATE_RECURSIVE = 0x4000 | (1 << 18)
MOUNT_READ_ONLY, MOUNT_NO_SUID, MOUNT_NO_DEVICES, MOUNT_NO_EXEC = 1, 2, 4, 8

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000
_OPEN_TREE_CLONE = 1
_OPEN_TREE_CLOEXEC = os.O_CLOEXEC
_MOVE_MOUNT_FROM_DESCRIPTOR = 4
_MNT_DETACH = 2
_CLOSE_RANGE_CLOEXEC = 4
_CAPABILITY_VERSION_3 = 0x20080522

# The same numbers on every architecture: they came after the numbering was unified.
_SYS_OPEN_TREE, _SYS_MOVE_MOUNT, _SYS_CLOSE_RANGE, _SYS_MOUNT_SETATTR = 428, 429, 436, 442

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("user_namespace", ctypes.c_uint64),
    )


def syscall(what: str, number: int, *arguments: object) -> int:
    """what: for the message when it fails. Integers go as 64 bits: the kernel reads whole registers."""
    words = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return _checked(what, int(_libc.syscall(ctypes.c_long(number), *words)))


def unshare(flags: int) -> None:
    """Leave namespaces for new ones."""
    _checked("make namespaces", _libc.unshare(flags))


def prctl(option: int, *arguments: int) -> None:
    """The kernel wants the arguments that an option does not use to be zero."""
    words = [ctypes.c_ulong(each) for each in (*arguments, 0, 0, 0, 0)[:4]]
    _checked(f"set process option {option}", _libc.prctl(option, *words))


def make_mounts_private() -> None:
    """From now on nothing that is mounted here is seen outside, or the other way round."""
    _checked("make mounts private", _libc.mount(None, b"/", None, ctypes.c_ulong(MS_PRIVATE_RECURSIVE), None))


def mount(kind: str, place: str, flags: int, options: str) -> None:
    """A file system without a device, such as tmpfs."""
    name = kind.encode()
    done = _libc.mount(name, os.fsencode(place), name, ctypes.c_ulong(flags), options.encode())
    _checked(f"mount {kind} at {place}", done)


def copy_of_tree(path: str) -> int:
    """A descriptor of a copy of what is seen at that path, with what is mounted below, for `attach`."""
    flags = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC | _AT_RECURSIVE
    return syscall(f"copy the view of {path}", _SYS_OPEN_TREE, _AT_FDCWD, os.fsencode(path), flags)


def set_attributes(tree: int, attributes: int) -> None:
    """Of everything in the tree."""
    wanted = _MountAttributes(attributes, 0, 0, 0)
    flags = _AT_EMPTY_PATH | _AT_RECURSIVE
    size = ctypes.sizeof(wanted)
    syscall("restrict a mount", _SYS_MOUNT_SETATTR, tree, b"", flags, ctypes.byref(wanted), size)


def set_attributes_of_mount(path: str, attributes: int) -> None:
    """Of the mount at that path alone."""
    wanted = _MountAttributes(attributes, 0, 0, 0)
    size = ctypes.sizeof(wanted)
    syscall(f"restrict {path}", _SYS_MOUNT_SETATTR, _AT_FDCWD, os.fsencode(path), 0, ctypes.byref(wanted), size)


def attach(tree: int, path: str) -> None:
    """Show the tree at that path."""
    flags = _MOVE_MOUNT_FROM_DESCRIPTOR
    syscall(f"mount at {path}", _SYS_MOVE_MOUNT, tree, b"", _AT_FDCWD, os.fsencode(path), flags)


def make_root_of_working_directory() -> None:
    """The working directory, a mount, becomes `/`; what was `/` is gone."""
    # The new root lies on top of the old one for an instant, so no folder is needed to put the old one in.
    _checked("change the root", _libc.pivot_root(b".", b"."))
    _checked("leave the old root", _libc.umount2(b".", _MNT_DETACH))


def close_on_exec_from(first: int) -> None:
    """Let no descriptor from this number on be inherited."""
    syscall("close descriptors", _SYS_CLOSE_RANGE, first, 0xFFFFFFFF, _CLOSE_RANGE_CLOEXEC)


def give_up_capabilities() -> None:
    """All of them, for good."""
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    for number in range(_last_capability() + 1):
        try:
            prctl(PR_CAPBSET_DROP, number)
        except PermissionError:
            break  # whoever has no say in this set has nothing in it to gain: no new privileges are allowed below
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    _checked("give up capabilities", _libc.capset(header, none))
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def _last_capability() -> int:
    try:
        with open("/proc/sys/kernel/cap_last_cap") as file:  # noqa: PTH123 pathlib would cost each start 10 ms
            return int(file.read())
    except (OSError, ValueError):
        return 40


def _checked(what: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot {what}: {os.strerror(number)}")
    return result
