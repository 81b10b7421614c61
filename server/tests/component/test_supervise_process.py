"""Real supervisors and real processes. The worker answers on its inherited socket with its pid."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from flowstead.errors import StartFailed
from flowstead.process_directory import READY_FILE
from flowstead.supervise import (
    ProcessEnd,
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
from server.tests.component.supervised import (
    ECHO,
    PATIENCE_S,
    SECRET,
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


def test_it_starts_with_the_socket_bound_and_private(run: Path, directory: Path) -> None:
    began = time.monotonic()
    start(directory, specification(run))
    print(f"start took {(time.monotonic() - began) * 1000:.0f} ms")
    seen = seen_in(directory)
    assert say(run) == str(seen.pid).encode()
    assert (run / "s").stat().st_mode & 0o777 == 0o600
    assert (run / "log").stat().st_mode & 0o777 == 0o600
    assert directory.stat().st_mode & 0o777 == 0o700
    assert seen == SupervisedProcess(ProcessState.RUNNING, seen.supervisor_pid, seen.pid, 0, None, seen.started_at)
    assert os.getsid(seen.pid or 0) == seen.pid
    memory = psutil.Process(seen.supervisor_pid).memory_info().rss
    print(f"the supervisor's RSS is {memory / 1e6:.1f} MB")
    assert memory < 20e6


def test_the_socket_is_kept_over_a_restart(run: Path, directory: Path) -> None:
    start(directory, specification(run, environment={"SLOW_START": "0.3"}))
    pid = seen_in(directory).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert say(run) != str(pid).encode()
    seen = in_state(directory, ProcessState.RUNNING)
    assert (seen.restarts, seen.exit_code) == (1, -signal.SIGKILL)
    assert "The process ended with signal 9" in (run / "log").read_text()


def test_a_second_start_changes_nothing(run: Path, directory: Path) -> None:
    start(directory, specification(run))
    before = seen_in(directory)
    start(directory, specification(run, argv=("/bin/false",)))
    assert seen_in(directory) == before
    assert say(run) == str(before.pid).encode()


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
    assert [supervisor.pid for supervisor in supervisors] == [seen_in(directory).supervisor_pid]


def test_it_outlives_its_starter_and_another_process_finds_it(run: Path, directory: Path) -> None:
    code = f"""
        from pathlib import Path
        from flowstead.supervise import ProcessSpec, observe, start
        start(Path({str(directory)!r}), ProcessSpec(("/bin/sleep", "60"), {{}}, "/", {str(run / "log")!r}))
        print(observe(Path({str(directory)!r})).pid)
    """
    output = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, check=True).stdout
    seen = seen_in(directory)
    assert seen.state is ProcessState.RUNNING
    assert seen.pid == int(output)
    assert psutil.Process(seen.supervisor_pid).ppid() != os.getpid()


def test_it_gives_up_and_then_refuses_connections(run: Path, directory: Path) -> None:
    start(directory, specification(run, "import sys; sys.exit(7)", give_up_after=3, first_backoff_s=0.01))
    seen = in_state(directory, ProcessState.GAVE_UP)
    assert (seen.pid, seen.restarts, seen.exit_code) == (None, 2, 7)
    assert not (run / "s").exists()
    assert "is not started again" in (run / "log").read_text()


def test_one_that_is_killed_before_it_was_ready_is_given_up(run: Path, directory: Path) -> None:
    """It may have done that itself, or take more memory than the machine has."""
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    start(directory, specification(run, code, give_up_after=3, first_backoff_s=0.01))
    seen = in_state(directory, ProcessState.GAVE_UP)
    assert (seen.restarts, seen.exit_code) == (2, -signal.SIGKILL)


def test_one_that_is_killed_when_it_was_ready_is_started_again_however_often(run: Path, directory: Path) -> None:
    start(directory, specification(run, give_up_after=1))
    for number in range(3):
        seen = eventually(lambda: found if (found := seen_in(directory)).pid else None)
        assert seen.restarts == number
        (directory / READY_FILE).write_text(f"one:{seen.pid}:{number}")
        os.kill(seen.pid or 0, signal.SIGKILL)
        eventually(lambda: seen_in(directory).restarts > number)  # noqa: B023 it is called within its turn
    (directory / READY_FILE).unlink()


def test_a_fatal_exit_code_is_not_retried(run: Path, directory: Path) -> None:
    start(directory, specification(run, fatal_exit_codes=(5,)))
    say(run, b"end")
    seen = in_state(directory, ProcessState.GAVE_UP)
    assert (seen.restarts, seen.exit_code) == (0, 5)


def test_what_was_given_up_is_started_again_later_with_its_sockets(run: Path, directory: Path) -> None:
    code = """
        import os, sys
        if not os.path.exists("mended"):
            sys.exit(7)
    """
    code = textwrap.dedent(code) + textwrap.dedent(ECHO)
    start(directory, specification(run, code, give_up_after=2, first_backoff_s=0.01, retry_first_s=0.3))
    seen = in_state(directory, ProcessState.GAVE_UP)
    assert (seen.pid, seen.restarts, seen.exit_code) == (None, 1, 7)
    assert seen.next_start_at is not None
    assert 0 < seen.next_start_at - time.time() <= 0.3
    (run / "mended").touch()
    seen = in_state(directory, ProcessState.RUNNING)
    assert (seen.restarts, seen.next_start_at) == (2, None)
    assert seen.last_end is not None
    assert (seen.last_end.exit_code, seen.last_end.reason) == (7, "")
    assert say(run) == str(seen.pid).encode()


@pytest.mark.parametrize("number", [signal.SIGSTOP, None], ids=["stopped", "running"])
def test_one_that_hangs_is_ended_and_started_again(run: Path, directory: Path, number: signal.Signals | None) -> None:
    start(directory, specification(run))
    before = seen_in(directory)
    assert before.pid is not None
    if number is not None:
        os.kill(before.pid, number)
    end_now(directory, before.pid + 1, reason="Other", message="Not this one.")
    end_now(directory, before.pid, reason="Unresponsive", message="It did not answer for 10 s.")
    after = eventually(lambda: seen if (seen := seen_in(directory)).restarts and seen.pid else None)
    assert say(run) == str(after.pid).encode()
    assert after.last_end is not None
    assert after.last_end == ProcessEnd(after.last_end.at, -9, "Unresponsive", "It did not answer for 10 s.")
    assert abs(after.last_end.at - time.time()) < PATIENCE_S
    log = (run / "log").read_text()
    assert "[supervisor] It did not answer for 10 s.\n[supervisor] The process ended with signal 9" in log
    assert "Not this one" not in log
    assert [each.name for each in directory.iterdir() if "end" in each.name] == []


def test_what_could_not_be_written_down_is_when_there_is_room(run: Path, directory: Path) -> None:
    start(directory, specification(run))
    before = seen_in(directory)
    in_the_way = directory / "state.json.new"
    in_the_way.mkdir()
    os.kill(before.pid or 0, signal.SIGKILL)
    assert say(run) != str(before.pid).encode()
    assert seen_in(directory) == before, "nobody can know better"
    in_the_way.rmdir()
    after = eventually(lambda: seen if (seen := seen_in(directory)).restarts else None)
    assert say(run) == str(after.pid).encode()
    assert (run / "log").read_text().count("The state could not be written") == 1


def test_backing_off_shows(run: Path, directory: Path) -> None:
    start(directory, specification(run, "import sys; sys.exit(7)", first_backoff_s=60.0, longest_backoff_s=60.0))
    seen = in_state(directory, ProcessState.BACKING_OFF)
    assert (seen.pid, seen.exit_code) == (None, 7)


def test_stop_removes_everything_but_the_log(run: Path, directory: Path) -> None:
    start(directory, specification(run))
    seen = seen_in(directory)
    began = time.monotonic()
    stop(directory)
    assert time.monotonic() - began < 1.0
    stop(directory)
    eventually(lambda: not directory.exists())
    assert observe(directory) is None
    assert sorted(path.name for path in run.iterdir()) == ["log"]
    assert not alive(seen.pid)
    eventually(lambda: not alive(seen.supervisor_pid))
    stop(directory)


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace(run: Path, directory: Path) -> None:
    code = 'import signal; signal.signal(15, signal.SIG_IGN); print("ready", flush=True)\nwhile True: signal.pause()'
    start(directory, specification(run, code, stop_grace_s=0.3))
    eventually(lambda: "ready" in (run / "log").read_text())
    stop(directory)
    in_state(directory, ProcessState.STOPPING)
    eventually(lambda: observe(directory) is None)


def test_start_after_stop_begins_anew(run: Path, directory: Path) -> None:
    start(directory, specification(run))
    before = seen_in(directory).pid
    stop(directory)
    eventually(lambda: observe(directory) is None)
    start(directory, specification(run))
    assert say(run) not in (b"", str(before).encode())


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
    start(directory, specification(run, code, first_backoff_s=60.0, longest_backoff_s=60.0))
    lines = eventually(lambda: seen if len(seen := (run / "log").read_text().splitlines()) == 2 else None)
    children = [int(line.split()[1]) for line in lines]
    if ending == "stop":
        stop(directory)
    else:
        os.kill(seen_in(directory).pid or 0, signal.SIGKILL)
    eventually(lambda: not any(alive(child) for child in children))


def test_no_zombies_stay(run: Path, directory: Path) -> None:
    start(directory, specification(run, "import sys; sys.exit(1)", first_backoff_s=0.005, longest_backoff_s=0.005))
    eventually(lambda: seen_in(directory).restarts >= 5)
    supervisor = psutil.Process(seen_in(directory).supervisor_pid)
    children = supervisor.children()
    assert len(children) <= 1
    assert all(child not in psutil.Process().children() for child in (supervisor, *children))


def test_a_killed_supervisor_shows_as_lost_and_stop_ends_the_orphan(run: Path, directory: Path) -> None:
    start(directory, specification(run))
    before = seen_in(directory)
    os.kill(before.supervisor_pid, signal.SIGKILL)
    lost = in_state(directory, ProcessState.LOST)
    assert lost.pid == before.pid
    assert alive(before.pid)
    stop(directory)
    assert observe(directory) is None
    assert not directory.exists()
    assert not (run / "s").exists()
    eventually(lambda: not alive(before.pid))


def test_a_start_over_a_lost_one_replaces_the_orphan(run: Path, directory: Path) -> None:
    start(directory, specification(run))
    before = seen_in(directory)
    os.kill(before.supervisor_pid, signal.SIGKILL)
    in_state(directory, ProcessState.LOST)
    start(directory, specification(run))
    after = seen_in(directory)
    assert after.state is ProcessState.RUNNING
    assert after.pid != before.pid
    assert not alive(before.pid)


def test_a_reused_pid_is_never_killed(run: Path, directory: Path) -> None:
    start(directory, specification(run))
    os.kill(seen_in(directory).supervisor_pid, signal.SIGKILL)
    orphan = in_state(directory, ProcessState.LOST).pid
    innocent = subprocess.Popen(["/bin/sleep", "60"], start_new_session=True)
    try:
        file = directory / "state.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"pid": innocent.pid, "process_start": "1"}))
        assert seen_in(directory).pid is None
        stop(directory)
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()
        os.kill(orphan or 0, signal.SIGKILL)


def test_nothing_of_the_original_is_touched_in_a_copy(run: Path, directory: Path) -> None:
    start(directory, specification(run))
    copy = Path(shutil.copytree(directory, run / "copy"))
    seen = seen_in(copy)
    assert (seen.state, seen.pid) == (ProcessState.LOST, None)
    stop(copy)
    assert not copy.exists()
    assert say(run) == str(seen_in(directory).pid).encode()
    moved = directory.rename(run / "moved")
    os.kill(seen_in(moved).supervisor_pid, signal.SIGKILL)
    assert in_state(moved, ProcessState.LOST).pid is not None, "it is no copy"
    moved.rename(directory)


def test_secrets_stay_in_memory(run: Path, directory: Path) -> None:
    start(directory, specification(run))
    seen = seen_in(directory)
    supervisor = psutil.Process(seen.supervisor_pid)
    assert SECRET not in " ".join(supervisor.cmdline())
    assert supervisor.environ().keys() <= {"LC_CTYPE"}
    assert psutil.Process(seen.pid).environ().get("PASSWORD") == SECRET
    for path in (path for path in run.rglob("*") if path.is_file()):
        assert SECRET not in path.read_text(), path


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
        start(directory, specification(run, **changes))
    assert reason in failure.value.message
    assert observe(directory) is None
    assert not (run / "s").exists()
    start(directory, specification(run))
    assert seen_in(directory).state is ProcessState.RUNNING


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
        start(directory, specification(run))
    assert "up" not in (run / "log").read_text() or not alive(int((run / "log").read_text().split()[-1]))
    assert not (run / "s").exists()
    (narrow / "filler").unlink()
    start(directory, specification(run))
    stop(directory)
    eventually(lambda: observe(directory) is None)


def test_sigterm_at_any_moment_ends_it(run: Path, directory: Path) -> None:
    """A process that ends all the time meets a stop at many different moments of the loop."""
    for delay in range(12):
        start(directory, specification(run, "pass", first_backoff_s=0.001, longest_backoff_s=0.001))
        supervisor = seen_in(directory).supervisor_pid
        time.sleep(delay * 0.004)
        stop(directory)
        eventually(lambda: observe(directory) is None)
        eventually(lambda pid=supervisor: not alive(pid))  # type: ignore[misc]


def test_observing_never_started_directories(run: Path) -> None:
    assert observe(run / "nothing") is None
    stop(run / "nothing")
    assert not (run / "nothing").exists()


def _pid_of(directory: Path) -> int | None:
    seen = observe(directory)
    return seen.pid if seen else None


def test_a_process_that_has_handed_over_is_not_started_again(run: Path, directory: Path) -> None:
    other = run / "other"
    start(directory, specification(run))
    start(other, specification(run, sockets=(str(run / "t"),)))
    try:
        assert handed_over_for(directory) is None
        hand_over(directory, other)
        assert 0.0 <= (handed_over_for(directory) or -1.0) < PATIENCE_S
        os.kill(_pid_of(directory) or 0, signal.SIGKILL)
        eventually(lambda: observe(directory) is None)
        assert not directory.exists()
        assert handed_over_for(directory) is None
    finally:
        stop(other)
        eventually(lambda: observe(other) is None)


@pytest.mark.parametrize("successor", ["has no supervisor", "was taken back"])
def test_it_is_started_again_when_there_is_no_successor(run: Path, directory: Path, successor: str) -> None:
    other = run / "other"
    start(directory, specification(run))
    hand_over(directory, other)
    if successor == "was taken back":
        start(other, specification(run, sockets=(str(run / "t"),)))
        take_back(directory)
    try:
        before = _pid_of(directory)
        os.kill(before or 0, signal.SIGKILL)
        eventually(lambda: _pid_of(directory) not in (None, before))
    finally:
        stop(other)
        eventually(lambda: observe(other) is None)


def test_it_may_be_executed_otherwise_after_an_end(run: Path, directory: Path) -> None:
    spec = specification(run, "print('first')")
    start(directory, specification(run, "print('first')", argv_again=(*spec.argv[:-1], "print('again')")))
    eventually(lambda: (run / "log").read_text().count("again\n") == 2)
    assert (run / "log").read_text().count("first\n") == 1
