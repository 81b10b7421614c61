"""Real supervisors and real processes. The worker answers on its inherited socket with its pid."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from flowstead.errors import StartFailed
from flowstead.process_directory import READY_FILE
from flowstead.supervise import (
    ProcessEnd,
    ProcessSpec,
    ProcessState,
    SupervisedProcess,
    end_now,
    hand_over,
    handed_over_for,
    observe,
    start,
    stop,
    take_back,
)
from tests.installation import FULL

_PATIENCE_S = 20.0
LOG_LINES = 100_000 if FULL else 5_000
_SECRET = "hunter2-hunter2"
_ECHO = """
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


def _eventually(look: Callable[[], T | None], within: float = _PATIENCE_S) -> T:
    give_up_at = time.monotonic() + within
    while time.monotonic() < give_up_at:
        if (seen := look()) is not None and seen is not False:
            return seen
        time.sleep(0.005)
    raise AssertionError(f"{look} did not come true in {within} s")


@pytest.fixture
def run() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fs-") as name:
        yield Path(name)


@pytest.fixture
def directory(run: Path) -> Iterator[Path]:
    directory = run / "one"
    yield directory
    stop(directory)
    _eventually(lambda: observe(directory) is None)


def _alive(pid: int | None) -> bool:
    """Whether it runs; a zombie that init has not collected yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _spec(run: Path, code: str = _ECHO, **changes: Any) -> ProcessSpec:
    values: dict[str, Any] = {
        "argv": (sys.executable, "-I", "-S", "-c", textwrap.dedent(code)),
        "environment": {"PASSWORD": _SECRET},
        "working_directory": str(run),
        "log": str(run / "log"),
        "sockets": (str(run / "s"),),
        "stop_grace_s": 5.0,
    }
    return ProcessSpec(**(values | changes))


def _say(run: Path, what: bytes = b"pid") -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_PATIENCE_S)
        connection.connect(str(run / "s"))
        connection.sendall(what)
        return connection.recv(100)


def _seen(directory: Path) -> SupervisedProcess:
    seen = observe(directory)
    assert seen is not None
    return seen


def _in_state(directory: Path, state: ProcessState) -> SupervisedProcess:
    return _eventually(lambda: seen if (seen := observe(directory)) and seen.state is state else None)


def test_it_starts_with_the_socket_bound_and_private(run: Path, directory: Path) -> None:
    began = time.monotonic()
    start(directory, _spec(run))
    print(f"start took {(time.monotonic() - began) * 1000:.0f} ms")
    seen = _seen(directory)
    assert _say(run) == str(seen.pid).encode()
    assert (run / "s").stat().st_mode & 0o777 == 0o600
    assert (run / "log").stat().st_mode & 0o777 == 0o600
    assert directory.stat().st_mode & 0o777 == 0o700
    assert seen == SupervisedProcess(ProcessState.RUNNING, seen.supervisor_pid, seen.pid, 0, None, seen.started_at)
    assert os.getsid(seen.pid or 0) == seen.pid
    memory = psutil.Process(seen.supervisor_pid).memory_info().rss
    print(f"the supervisor's RSS is {memory / 1e6:.1f} MB")
    assert memory < 20e6


def test_the_socket_is_kept_over_a_restart(run: Path, directory: Path) -> None:
    start(directory, _spec(run, environment={"SLOW_START": "0.3"}))
    pid = _seen(directory).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert _say(run) != str(pid).encode()
    seen = _in_state(directory, ProcessState.RUNNING)
    assert (seen.restarts, seen.exit_code) == (1, -signal.SIGKILL)
    assert "The process ended with signal 9" in (run / "log").read_text()


def test_a_second_start_changes_nothing(run: Path, directory: Path) -> None:
    start(directory, _spec(run))
    before = _seen(directory)
    start(directory, _spec(run, argv=("/bin/false",)))
    assert _seen(directory) == before
    assert _say(run) == str(before.pid).encode()


def test_many_starters_make_one_process(run: Path, directory: Path) -> None:
    code = f"""
        import sys
        from pathlib import Path
        from flowstead.supervise import ProcessSpec, start
        start(Path({str(directory)!r}), ProcessSpec(("/bin/sleep", "60"), {{}}, "/", {str(run / "log")!r}))
    """
    starters = [subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)]) for _ in range(4)]
    assert [starter.wait(60) for starter in starters] == [0, 0, 0, 0]
    supervisors = [p for p in psutil.process_iter(["cmdline"]) if str(directory) in (p.info["cmdline"] or [])]
    assert [supervisor.pid for supervisor in supervisors] == [_seen(directory).supervisor_pid]


def test_it_outlives_its_starter_and_another_process_finds_it(run: Path, directory: Path) -> None:
    code = f"""
        from pathlib import Path
        from flowstead.supervise import ProcessSpec, observe, start
        start(Path({str(directory)!r}), ProcessSpec(("/bin/sleep", "60"), {{}}, "/", {str(run / "log")!r}))
        print(observe(Path({str(directory)!r})).pid)
    """
    output = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, check=True).stdout
    seen = _seen(directory)
    assert seen.state is ProcessState.RUNNING
    assert seen.pid == int(output)
    assert psutil.Process(seen.supervisor_pid).ppid() != os.getpid()


def test_it_gives_up_and_then_refuses_connections(run: Path, directory: Path) -> None:
    start(directory, _spec(run, "import sys; sys.exit(7)", give_up_after=3, first_backoff_s=0.01))
    seen = _in_state(directory, ProcessState.GAVE_UP)
    assert (seen.pid, seen.restarts, seen.exit_code) == (None, 2, 7)
    assert not (run / "s").exists()
    assert "is not started again" in (run / "log").read_text()


def test_one_that_is_killed_before_it_was_ready_is_given_up(run: Path, directory: Path) -> None:
    """It may have done that itself, or take more memory than the machine has."""
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    start(directory, _spec(run, code, give_up_after=3, first_backoff_s=0.01))
    seen = _in_state(directory, ProcessState.GAVE_UP)
    assert (seen.restarts, seen.exit_code) == (2, -signal.SIGKILL)


def test_one_that_is_killed_when_it_was_ready_is_started_again_however_often(run: Path, directory: Path) -> None:
    start(directory, _spec(run, give_up_after=1))
    for number in range(3):
        seen = _eventually(lambda: found if (found := _seen(directory)).pid else None)
        assert seen.restarts == number
        (directory / READY_FILE).write_text(f"one:{seen.pid}:{number}")
        os.kill(seen.pid or 0, signal.SIGKILL)
        _eventually(lambda: _seen(directory).restarts > number)  # noqa: B023 it is called within its turn
    (directory / READY_FILE).unlink()


def test_a_fatal_exit_code_is_not_retried(run: Path, directory: Path) -> None:
    start(directory, _spec(run, fatal_exit_codes=(5,)))
    _say(run, b"end")
    seen = _in_state(directory, ProcessState.GAVE_UP)
    assert (seen.restarts, seen.exit_code) == (0, 5)


def test_what_was_given_up_is_started_again_later_with_its_sockets(run: Path, directory: Path) -> None:
    code = """
        import os, sys
        if not os.path.exists("mended"):
            sys.exit(7)
    """
    code = textwrap.dedent(code) + textwrap.dedent(_ECHO)
    start(directory, _spec(run, code, give_up_after=2, first_backoff_s=0.01, retry_first_s=0.3))
    seen = _in_state(directory, ProcessState.GAVE_UP)
    assert (seen.pid, seen.restarts, seen.exit_code) == (None, 1, 7)
    assert seen.next_start_at is not None
    assert 0 < seen.next_start_at - time.time() <= 0.3
    (run / "mended").touch()
    seen = _in_state(directory, ProcessState.RUNNING)
    assert (seen.restarts, seen.next_start_at) == (2, None)
    assert seen.last_end is not None
    assert (seen.last_end.exit_code, seen.last_end.reason) == (7, "")
    assert _say(run) == str(seen.pid).encode()


@pytest.mark.parametrize("number", [signal.SIGSTOP, None], ids=["stopped", "running"])
def test_one_that_hangs_is_ended_and_started_again(run: Path, directory: Path, number: signal.Signals | None) -> None:
    start(directory, _spec(run))
    before = _seen(directory)
    assert before.pid is not None
    if number is not None:
        os.kill(before.pid, number)
    end_now(directory, before.pid + 1, reason="Other", message="Not this one.")
    end_now(directory, before.pid, reason="Unresponsive", message="It did not answer for 10 s.")
    after = _eventually(lambda: seen if (seen := _seen(directory)).restarts and seen.pid else None)
    assert _say(run) == str(after.pid).encode()
    assert after.last_end is not None
    assert after.last_end == ProcessEnd(after.last_end.at, -9, "Unresponsive", "It did not answer for 10 s.")
    assert abs(after.last_end.at - time.time()) < _PATIENCE_S
    log = (run / "log").read_text()
    assert "[supervisor] It did not answer for 10 s.\n[supervisor] The process ended with signal 9" in log
    assert "Not this one" not in log
    assert [each.name for each in directory.iterdir() if "end" in each.name] == []


def test_what_could_not_be_written_down_is_when_there_is_room(run: Path, directory: Path) -> None:
    start(directory, _spec(run))
    before = _seen(directory)
    in_the_way = directory / "state.json.new"
    in_the_way.mkdir()
    os.kill(before.pid or 0, signal.SIGKILL)
    assert _say(run) != str(before.pid).encode()
    assert _seen(directory) == before, "nobody can know better"
    in_the_way.rmdir()
    after = _eventually(lambda: seen if (seen := _seen(directory)).restarts else None)
    assert _say(run) == str(after.pid).encode()
    assert (run / "log").read_text().count("The state could not be written") == 1


def test_its_log_is_kept_in_files_of_bounded_size_and_loses_no_line(run: Path, directory: Path) -> None:
    """Three writers, ten thousand lines a second."""
    code = """
        import os, time
        began = time.monotonic()
        for name in "ab":
            if os.fork() == 0:
                break
        else:
            name = "c"
        for number in range(LINES):
            os.write(1, b"%s %08d %s\\n" % (name.encode(), number, b"x" * (number % 90)))
            if number % 100 == 0:
                time.sleep(max(0, began + number * 3 / 10_000 - time.monotonic()))
        os.write(1, b"%s took %.1f s\\n" % (name.encode(), time.monotonic() - began))
        open(f"RUN/{name}-is-done", "w").close()
        time.sleep(600)
    """.replace("LINES", str(LOG_LINES)).replace("RUN", str(run))
    start(directory, _spec(run, code, log_bytes=100_000, log_files=10_000))
    supervisor = psutil.Process(_seen(directory).supervisor_pid)

    def files() -> list[Path]:
        return sorted(run.glob("log*"), key=lambda each: -int(each.suffix[1:] or 0))

    def text() -> str:
        with contextlib.suppress(FileNotFoundError):  # it has just become an older one
            return "".join(each.read_text() for each in files())
        return ""

    paced_s = 3 * LOG_LINES / 10_000
    _eventually(lambda: len(list(run.glob("*-is-done"))) == 3 or None, within=_PATIENCE_S + 3 * paced_s)
    _eventually(lambda: all(f"{name} took" in so_far for so_far in [text()] for name in "abc"))
    used = supervisor.cpu_times()
    print(f"{3 * LOG_LINES} lines in {len(files())} files; the supervisor used {used.user + used.system:.2f} s")
    lines = text().splitlines()
    for name in "abc":
        own = [line.split()[1] for line in lines if line.startswith(name) and "took" not in line]
        assert own == [f"{number:08d}" for number in range(LOG_LINES)]
        print(next(line for line in lines if line.startswith(f"{name} took")))
    assert all(each.stat().st_size <= 100_000 for each in files())


def test_logs_that_it_writes_itself_are_turned_over_and_opened_again(
    run: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
        import os, signal, time
        def write(text):
            with open("own.log", "a") as file:
                file.write(text)
        signal.signal(signal.SIGUSR1, lambda *_: write("opened again"))
        write("x" * 2000)
        while True:
            signal.pause()
    """
    start(directory, _spec(run, code, own_logs=(str(run / "own.log"),), log_bytes=1000))
    _eventually(lambda: (run / "own.log.1").exists() and (run / "own.log").exists())
    assert (run / "own.log.1").read_text() == "x" * 2000
    _eventually(lambda: (run / "own.log").read_text() == "opened again")


