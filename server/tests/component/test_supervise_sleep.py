"""Who fell asleep is woken by the first connection; its supervisor is small meanwhile."""

from __future__ import annotations

import os
import signal
import socket
import sys
import textwrap
from pathlib import Path
from typing import Any

import psutil
import pytest

from flowstead.supervise import ProcessState, SupervisedProcess, observe, start, stop
from server.tests.component.supervised import (
    ECHO,
    PATIENCE_S,
    alive,
    eventually,
    in_state,
    run_folder,
    say,
    seen_in,
    specification,
    supervised_directory,
)

run = pytest.fixture(run_folder)
directory = pytest.fixture(supervised_directory)


def asleep_in(run: Path, directory: Path, **changes: Any) -> SupervisedProcess:
    """A process that says `end` puts to sleep, put to sleep."""
    start(directory, specification(run, sleep_exit_code=5, **changes))
    say(run, b"end")
    return in_state(directory, ProcessState.DORMANT)


def test_the_first_connection_wakes_who_fell_asleep_and_is_answered(run: Path, directory: Path) -> None:
    asleep = asleep_in(run, directory)
    assert (asleep.pid, asleep.restarts, asleep.wakes) == (None, 0, 0)
    answered = int(say(run))
    awake = seen_in(directory)
    assert (awake.state, awake.pid, awake.restarts, awake.wakes) == (ProcessState.RUNNING, answered, 0, 1)
    say(run, b"end")
    in_state(directory, ProcessState.DORMANT)
    assert int(say(run)) != answered
    assert seen_in(directory).wakes == 2


def test_a_connection_to_another_socket_wakes_nobody(run: Path, directory: Path) -> None:
    asleep = asleep_in(run, directory, sockets=(str(run / "s"), str(run / "health")))
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(run / "health"))
        used = sum(psutil.Process(asleep.supervisor_pid).cpu_times()[:2])
        asking.settimeout(0.3)
        with pytest.raises(TimeoutError):
            asking.recv(1)
        assert sum(psutil.Process(asleep.supervisor_pid).cpu_times()[:2]) - used < 0.1, "it waits, it does not look"
    assert seen_in(directory).state is ProcessState.DORMANT


def test_who_cannot_be_woken_is_started_again_later(run: Path, directory: Path) -> None:
    program = run / "python"
    program.symlink_to(sys.executable)
    code = textwrap.dedent(ECHO)
    asleep_in(run, directory, argv=(str(program), "-I", "-S", "-c", code), first_backoff_s=0.05)
    program.rename(run / "away")
    with socket.socket(socket.AF_UNIX) as waiting:
        waiting.connect(str(run / "s"))
        waiting.sendall(b"pid")
        eventually(lambda: seen_in(directory).restarts > 0)
        (run / "away").rename(program)
        waiting.settimeout(PATIENCE_S)
        assert int(waiting.recv(100)) > 0, "who came first has waited"


def test_a_killed_process_that_was_woken_is_started_again(run: Path, directory: Path) -> None:
    asleep_in(run, directory)
    os.kill(int(say(run)), signal.SIGKILL)
    eventually(lambda: seen_in(directory).restarts == 1)
    assert in_state(directory, ProcessState.RUNNING).wakes == 1


def test_stop_while_asleep_leaves_nothing(run: Path, directory: Path) -> None:
    asleep = asleep_in(run, directory)
    stop(directory)
    eventually(lambda: observe(directory) is None and not alive(asleep.supervisor_pid))
    assert sorted(each.name for each in run.iterdir()) == ["log"]


def test_a_supervisor_killed_while_asleep_is_lost_and_leaves_nothing(run: Path, directory: Path) -> None:
    asleep = asleep_in(run, directory)
    os.kill(asleep.supervisor_pid, signal.SIGKILL)
    lost = in_state(directory, ProcessState.LOST)
    assert lost.pid is None
    with pytest.raises(ConnectionRefusedError):
        say(run)
    stop(directory)
    assert observe(directory) is None
    assert sorted(each.name for each in run.iterdir()) == ["log"]


def test_a_supervisor_is_small_and_idle(run: Path, directory: Path) -> None:
    """There is one for every instance, dormant ones too."""
    supervisor = psutil.Process(asleep_in(run, directory).supervisor_pid)
    memory = supervisor.memory_full_info()
    print(f"rss {memory.rss >> 10} KiB, of its own {memory.uss >> 10} KiB")
    assert memory.rss <= 14 * 1024 * 1024
    assert memory.uss <= 8 * 1024 * 1024
