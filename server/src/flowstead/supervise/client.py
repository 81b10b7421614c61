"""Starting, finding and stopping a supervised process. Any process of this user may call these, at any time."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import psutil

from flowstead import process_directory
from flowstead.errors import StartFailed
from flowstead.limits import groups
from flowstead.process_tree import process_start
from flowstead.resources.private_file import write_private
from flowstead.supervise import supervisor
from flowstead.supervise.specification import ProcessEnd, ProcessSpec, ProcessState, SupervisedProcess

_START_TIMEOUT_S = 30.0
_HANDOVER_S = 5.0
_SAME_START_S = 2.0
_POLL_S = 0.005
_YOUNG_S = 2.0
"""A file that was written within this time may be written again with the same time and number, and is read anew."""
_LAUNCHER = (sys.executable, "-I", "-S", "-B", supervisor.__file__)


def start(directory: Path, spec: ProcessSpec) -> None:
    """Start the process under a supervisor of its own, unless the directory has one already.

    Returns when the supervisor holds the lock, has bound the sockets and the process has been executed once.
    The directory is made (0700) when it is missing; an orphan of a supervisor that was killed is ended first.
    Raises StartFailed with the reason.
    """
    try:
        lock = _take(directory)
    except OSError as failure:
        raise StartFailed(f"{directory} cannot be used: {failure.strerror}.") from failure
    if lock is None:
        return
    try:
        _clean_up_lost(directory)
        _launch(directory, spec, lock)
    finally:
        os.close(lock)


def observe(directory: Path) -> SupervisedProcess | None:
    """What is known of it; None when it was never started here or has ended as it was told to.

    Whether a supervisor lives is asked of the lock, not of a pid, so a pid that was used again deceives nobody.
    """
    with _peek(directory) as held:
        state = _read(directory)
        if held is None or state is None:
            return None
        if not held:
            return _lost(directory, state)
    return SupervisedProcess(
        ProcessState(state["state"]),
        state["supervisor_pid"],
        state["pid"],
        state["restarts"],
        state["exit_code"],
        state["started_at"],
        _end_of(state),
        state.get("next_start_at"),
        state.get("wakes", 0),
    )


def end_now(directory: Path, pid: int, *, reason: str, message: str) -> None:
    """Have the process of that pid killed at once and started again; for one that hangs, whatever it does with signals.
    Returns at once. reason, message: what `SupervisedProcess.last_end` and the log then say of it. Nothing happens when
    it is another process by now, or nobody supervises it."""
    with _peek(directory) as held:
        state = _read(directory)
        if not held or state is None or state["pid"] != pid:
            return
        order = {"pid": pid, "reason": reason, "message": message}
        write_private(directory / process_directory.END_FILE, json.dumps(order).encode())
        with suppress(ProcessLookupError):
            os.kill(state["supervisor_pid"], signal.SIGHUP)


def stop(directory: Path) -> None:
    """Tell the supervisor to stop its process (SIGTERM, grace, SIGKILL to the group) and to end. Returns at once.

    When the supervisor is lost its process is killed here and the directory is cleaned. May be repeated.
    """
    with _peek(directory) as held:
        if held is None:
            return
        if held:
            _tell_to_stop(directory)
            return
    lock = _take(directory)
    if lock is None:
        return
    try:
        _clean_up_lost(directory)
        for name in (process_directory.SUCCESSOR_FILE, "lock"):
            (directory / name).unlink(missing_ok=True)
        with suppress(OSError):
            directory.rmdir()  # unless it holds files of others
    finally:
        os.close(lock)


def hand_over(directory: Path, successor: Path) -> None:
    """From now on the end of the process here is the end, as long as a supervisor keeps the one of that directory."""
    said = {"directory": str(successor), "at": time.monotonic()}
    new = directory / f"{process_directory.SUCCESSOR_FILE}.new"
    new.write_text(json.dumps(said), encoding="utf-8")
    new.rename(directory / process_directory.SUCCESSOR_FILE)


def take_back(directory: Path) -> None:
    """The process here has no successor after all. May be repeated."""
    (directory / process_directory.SUCCESSOR_FILE).unlink(missing_ok=True)


def handed_over_for(directory: Path) -> float | None:
    """How long the process here has had a successor, seconds; None for one that has none."""
    try:
        said = json.loads((directory / process_directory.SUCCESSOR_FILE).read_bytes())
        return time.monotonic() - float(said["at"])
    except (OSError, ValueError, KeyError):
        return None


@contextmanager
def _peek(directory: Path) -> Iterator[bool | None]:
    """Whether a supervisor holds the lock; None when there is no lock file. While False, none can come."""
    try:
        lock = os.open(f"{directory}/lock", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        yield None
        return
    try:
        yield not _flock(lock, fcntl.LOCK_SH)
    finally:
        os.close(lock)


def _take(directory: Path) -> int | None:
    """The lock, or None when a supervisor has it. Observers hold it (shared) for an instant: outwait them."""
    give_up_at = time.monotonic() + _HANDOVER_S
    while time.monotonic() < give_up_at:
        lock = _open_lock(directory)
        if _flock(lock, fcntl.LOCK_EX) and _is_the_file(lock, directory / "lock"):
            return lock
        held_by_supervisor = not _flock(lock, fcntl.LOCK_SH)
        os.close(lock)
        if held_by_supervisor and _read(directory) is not None:
            return None
        time.sleep(_POLL_S)
    return None


def _open_lock(directory: Path) -> int:
    """A supervisor that ends removes the lock and the directory, perhaps between two steps of ours."""
    for _ in range(100):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    raise FileNotFoundError(errno.ENOENT, "it is removed again and again")


def _flock(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_the_file(descriptor: int, path: Path) -> bool:
    """False when the supervisor before us has just unlinked the file that we opened."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)