def test_backing_off_shows(run: Path, directory: Path) -> None:
    start(directory, _spec(run, "import sys; sys.exit(7)", first_backoff_s=60.0, longest_backoff_s=60.0))
    seen = _in_state(directory, ProcessState.BACKING_OFF)
    assert (seen.pid, seen.exit_code) == (None, 7)


def test_stop_removes_everything_but_the_log(run: Path, directory: Path) -> None:
    start(directory, _spec(run))
    seen = _seen(directory)
    began = time.monotonic()
    stop(directory)
    assert time.monotonic() - began < 1.0
    stop(directory)
    _eventually(lambda: not directory.exists())
    assert observe(directory) is None
    assert sorted(path.name for path in run.iterdir()) == ["log"]
    assert not _alive(seen.pid)
    _eventually(lambda: not _alive(seen.supervisor_pid))
    stop(directory)


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace(run: Path, directory: Path) -> None:
    code = 'import signal; signal.signal(15, signal.SIG_IGN); print("ready", flush=True)\nwhile True: signal.pause()'
    start(directory, _spec(run, code, stop_grace_s=0.3))
    _eventually(lambda: "ready" in (run / "log").read_text())
    stop(directory)
    _in_state(directory, ProcessState.STOPPING)
    _eventually(lambda: observe(directory) is None)


