"""Control groups by their files. Standard library only: every supervisor of a limited process carries it."""

# pathlib and contextlib would cost every instance a megabyte
# ruff: noqa: PTH102, PTH106, PTH110, PTH112, PTH123, SIM105

from __future__ import annotations

import os
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_REMOVE_WITHIN_S = 3.0
"""Orphans are collected by the first process of the machine, or of a container; some look only once a second."""


def make(groups: Iterable[dict[str, Any]]) -> None:
    """groups: the fields of `Group`. May be repeated. Raises OSError that names the file."""
    for group in groups:
        try:
            os.mkdir(group["path"], 0o755)
        except FileExistsError:
            pass
        for name, text in group["files"]:
            write(f"{group['path']}/{name}", text)
        for name, text in group["wished"]:
            if os.path.exists(f"{group['path']}/{name}"):
                write(f"{group['path']}/{name}", text)


def join(groups: Iterable[dict[str, Any]]) -> None:
    """The calling process, and what it will start. It has one thread. Raises OSError."""
    for group in groups:
        write(f"{group['path']}/cgroup.procs", "0")


def remove(paths: Iterable[str]) -> None:
    """Those that are there, with the processes that are left in them: the kernel lets none go before its last process
    has been collected."""
    give_up_at = time.monotonic() + _REMOVE_WITHIN_S
    for path in paths:
        while os.path.isdir(path):
            try:
                os.rmdir(path)
            except OSError:
                if time.monotonic() > give_up_at:
                    break
                _kill_members(path)
                time.sleep(0.005)


def _kill_members(path: str) -> None:
    try:
        with open(f"{path}/cgroup.procs") as file:
            members = [int(pid) for pid in file.read().split()]
        for pid in members:
            if pid > 0:  # 0 is one of another namespace, and would mean all of our own
                os.kill(pid, signal.SIGKILL)
    except OSError:
        pass  # it has ended meanwhile, or nobody may know


def kills(file: str) -> int:
    """How many processes the kernel has killed because the group used too much memory. file: `Limits.kills`."""
    return numbers(file).get("oom_kill", 0)


def notices(file: str) -> int | None:
    """A descriptor that can be read when the group finds too little memory. file: `Limits.kills`. None where the kernel
    does not say: that is under version 2, and where the group is not ours to ask."""
    control, _, name = file.rpartition("/")
    if name != "memory.oom_control":
        return None
    descriptors: list[int] = []
    try:
        descriptors.append(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC))
        descriptors.append(os.open(file, os.O_RDONLY | os.O_CLOEXEC))
        write(f"{control}/cgroup.event_control", f"{descriptors[0]} {descriptors[1]}")
    except OSError:
        for each in descriptors:
            os.close(each)
        return None
    os.close(descriptors[1])
    return descriptors[0]


def numbers(file: str) -> dict[str, int]:
    """What a file of lines `name number` says; nothing when it cannot be read."""
    try:
        with open(file) as opened:
            pairs = [line.split() for line in opened]
    except OSError:
        return {}
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def number(file: str) -> int | None:
    """What a file says that holds one number; None when it cannot be read."""
    try:
        with open(file) as opened:
            return int(opened.read())
    except (OSError, ValueError):
        return None


def write(path: str, text: str) -> None:
    """In one call, as the kernel wants it. Raises OSError that names the file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    except OSError as failure:
        raise OSError(failure.errno, failure.strerror, path) from None
    finally:
        os.close(descriptor)