def _read(directory: Path) -> dict[str, Any] | None:
    file = f"{directory}/{process_directory.STATE_FILE}"
    stamp = process_directory.stamp(file)
    if stamp is None:
        return None
    with suppress(FileNotFoundError):  # it has gone meanwhile
        return _state_of(file) if time.time() - stamp[1] / 1e9 < _YOUNG_S else _state_in(file, stamp)
    return None


@lru_cache(4096)  # it is looked at every second, and written anew when anything changes
def _state_in(file: str, _stamp: tuple[int, int]) -> dict[str, Any] | None:
    return _state_of(file)


def _state_of(file: str) -> dict[str, Any] | None:
    """None for one that a power cut has left empty."""
    try:
        state: dict[str, Any] = json.loads(Path(file).read_bytes())
    except ValueError:
        return None
    return state


def _launch(directory: Path, spec: ProcessSpec, lock: int) -> None:
    """The specification goes through a pipe: neither the argument list nor the disk may hold its secrets."""
    try:
        process = subprocess.Popen(
            [*_LAUNCHER, str(directory), str(lock)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env={},
            pass_fds=(lock,),
        )
    except OSError as failure:
        raise StartFailed(f"The supervisor of {directory} cannot be run: {failure.strerror}.") from failure
    try:
        answer, complaint = process.communicate(json.dumps(asdict(spec)).encode(), timeout=_START_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise StartFailed(f"The supervisor of {directory} did not start in {_START_TIMEOUT_S:.0f} s.") from None
    _check(directory, answer, complaint)


def _check(directory: Path, answer: bytes, complaint: bytes) -> None:
    try:
        said = json.loads(answer)
    except ValueError:
        raise StartFailed(f"The supervisor of {directory} ended.", details=complaint.decode(errors="replace")) from None
    if "error" in said:
        raise StartFailed(said["error"])


def _lost(directory: Path, state: dict[str, Any]) -> SupervisedProcess:
    pid = state["pid"] if _is_of(directory, state) and _is_ours(state) else None
    return SupervisedProcess(
        ProcessState.LOST,
        state["supervisor_pid"],
        pid,
        state["restarts"],
        state["exit_code"],
        state["started_at"],
        _end_of(state),
    )


def _end_of(state: dict[str, Any]) -> ProcessEnd | None:
    end = state.get("last_end")  # a supervisor of an earlier version says less
    return ProcessEnd(**end) if end else None


def _is_of(directory: Path, state: dict[str, Any]) -> bool:
    """Not so in a copy of the directory: what the state names is then in the care of the original."""
    return state.get("place") in (None, process_directory.place_of(str(directory)))  # an earlier version says none


def _is_ours(state: dict[str, Any]) -> bool:
    """Whether the process of that pid is the very one that the lost supervisor started."""
    pid = state["pid"]
    if pid is None:
        return False
    if sys.platform == "linux":
        began = process_start(pid)
        return bool(began) and began == state["process_start"]
    try:
        return abs(psutil.Process(pid).create_time() - state["started_at"]) < _SAME_START_S
    except psutil.Error:
        return False


def _tell_to_stop(directory: Path) -> None:
    """Send SIGTERM; when the supervisor is only just starting, wait for it to say who it is."""
    give_up_at = time.monotonic() + _HANDOVER_S
    while time.monotonic() < give_up_at:
        state = _read(directory)
        if state is not None:
            with suppress(ProcessLookupError):
                os.kill(state["supervisor_pid"], signal.SIGTERM)
            return
        with _peek(directory) as held:
            if not held:
                return
        time.sleep(_POLL_S)


def _clean_up_lost(directory: Path) -> None:
    """With the lock held: end the orphan of a killed supervisor and remove what it left."""
    state = _read(directory)
    if state is None:
        return
    if _is_of(directory, state):
        if _is_ours(state):
            _kill_group(state)
        for path in state["sockets"]:
            Path(path).unlink(missing_ok=True)
        groups.remove(state.get("groups", ()))
    for name in (process_directory.SUCCESSOR_FILE, f"{process_directory.STATE_FILE}.new", process_directory.STATE_FILE):
        (directory / name).unlink(missing_ok=True)


def _kill_group(state: dict[str, Any]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(state["pid"], signal.SIGKILL)
    give_up_at = time.monotonic() + _HANDOVER_S
    while _is_ours(state) and time.monotonic() < give_up_at:
        time.sleep(_POLL_S)