def test_start_after_stop_begins_anew(run: Path, directory: Path) -> None:
    start(directory, _spec(run))
    before = _seen(directory).pid
    stop(directory)
    _eventually(lambda: observe(directory) is None)
    start(directory, _spec(run))
    assert _say(run) not in (b"", str(before).encode())


@pytest.mark.skipif(sys.platform != "linux", reason="adopting orphans is Linux's")
@pytest.mark.parametrize("ending", ["stop", "kill"])
def test_children_and_daemons_of_the_process_end_with_it(run: Path, directory: Path, ending: str) -> None:
    code = """
        import os, time
        def fork():
            if os.fork() == 0:
                print("child", os.getpid(), flush=True)
                time.sleep(600)
        fork()
        if os.fork() == 0:
            os.setsid()
            fork()
            os._exit(0)
        time.sleep(600)
    """
    start(directory, _spec(run, code, first_backoff_s=60.0, longest_backoff_s=60.0))
    lines = _eventually(lambda: seen if len(seen := (run / "log").read_text().splitlines()) == 2 else None)
    children = [int(line.split()[1]) for line in lines]
    if ending == "stop":
        stop(directory)
    else:
        os.kill(_seen(directory).pid or 0, signal.SIGKILL)
    _eventually(lambda: not any(_alive(child) for child in children))


