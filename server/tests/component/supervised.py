"""A process under a supervisor of its own: it answers on its inherited socket with its pid."""

from __future__ import annotations

import socket
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psutil

from flowstead.supervise import ProcessSpec, ProcessState, SupervisedProcess, observe, stop

PATIENCE_S = 20.0
SECRET = "hunter2-hunter2"
ECHO = """
    import os, socket, sys, time
    listening = socket.socket(fileno=3)
    time.sleep(float(os.environ.get("SLOW_START", "0")))
    print("up", os.getpid(), flush=True)
    while True:
        connection, _ = listening.accept()
        if connection.recv(100) == b"end":
            sys.exit(5)
        connection.sendall(str(os.getpid()).encode())
        connection.close()
"""
T = TypeVar("T")


def eventually(look: Callable[[], T | None], within: float = PATIENCE_S) -> T:
    give_up_at = time.monotonic() + within
    while time.monotonic() < give_up_at:
        if (seen := look()) is not None and seen is not False:
            return seen
        time.sleep(0.005)
    raise AssertionError(f"{look} did not come true in {within} s")


def run_folder() -> Iterator[Path]:
    """The fixture `run`: for sockets, so its path is short."""
    with tempfile.TemporaryDirectory(prefix="fs-") as name:
        yield Path(name)


def supervised_directory(run: Path) -> Iterator[Path]:
    """The fixture `directory`: of one supervisor, which has ended afterwards."""
    directory = run / "one"
    yield directory
    stop(directory)
    eventually(lambda: observe(directory) is None)


def alive(pid: int | None) -> bool:
    """Whether it runs; a zombie that init has not collected yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def specification(run: Path, code: str = ECHO, **changes: Any) -> ProcessSpec:
    values: dict[str, Any] = {
        "argv": (sys.executable, "-I", "-S", "-c", textwrap.dedent(code)),
        "environment": {"PASSWORD": SECRET},
        "working_directory": str(run),
        "log": str(run / "log"),
        "sockets": (str(run / "s"),),
        "stop_grace_s": 5.0,
    }
    return ProcessSpec(**(values | changes))


def say(run: Path, what: bytes = b"pid") -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE_S)
        connection.connect(str(run / "s"))
        connection.sendall(what)
        return connection.recv(100)


def seen_in(directory: Path) -> SupervisedProcess:
    seen = observe(directory)
    assert seen is not None
    return seen


def in_state(directory: Path, state: ProcessState) -> SupervisedProcess:
    return eventually(lambda: seen if (seen := observe(directory)) and seen.state is state else None)
