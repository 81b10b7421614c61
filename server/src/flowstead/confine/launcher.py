"""Confines the calling process, which then executes somebody's code. Standard library only; Linux only.

    namespaces   a root of its own that shows only what is named, under the very same paths; processes of its own,
                 which end with the first of them
    own user     a user and group that nobody else has, when the server is root
    landlock     what may be done where, whatever else is reachable; signals and abstract sockets stay inside
    call filter  others' limits and priorities cannot be changed, where the user is the same as theirs

What is asked for is done or OSError is raised: nothing runs less confined than its description says.
"""

# pathlib and contextlib would cost each start of an instance 10 ms
# ruff: noqa: PTH103, PTH108, PTH120, PTH123, PTH211, SIM105

from __future__ import annotations

import os
import stat

from flowstead.confine import calls, kernel, landlock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_BASE = "/tmp"  # noqa: S108 only covered, in a view of our own; there is one everywhere
_READ_ONLY = kernel.MOUNT_READ_ONLY | kernel.MOUNT_NO_SUID | kernel.MOUNT_NO_DEVICES
_WRITABLE = kernel.MOUNT_NO_SUID | kernel.MOUNT_NO_DEVICES
_SHARED_MEMORY = "/dev/shm"  # noqa: S108
_STREAMS = (
    ("/dev/fd", "/proc/self/fd"),
    *((f"/dev/std{n}", f"/proc/self/fd/{i}") for i, n in enumerate(("in", "out", "err"))),
)


def enter_process_namespace(wanted: dict[str, Any]) -> None:
    """The children that this process makes from now on see each other only, and end when the first of them does.
    `confine` is for one of them. Without namespaces nothing happens."""
    if not wanted["namespaces"]:
        return
    if _may_mount():
        kernel.unshare(kernel.CLONE_NEWPID)
        return
    proc = os.open("/proc", os.O_PATH | os.O_CLOEXEC)
    _enter_user_namespace(proc, kernel.CLONE_NEWPID)
    os.close(proc)


def confine(wanted: dict[str, Any], *, inherited: int) -> None:
    """wanted: the fields of a `Confinement`. inherited: how many descriptors, from 0 on, the program shall have."""
    kernel.close_on_exec_from(inherited)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    proc = os.open("/proc", os.O_PATH | os.O_CLOEXEC)
    user = wanted["user"]
    if user:
        _hand_over(wanted, user)
    if wanted["namespaces"]:
        _enter_view(wanted)
    if user:
        _become(user, proc)
    os.close(proc)
    kernel.give_up_capabilities()
    os.umask(wanted["umask"])
    if wanted["landlock"]:
        landlock.restrict(wanted["landlock"], _allowed(wanted))
    if wanted["call_filter"]:
        calls.spare_other_processes()


def _hand_over(wanted: dict[str, Any], user: list[int]) -> None:
    """Make the user the owner of what it writes."""
    for path in wanted["owned"]:
        os.chown(path, *user)
    mode = os.fstat(1).st_mode
    if stat.S_ISREG(mode) or stat.S_ISFIFO(mode):
        os.fchown(1, *user)  # for programs that open /dev/stdout