def test_no_zombies_stay(run: Path, directory: Path) -> None:
    start(directory, _spec(run, "import sys; sys.exit(1)", first_backoff_s=0.005, longest_backoff_s=0.005))
    _eventually(lambda: _seen(directory).restarts >= 5)
    supervisor = psutil.Process(_seen(directory).supervisor_pid)
    children = supervisor.children()
    assert len(children) <= 1
    assert all(child not in psutil.Process().children() for child in (supervisor, *children))


def test_a_killed_supervisor_shows_as_lost_and_stop_ends_the_orphan(run: Path, directory: Path) -> None:
    start(directory, _spec(run))
    before = _seen(directory)
    os.kill(before.supervisor_pid, signal.SIGKILL)
    lost = _in_state(directory, ProcessState.LOST)
    assert lost.pid == before.pid
    assert _alive(before.pid)
    stop(directory)
    assert observe(directory) is None
    assert not directory.exists()
    assert not (run / "s").exists()
    _eventually(lambda: not _alive(before.pid))


def test_a_start_over_a_lost_one_replaces_the_orphan(run: Path, directory: Path) -> None:
    start(directory, _spec(run))
    before = _seen(directory)
    os.kill(before.supervisor_pid, signal.SIGKILL)
    _in_state(directory, ProcessState.LOST)
    start(directory, _spec(run))
    after = _seen(directory)
    assert after.state is ProcessState.RUNNING
    assert after.pid != before.pid
    assert not _alive(before.pid)


def test_a_reused_pid_is_never_killed(run: Path, directory: Path) -> None:
    start(directory, _spec(run))
    os.kill(_seen(directory).supervisor_pid, signal.SIGKILL)
    orphan = _in_state(directory, ProcessState.LOST).pid
    innocent = subprocess.Popen(["/bin/sleep", "60"], start_new_session=True)
    try:
        file = directory / "state.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"pid": innocent.pid, "process_start": "1"}))
        assert _seen(directory).pid is None
        stop(directory)
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()
        os.kill(orphan or 0, signal.SIGKILL)


