"""What a supervisor and those who look after it tell each other by files of one directory. Standard library only: every
supervisor carries it."""

# pathlib and contextlib would cost every instance a megabyte
# ruff: noqa: PTH104, PTH106, PTH108, PTH116, PTH123, SIM105

from __future__ import annotations

import fcntl
import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

STATE_FILE = "state.json"
SUCCESSOR_FILE = "successor"
"""Holds the directory of the process that takes this one's place, see `is_succeeded`."""
END_FILE = "end"
"""JSON {"pid": …, "reason": …, "message": …}, why the process is to be ended at once; told by SIGHUP."""
READY_FILE = "ready"
"""Holds NAME:PID:RESTARTS of the process that was ready last, where somebody asks for its health."""


def write_state(directory: str, state: Mapping[str, Any]) -> None:
    """Whole or not at all. Raises OSError."""
    path = f"{directory}/{STATE_FILE}"
    number = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(number, json.dumps(state).encode())
    finally:
        os.close(number)
    os.rename(path + ".new", path)


def stamp(path: str) -> tuple[int, int] | None:
    """Number and time (Unix, nanoseconds) of a file, by which one knows whether it is another; None when it is not
    there. For who looks at hundreds again and again: pathlib takes four times as long."""
    try:
        about = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return about.st_ino, about.st_mtime_ns


def place_of(directory: str) -> list[int]:
    """The same as long as the directory is there, under whichever name; another for a copy of it."""
    about = os.stat(directory)
    return [about.st_dev, about.st_ino]


def take_order(directory: str) -> dict[str, Any] | None:
    """What stands in the end file, which is gone then; None when nothing does."""
    order = f"{directory}/{END_FILE}"
    try:
        with open(order, "rb") as file:
            told: dict[str, Any] = json.load(file)
    except (OSError, ValueError):
        return None
    unlink(order)
    return told


def has_been_ready(directory: str, pid: int) -> bool:
    """As far as somebody has asked for its health."""
    try:
        with open(f"{directory}/{READY_FILE}", "rb") as file:
            return b":%d:" % pid in file.read()
    except OSError:
        return False


def is_succeeded(directory: str) -> bool:
    """Whether another process has this one's place and somebody who keeps it alive: this one's end, however it came, is
    then the end. A successor without a supervisor counts for nothing."""
    try:
        with open(f"{directory}/{SUCCESSOR_FILE}", "rb") as file:
            successor = json.load(file)["directory"]
        lock = os.open(f"{successor}/lock", os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, ValueError, KeyError):
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def remove(directory: str) -> None:
    """With what a supervisor keeps in it; not when it holds files of others."""
    for name in (STATE_FILE, END_FILE, SUCCESSOR_FILE, "lock"):
        unlink(f"{directory}/{name}")
    try:
        os.rmdir(directory)
    except OSError:
        pass


def unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
