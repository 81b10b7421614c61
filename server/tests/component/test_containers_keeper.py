"""The keeper with a program in place of an engine: no container is needed to see how it hands on and ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowstead.containers import keeper
from flowstead.process_directory import END_FILE, take_order
from server.tests.component.gateway_site import free_port

CONTAINER = """\
import json, os, signal, socket, sys
variables = json.load(sys.stdin)
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
if variables["ENDS"] == "told":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
elif variables["ENDS"]:
    sys.exit(int(variables["ENDS"]))
while True:
    connection, _ = listening.accept()
    said = b""
    while piece := connection.recv(65536):
        said += piece
    connection.sendall(variables["GREETING"].encode() + said)
    connection.close()
"""

DEAF = """\
import json, os, signal, socket, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
folder, port = sys.argv[1], int(sys.argv[2])
with open(f"{folder}/pid", "w") as file:
    file.write(str(os.getpid()))
while not os.path.exists(f"{folder}/listens"):
    time.sleep(0.01)
listening = socket.create_server(("127.0.0.1", port))
while True:
    connection, _ = listening.accept()
    while piece := connection.recv(65536):
        connection.sendall(piece)
    connection.close()
"""
"""It answers one caller after the other, at a port, and takes no notice of SIGTERM."""

AS_A_SUPERVISOR = """\
import fcntl, os, sys
parked = [fcntl.fcntl(int(each), fcntl.F_DUPFD, 100) for each in sys.argv[1:3]]
for place, number in enumerate(parked, start=3):
    os.dup2(number, place)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Kept:
    """A keeper at work. removed: how often it has had its container removed."""

    def __init__(self, folder: Path, ends: str) -> None:
        self.folder, self.score, self.removals = folder, folder / "score", folder / "removals"
        listeners = []
        for path in (self.score, folder / "health"):
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(path))
            listener.listen()
            listeners.append(listener)
        variables = {"ENDS": ends, "GREETING": "hello " * 20_000, "LD_PRELOAD": "/nowhere.so"}
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-I", "-c", AS_A_SUPERVISOR, *(str(each.fileno()) for each in listeners)),
                *(sys.executable, "-I", "-S", "-B", keeper.__file__, json.dumps(self.wanted(folder))),
            ],
            env={"PATH": os.environ["PATH"], keeper.VARIABLES: json.dumps(variables)},
            pass_fds=[each.fileno() for each in listeners],
            start_new_session=True,
        )
        for each in listeners:
            each.close()

    def wanted(self, folder: Path) -> dict[str, Any]:
        inside = folder / "inside"
        return {
            "run": [sys.executable, "-I", "-c", CONTAINER, str(inside)],
            "remove": [sys.executable, "-I", "-c", f"open({str(self.removals)!r}, 'a').write('x')"],
            "process": ["/bin/false"],
            "relay": [str(inside), str(inside)],
            "quiet_s": 600,
            "memory": None,
            "speaks": True,
            "named": [],
        }

    @property
    def removed(self) -> int:
        return len(self.removals.read_text()) if self.removals.exists() else 0

    def ask(self, text: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(self.score))
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            said = b""
            while piece := connection.recv(65536):
                said += piece
            return said


class KeptDeaf(Kept):
    def wanted(self, folder: Path) -> dict[str, Any]:
        port, pid = free_port(), folder / "pid"
        kill = f"import os; os.path.exists({str(pid)!r}) and os.kill(int(open({str(pid)!r}).read()), 9)"
        own = {
            "run": [sys.executable, "-I", "-c", DEAF, str(folder), str(port)],
            "remove": [sys.executable, "-I", "-c", kill],
            "process": ["/bin/echo", str(os.getpid())],
            "relay": port,
            "quiet_s": 0.3,
        }
        return super().wanted(folder) | own

    def listens(self) -> None:
        (self.folder / "listens").touch()


class KeptForMemory(Kept):
    """Its container is ended for its memory."""

    def wanted(self, folder: Path) -> dict[str, Any]:
        order = {"reason": "OutOfMemory", "message": "It was too much."}
        return super().wanted(folder) | {
            "memory": {"ask": ["/bin/echo", "true"], "path": str(folder / END_FILE), "order": order}
        }


@pytest.fixture
def deaf(tmp_path: Path) -> Iterator[KeptDeaf]:
    started = KeptDeaf(tmp_path, "")
    yield started
    with contextlib.suppress(ProcessLookupError):
        os.killpg(started.process.pid, signal.SIGKILL)
    started.process.wait()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Callable[[str], Kept]]:
    started: list[Kept] = []

    def start(ends: str) -> Kept:
        started.append(Kept(tmp_path, ends))
        return started[-1]

    yield start
    for each in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(each.process.pid, signal.SIGKILL)
        each.process.wait()


def eventually(holds: Callable[[], Any]) -> Any:
    give_up_at = time.monotonic() + 20
    while not (found := _tried(holds)):
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
    return found


def _tried(holds: Callable[[], Any]) -> Any:
    try:
        return holds()
    except OSError:
        return None


def test_connections_are_handed_on_whole_and_the_end_is_the_container_s(kept: Callable[[str], Kept]) -> None:
    running = kept("told")
    answer = eventually(lambda: running.ask(b"x" * 300_000))
    assert answer == b"hello " * 20_000 + b"x" * 300_000
    assert running.removed == 1, "what a keeper before may have left"
    running.process.terminate()
    assert running.process.wait(20) == 5
    assert running.removed == 2


@pytest.mark.parametrize(("ends", "code"), [("0", 0), ("78", 78), ("137", -signal.SIGKILL), ("143", -signal.SIGTERM)])
def test_it_ends_as_its_container_has_ended(kept: Callable[[str], Kept], ends: str, code: int) -> None:
    ended = kept(ends)
    assert ended.process.wait(20) == code
    assert ended.removed == 2


def test_the_supervisor_is_told_of_one_that_was_ended_for_its_memory(tmp_path: Path) -> None:
    told = threading.Event()
    before = signal.signal(signal.SIGHUP, lambda *_: told.set())
    try:
        kept = KeptForMemory(tmp_path, "137")
        assert eventually(told.is_set)
        assert kept.removed == 2
        order = take_order(str(tmp_path))
        assert order == {"pid": kept.process.pid, "reason": "OutOfMemory", "message": "It was too much."}
        kept.process.kill()
        kept.process.wait()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_who_comes_before_the_program_listens_waits_for_it(deaf: KeptDeaf) -> None:
    eventually((deaf.folder / "pid").exists)
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(0.5)
        caller.connect(str(deaf.score))
        caller.sendall(b"hello")
        with pytest.raises(TimeoutError):
            caller.recv(5)
        deaf.listens()
        caller.settimeout(20)
        assert caller.recv(5) == b"hello"


def test_a_program_that_takes_no_notice_is_ended_when_nobody_is_connected_any_more(deaf: KeptDeaf) -> None:
    deaf.listens()
    assert eventually(lambda: deaf.ask(b"x")) == b"x"
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(20)
        caller.connect(str(deaf.score))
        deaf.process.terminate()
        told = time.monotonic()
        while time.monotonic() < told + 1:
            caller.sendall(b"hello")
            assert caller.recv(5) == b"hello"
    assert deaf.process.wait(20) == -signal.SIGKILL & 0xFF


def test_one_that_never_listens_is_ended_too(deaf: KeptDeaf) -> None:
    eventually((deaf.folder / "pid").exists)
    deaf.process.terminate()
    assert deaf.process.wait(20) == -signal.SIGKILL & 0xFF