def test_secrets_stay_in_memory(run: Path, directory: Path) -> None:
    start(directory, _spec(run))
    seen = _seen(directory)
    supervisor = psutil.Process(seen.supervisor_pid)
    assert _SECRET not in " ".join(supervisor.cmdline())
    assert supervisor.environ().keys() <= {"LC_CTYPE"}
    assert psutil.Process(seen.pid).environ().get("PASSWORD") == _SECRET
    for path in (path for path in run.rglob("*") if path.is_file()):
        assert _SECRET not in path.read_text(), path


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"argv": ("/no/such/program",)}, "/no/such/program"),
        ({"working_directory": "/no/such/folder"}, "/no/such/folder"),
        ({"log": "/no/such/folder/log"}, "/no/such/folder/log"),
        ({"sockets": ("/no/such/folder/s",)}, "/no/such/folder/s"),
        ({"sockets": ("/tmp/" + "x" * 120,)}, "too long"),
    ],
)
def test_what_cannot_start_says_why_and_leaves_nothing(
    run: Path, directory: Path, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(StartFailed) as failure:
        start(directory, _spec(run, **changes))
    assert reason in failure.value.message
    assert observe(directory) is None
    assert not (run / "s").exists()
    start(directory, _spec(run))
    assert _seen(directory).state is ProcessState.RUNNING


@pytest.fixture
def narrow(run: Path) -> Iterator[Path]:
    """A folder on a disk of its own, of 64 KiB."""
    folder = run / "narrow"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]).returncode:
        pytest.skip("a disk can be mounted by root alone, where that is allowed")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _fill(folder: Path) -> None:
    with (folder / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_one_whose_state_cannot_be_written_is_not_started(run: Path, narrow: Path) -> None:
    """Nobody could find it again, or end it."""
    directory = narrow / "one"
    directory.mkdir()
    _fill(narrow)
    with pytest.raises(StartFailed, match="No space left"):
        start(directory, _spec(run))
    assert "up" not in (run / "log").read_text() or not _alive(int((run / "log").read_text().split()[-1]))
    assert not (run / "s").exists()
    (narrow / "filler").unlink()
    start(directory, _spec(run))
    stop(directory)
    _eventually(lambda: observe(directory) is None)


def test_sigterm_at_any_moment_ends_it(run: Path, directory: Path) -> None:
    """A process that ends all the time meets a stop at many different moments of the loop."""
    for delay in range(12):
        start(directory, _spec(run, "pass", first_backoff_s=0.001, longest_backoff_s=0.001))
        supervisor = _seen(directory).supervisor_pid
        time.sleep(delay * 0.004)
        stop(directory)
        _eventually(lambda: observe(directory) is None)
        _eventually(lambda pid=supervisor: not _alive(pid))  # type: ignore[misc]


def test_observing_never_started_directories(run: Path) -> None:
    assert observe(run / "nothing") is None
    stop(run / "nothing")
    assert not (run / "nothing").exists()


def _pid_of(directory: Path) -> int | None:
    seen = observe(directory)
    return seen.pid if seen else None


def test_a_process_that_has_handed_over_is_not_started_again(run: Path, directory: Path) -> None:
    other = run / "other"
    start(directory, _spec(run))
    start(other, _spec(run, sockets=(str(run / "t"),)))
    try:
        assert handed_over_for(directory) is None
        hand_over(directory, other)
        assert 0.0 <= (handed_over_for(directory) or -1.0) < _PATIENCE_S
        os.kill(_pid_of(directory) or 0, signal.SIGKILL)
        _eventually(lambda: observe(directory) is None)
        assert not directory.exists()
        assert handed_over_for(directory) is None
    finally:
        stop(other)
        _eventually(lambda: observe(other) is None)


@pytest.mark.parametrize("successor", ["has no supervisor", "was taken back"])
def test_it_is_started_again_when_there_is_no_successor(run: Path, directory: Path, successor: str) -> None:
    other = run / "other"
    start(directory, _spec(run))
    hand_over(directory, other)
    if successor == "was taken back":
        start(other, _spec(run, sockets=(str(run / "t"),)))
        take_back(directory)
    try:
        before = _pid_of(directory)
        os.kill(before or 0, signal.SIGKILL)
        _eventually(lambda: _pid_of(directory) not in (None, before))
    finally:
        stop(other)
        _eventually(lambda: observe(other) is None)


def test_it_may_be_executed_otherwise_after_an_end(run: Path, directory: Path) -> None:
    spec = _spec(run, "print('first')")
    start(directory, _spec(run, "print('first')", argv_again=(*spec.argv[:-1], "print('again')")))
    _eventually(lambda: (run / "log").read_text().count("again\n") == 2)
    assert (run / "log").read_text().count("first\n") == 1


def _asleep(run: Path, directory: Path, **changes: Any) -> SupervisedProcess:
    """A process that says `end` puts to sleep, put to sleep."""
    start(directory, _spec(run, sleep_exit_code=5, **changes))
    _say(run, b"end")
    return _in_state(directory, ProcessState.DORMANT)


def test_the_first_connection_wakes_who_fell_asleep_and_is_answered(run: Path, directory: Path) -> None:
    asleep = _asleep(run, directory)
    assert (asleep.pid, asleep.restarts, asleep.wakes) == (None, 0, 0)
    answered = int(_say(run))
    awake = _seen(directory)
    assert (awake.state, awake.pid, awake.restarts, awake.wakes) == (ProcessState.RUNNING, answered, 0, 1)
    _say(run, b"end")
    _in_state(directory, ProcessState.DORMANT)
    assert int(_say(run)) != answered
    assert _seen(directory).wakes == 2


def test_a_connection_to_another_socket_wakes_nobody(run: Path, directory: Path) -> None:
    asleep = _asleep(run, directory, sockets=(str(run / "s"), str(run / "health")))
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(run / "health"))
        used = sum(psutil.Process(asleep.supervisor_pid).cpu_times()[:2])
        asking.settimeout(0.3)
        with pytest.raises(TimeoutError):
            asking.recv(1)
        assert sum(psutil.Process(asleep.supervisor_pid).cpu_times()[:2]) - used < 0.1, "it waits, it does not look"
    assert _seen(directory).state is ProcessState.DORMANT


