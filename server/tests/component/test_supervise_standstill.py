"""Processes that were stopped: for how long, as one finds them who looks again and again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from flowstead.supervise.standstill import Standstill, has_ended, is_stopped


class Looker:
    def __init__(self) -> None:
        self.now = 0.0
        self.standstill = Standstill(lambda: self.now)

    def finds(self, process: subprocess.Popen[bytes], after_s: float = 0.0) -> bool:
        self.now += after_s
        return self.standstill.lasts(process.pid, family=False)


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def _stopped(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)


def _going_on(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGCONT)
    os.waitid(os.P_PID, process.pid, os.WCONTINUED | os.WNOWAIT)


def test_one_is_not_waited_for_after_three_seconds(process: subprocess.Popen[bytes]) -> None:
    looker = Looker()
    assert not looker.finds(process)
    _stopped(process)
    assert [looker.finds(process, 1.0) for _ in range(4)] == [False, False, False, True]


def test_one_that_went_on_meanwhile_begins_anew(process: subprocess.Popen[bytes]) -> None:
    looker = Looker()
    _stopped(process)
    assert not looker.finds(process)
    _going_on(process)
    assert not looker.finds(process, 2.0)
    _stopped(process)
    assert not looker.finds(process, 2.0)
    looker.standstill.forget(process.pid)
    assert not looker.finds(process, 2.0)
    assert not looker.finds(process, 60.0), "nobody has looked for long"
    assert looker.finds(process, 3.0)


@pytest.mark.parametrize("family", [True, False])
def test_who_is_stopped_and_who_has_ended(process: subprocess.Popen[bytes], family: bool) -> None:
    assert not is_stopped(process.pid, family=family)
    _stopped(process)
    assert is_stopped(process.pid, family=family)
    assert not has_ended(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE
    assert has_ended(process.pid)
    process.wait()
    assert has_ended(process.pid)
    assert not is_stopped(process.pid, family=family)
