"""The server in the background: started in a session of its own, waited for until it answers.

    python -m flowstead.launch.background HOME SETTINGS

SETTINGS is one JSON object. On its standard input the child gets what its parent's environment said of the master key:
what a process finds in its environment when it begins can be read there as long as it runs. The child tells how its
start went by one JSON line on its standard output, then lets go of it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from flowstead.errors import FlowsteadError, StartFailed, all_errors
from flowstead.launch.addresses import settings_from, settings_text
from flowstead.launch.lock import HomeLock
from flowstead.launch.server_log import errors_file
from flowstead.resources.home import Home
from flowstead.resources.host_trouble import disk_full, full_disks
from flowstead.resources.master_key import GivenVariables
from flowstead.resources.settings import ServerSettings

_ENDS_WITHIN_S = 15.0
"""How long a server that was interrupted at its start may take to end, seconds."""


def start_in_background(home: Home, settings: ServerSettings) -> int:
    """Start it and wait until it answers through the gateway; returns its pid. Raises what its start raised."""
    given = GivenVariables.take(os.environ)
    with HomeLock.take(home):
        home.create()  # a home in use is told here, at once; the child takes the lock anew
    arguments = (str(home.root), settings_text(settings))
    with errors_file(home).open("ab") as errors, _signals_put_off() as put_off:
        process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name if __name__ == "__main__" else __name__, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=home.root,
            start_new_session=True,
        )
    assert process.stdin is not None and process.stdout is not None  # noqa: S101 asked for above
    try:
        if put_off:
            raise KeyboardInterrupt
        with suppress(BrokenPipeError), process.stdin as pipe:  # it has ended; how, is told below
            pipe.write(given.as_json())
        with process.stdout as pipe:
            line = pipe.readline()
    except BaseException:
        # Interrupted: nobody would know of a server that comes up after all.
        _end(process)
        raise
    _check(line, home, process)
    return process.pid


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _signals_put_off() -> Iterator[list[int]]:
    """The numbers of the signals that came meanwhile: one that came just while a process is started would leave it
    unknown."""
    put_off: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield put_off
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda number, _: put_off.append(number)) for number in numbers}
    try:
        yield put_off
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main(arguments: Sequence[str]) -> int:
    """The child's side."""
    from flowstead.launch.server import Signals, run_server  # imported late: its parent need not pay for it

    root, text = arguments
    home, settings = Home(Path(root)), settings_from(text)
    given, signals = _given(), Signals()

    def ready() -> None:
        _report({"ready": True})

    try:
        with HomeLock.take(home) as lock, signals.recorded():
            run_server(home, settings, lock, given=given, signals=signals, terminal=False, on_ready=ready)
    except FlowsteadError as failure:
        _report(
            {"code": failure.code, "message": failure.message, "details": failure.details, "next": failure.next_step}
        )
        return 1
    return 0


def _given() -> GivenVariables:
    """What the parent says; then nothing of it is left in the pipe, nor anything for children to read there."""
    given = GivenVariables.from_json(sys.stdin.buffer.read())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return given


def _report(said: dict[str, Any]) -> None:
    """One line to the parent, then the pipe is closed: nobody may be left waiting for its end."""
    try:
        os.write(1, json.dumps(said).encode() + b"\n")
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
    except OSError:
        return  # the parent has gone


def _check(line: bytes, home: Home, process: subprocess.Popen[bytes]) -> None:
    if not line:
        process.wait()
        if full_disks(home):  # then its log says nothing either
            raise disk_full(home)
        raise StartFailed(
            f"The server ended with status {process.returncode} while it started.",
            hint=f"See {errors_file(home)} and {home.logs / 'server.log'}.",
        )
    said = json.loads(line)
    if said.get("ready"):
        return
    process.wait()
    kind = next((kind for kind in all_errors() if kind.code == said["code"]), StartFailed)
    raise kind(said["message"], details=said["details"], hint=said["next"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