def test_who_cannot_be_woken_is_started_again_later(run: Path, directory: Path) -> None:
    program = run / "python"
    program.symlink_to(sys.executable)
    code = textwrap.dedent(_ECHO)
    _asleep(run, directory, argv=(str(program), "-I", "-S", "-c", code), first_backoff_s=0.05)
    program.rename(run / "away")
    with socket.socket(socket.AF_UNIX) as waiting:
        waiting.connect(str(run / "s"))
        waiting.sendall(b"pid")
        _eventually(lambda: _seen(directory).restarts > 0)
        (run / "away").rename(program)
        waiting.settimeout(_PATIENCE_S)
        assert int(waiting.recv(100)) > 0, "who came first has waited"


def test_a_killed_process_that_was_woken_is_started_again(run: Path, directory: Path) -> None:
    _asleep(run, directory)
    os.kill(int(_say(run)), signal.SIGKILL)
    _eventually(lambda: _seen(directory).restarts == 1)
    assert _in_state(directory, ProcessState.RUNNING).wakes == 1


def test_stop_while_asleep_leaves_nothing(run: Path, directory: Path) -> None:
    asleep = _asleep(run, directory)
    stop(directory)
    _eventually(lambda: observe(directory) is None and not _alive(asleep.supervisor_pid))
    assert sorted(each.name for each in run.iterdir()) == ["log"]


def test_a_supervisor_killed_while_asleep_is_lost_and_leaves_nothing(run: Path, directory: Path) -> None:
    asleep = _asleep(run, directory)
    os.kill(asleep.supervisor_pid, signal.SIGKILL)
    lost = _in_state(directory, ProcessState.LOST)
    assert lost.pid is None
    with pytest.raises(ConnectionRefusedError):
        _say(run)
    stop(directory)
    assert observe(directory) is None
    assert sorted(each.name for each in run.iterdir()) == ["log"]


def test_a_supervisor_is_small_and_idle(run: Path, directory: Path) -> None:
    """There is one for every instance, dormant ones too."""
    supervisor = psutil.Process(_asleep(run, directory).supervisor_pid)
    memory = supervisor.memory_full_info()
    print(f"rss {memory.rss >> 10} KiB, of its own {memory.uss >> 10} KiB")
    assert memory.rss <= 14 * 1024 * 1024
    assert memory.uss <= 8 * 1024 * 1024