def _enter_view(wanted: dict[str, Any]) -> None:
    """Leave the host's files for a root that shows only what is named. In a namespace of processes of one's own."""
    kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC)
    kernel.make_mounts_private()
    # All are taken hold of before anything is covered.
    trees = [(path, _tree(path, attributes)) for path, attributes in _shown(wanted)]
    kernel.mount("tmpfs", _BASE, kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755")
    os.chdir(_BASE)
    os.umask(0o022)
    if _is_temporary_below(wanted):
        _mount_empty(_BASE, "mode=1777")
    for path in sorted({*wanted["hidden"], *(path for path, _ in trees)}):
        if path in wanted["hidden"]:
            _mount_empty(path, "mode=755")
        for place, tree in trees:
            if place == path:
                _attach(tree, path)
    _mount_processes()
    _complete(wanted)
    kernel.make_root_of_working_directory()
    for path in ("/", *wanted["hidden"]):
        kernel.set_attributes_of_mount(path, kernel.MOUNT_READ_ONLY)
    os.chdir("/")


def _shown(wanted: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """(path, attributes of its mount)."""
    for path in wanted["readable"]:
        yield path, _READ_ONLY
    for path in wanted["writable"]:
        yield path, _WRITABLE
    for path in wanted["devices"]:
        yield path, kernel.MOUNT_NO_SUID | kernel.MOUNT_NO_EXEC


def _tree(path: str, attributes: int) -> int:
    tree = kernel.copy_of_tree(path)
    kernel.set_attributes(tree, attributes)
    return tree


def _attach(tree: int, path: str) -> None:
    """In the new root, which is the working directory. The place may be there already, inside of another tree."""
    place = path[1:]
    if not os.path.lexists(place):
        if stat.S_ISDIR(os.fstat(tree).st_mode):
            os.makedirs(place, 0o755)
        else:
            os.makedirs(os.path.dirname(place) or ".", 0o755, exist_ok=True)
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    kernel.attach(tree, place)
    os.close(tree)


def _mount_empty(path: str, options: str) -> None:
    os.makedirs(path[1:], 0o755, exist_ok=True)
    kernel.mount("tmpfs", path[1:], kernel.MS_NOSUID | kernel.MS_NODEV, options)


def _mount_processes() -> None:
    """/proc: its own, without others' processes, where the kernel lets us; else the host's, read-only."""
    os.makedirs("proc", 0o755)
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    try:
        kernel.mount("proc", "proc", flags, "hidepid=2")
        return
    except OSError:
        pass  # a container's own masks on /proc must stay, so its /proc is shown as it is
    kernel.attach(_tree("/proc", _READ_ONLY | kernel.MOUNT_NO_EXEC), "proc")


def _complete(wanted: dict[str, Any]) -> None:
    """What is made rather than shown: links, a few files, shared memory."""
    for path, target in (*wanted["links"], *_STREAMS):
        if not os.path.lexists(path[1:]):
            os.makedirs(os.path.dirname(path)[1:] or ".", 0o755, exist_ok=True)
            os.symlink(target, path[1:])
    _mount_empty(_SHARED_MEMORY, "mode=1777")
    for number, (path, text) in enumerate(wanted["files"]):
        source = f".made-{number}"
        with open(source, "w") as file:
            file.write(text)
        kernel.attach(_tree(source, _READ_ONLY), path[1:])
        os.unlink(source)


def _is_temporary_below(wanted: dict[str, Any]) -> bool:
    """Whether something that is shown lies in /tmp, which can then be no link to a folder of the program's own."""
    return any(path.startswith(f"{_BASE}/") for path in (*wanted["readable"], *wanted["writable"]))


def _become(user: list[int], proc: int) -> None:
    os.setgroups([])
    os.setresgid(user[1], user[1], user[1])
    os.setresuid(user[0], user[0], user[0])
    # Changing the user made /proc/self root's; the maps below are written there.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
    try:
        _enter_user_namespace(proc, 0)
    except OSError:
        pass  # where nobody may make one, the program cannot either, which is all that this one is for


def _enter_user_namespace(proc: int, also: int) -> None:
    """One in which the user is who it was, and which lets nobody make another."""
    uid, gid = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER | also)
    _write(proc, "self/uid_map", f"{uid} {uid} 1")
    _write(proc, "self/setgroups", "deny")
    _write(proc, "self/gid_map", f"{gid} {gid} 1")
    # Inside yet another namespace the program would have capabilities again, and with them more of the kernel.
    _write(proc, "sys/user/max_user_namespaces", "0")


def _write(proc: int, path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC, dir_fd=proc)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _may_mount() -> bool:
    with open("/proc/self/status") as file:
        effective = next(int(line.split()[1], 16) for line in file if line.startswith("CapEff:"))
    return bool(effective >> 21 & 1)


def _allowed(wanted: dict[str, Any]) -> Iterator[tuple[str | int, int]]:
    """(path or descriptor, what may be done there)."""
    if wanted["namespaces"]:
        yield "/", landlock.LIST
        if _is_temporary_below(wanted):
            yield _BASE, landlock.EVERYTHING
    yield _SHARED_MEMORY, landlock.EVERYTHING
    yield "/proc", landlock.READ
    for path in wanted["readable"]:
        yield path, landlock.READ
    for path in wanted["writable"]:
        yield path, landlock.EVERYTHING
    for path in wanted["devices"]:
        yield path, landlock.DEVICE
    for path, _ in wanted["files"]:
        yield path, landlock.READ
    if stat.S_ISREG(os.fstat(1).st_mode):  # a pipe is always allowed, and cannot be named
        yield 1, landlock.APPEND
