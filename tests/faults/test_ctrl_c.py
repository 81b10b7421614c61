"""Ctrl-C in the terminal in which Flowstead runs: the first one lets requests and streams end, the second one does not,
and neither leaves anything behind; and what becomes of it when the terminal is closed."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.installation import FLOWSTEAD, FULL, ROOT, Installation, eventually
from tests.lasting_streams import Site

WORDS = 40
"""Of a stream, ten a second: it ends within the time that Ctrl-C gives it."""
ALL_DAY = 6000
AT_ONCE_S = 8.0
PAUSES_S = (0.1, 0.2, 0.5, 1.0, 2.0) if FULL else (0.1, 1.0)
"""Between the two; of what is quicker than a hand the system makes one."""
CTRL_C = b"\x03"


class Terminal:
    """One in which Flowstead runs in the foreground. said: what is on it."""

    def __init__(self, installation: Installation) -> None:
        self.said = ""
        self._is_open = True
        self._master, line = pty.openpty()
        ports = ("--port", str(installation.port), "--tls-port", str(installation.tls_port))
        self.process = subprocess.Popen(
            [FLOWSTEAD, "up", *ports, "--container-engine", "none"],
            env=installation.environment({}),
            cwd=ROOT,
            stdin=line,
            stdout=line,
            stderr=line,
            start_new_session=True,
            preexec_fn=_control,
        )
        os.close(line)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def type(self, keys: bytes) -> None:
        """As a person does: the terminal sends the signal to all that run in its foreground."""
        os.write(self._master, keys)

    def hang_up(self) -> None:
        """As who closes its window: who runs in it gets SIGHUP, and can write no more."""
        self._is_open = False
        self._reader.join(10)
        os.close(self._master)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        if self._is_open:
            self.hang_up()

    def _read(self) -> None:
        with suppress(OSError):  # as one says whose last process has ended
            while self._is_open:
                if select.select([self._master], [], [], 0.05)[0]:
                    self.said += os.read(self._master, 4096).decode(errors="replace")


def _control() -> None:
    """Make the terminal the session's own, so that its keys are signals to it."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@contextmanager
def running(folder: Path) -> Iterator[tuple[Terminal, Site]]:
    installation = Installation(folder / "home")
    terminal = Terminal(installation)
    try:
        eventually("it runs", lambda: "Ctrl-C ends everything" in terminal.said, within=60)
        yield terminal, Site(installation, folder)
    finally:
        terminal.close()
        installation.run("down", check=False)
        for process in installation.processes():
            process.kill()


def test_the_first_one_lets_a_stream_end(tmp_path: Path) -> None:
    with running(tmp_path) as (terminal, site):
        with site.stream(WORDS) as told:
            terminal.type(CTRL_C)
        assert terminal.process.wait(60) == 0, terminal.said
        assert told["events"] >= WORDS, terminal.said
        assert "Flowstead has ended." in terminal.said
        assert "cut" not in terminal.said
        assert site.flowstead.processes() == []


@pytest.mark.parametrize("pause", PAUSES_S)
def test_the_second_one_waits_for_nobody_and_leaves_nothing(tmp_path: Path, pause: float) -> None:
    with running(tmp_path) as (terminal, site):
        with site.stream(ALL_DAY) as told:
            terminal.type(CTRL_C)
            time.sleep(pause)
            began = time.monotonic()
            terminal.type(CTRL_C)
            assert terminal.process.wait(60) == 0, terminal.said
            took = time.monotonic() - began
        print(f"\nCtrl-C again after {pause} s: ended in {took:.1f} s")
        assert told["events"] < ALL_DAY
        assert "1 request was cut" in terminal.said
        assert "Traceback" not in terminal.said
        assert took < AT_ONCE_S
        assert site.flowstead.processes() == []
        assert not site.flowstead.run_directory().exists()


def test_a_terminal_that_is_closed_after_it_waits_for_nobody_and_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as (terminal, site):
        with site.stream(ALL_DAY):
            terminal.type(CTRL_C)
            eventually("requests are let end", lambda: "Draining" in terminal.said)
            terminal.hang_up()
            assert terminal.process.wait(60) == 0
        assert site.flowstead.processes() == []
        assert not site.flowstead.run_directory().exists()


def test_a_closed_terminal_ends_the_server_alone(tmp_path: Path) -> None:
    with running(tmp_path) as (terminal, site):
        terminal.hang_up()
        assert terminal.process.wait(60) == 0
        assert "The server ends; the gateway and the instances go on." in (site.home.logs / "server.log").read_text()
        assert site.flowstead.score("lasting", {"text": "x"}, site.key).status_code == 200


def test_a_down_whose_reader_has_gone_ends_everything(own_flowstead: Installation, tmp_path: Path) -> None:
    site = Site(own_flowstead, tmp_path)
    reading, writing = os.pipe()
    with site.stream(ALL_DAY):
        down = subprocess.Popen(
            [FLOWSTEAD, "down", "--drain-seconds", "2"],
            env=own_flowstead.environment({}),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
        )
        os.close(writing)
        assert b"Stopping" in os.read(reading, 4096)
        os.close(reading)
        down.wait(60)
    assert own_flowstead.processes() == []
