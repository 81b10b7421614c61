"""The supervisor: one small process that keeps another one alive. Run as `python -I -S supervisor.py DIRECTORY LOCK`.

Standard library only, and little of it, since there is one supervisor for every instance. What it is to run comes as
JSON on standard input (the fields of `ProcessSpec`); LOCK is the descriptor of the lock that the client took and that
lives as long as this process; on standard output goes one object, `{"pid": …}` or `{"error": …}`.

One thread, one loop: it waits for a signal, for the process's output, or for a moment to come, then acts. Signals only
leave their numbers in a pipe, so none can arrive at a bad moment; the process is started from the main thread (Envoy
asks to be killed when the thread that started it ends).

What the process says comes through a pipe, so that its log can be kept in files of bounded size without losing a line,
and so that a full disk does not make the process fail.
"""

# pathlib and contextlib would cost every instance a megabyte; no shell is wanted
# ruff: noqa: PTH100, PTH120, SIM105

from __future__ import annotations

import _socket
import fcntl
import json
import os
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from flowstead.limits.memory_watch import MemoryWatch

if __name__ == "__main__":  # where this package is, since -I leaves it out
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from flowstead import process_directory  # noqa: E402 - the way to it is known only now
from flowstead.forked_process import CANNOT_RUN, SIGNALLED, SIGNALS, become  # noqa: E402
from flowstead.limits import groups  # noqa: E402
from flowstead.limits.memory_kills import MemoryKills, out_of_memory  # noqa: E402
from flowstead.process_tree import adopt_orphans, kill_descendants, kill_group, process_start  # noqa: E402
from flowstead.rotating_log import RotatingLog, is_longer, turn_over  # noqa: E402

_BACKLOG = 4096
_GATHER_S = 0.005
"""How long output gathers before it is written: one waking for many lines."""
_CHUNK, _CHUNKS = 65536, 16
_PIPE_BYTES = 256 * 1024
_SET_PIPE_SIZE = 1031
_LOOK_AT_LOGS_S = 2.0
_WRITE_AGAIN_S = 1.0


def after_end(
    spec: dict[str, Any], lived_s: float, exit_code: int, failures: int, *, by_others: bool = False
) -> tuple[float | None, int, bool]:
    """What follows when the process has ended: (seconds until the next start, None for never; ends in a row before
    `stable_after_s`; whether it is given up for now, or for good). by_others: somebody has killed it, which says
    nothing of what it does by itself."""
    failures = 0 if lived_s >= spec["stable_after_s"] else failures + (not by_others)
    limit = spec["give_up_after"]
    fatal = exit_code in spec["fatal_exit_codes"]
    if fatal or (limit is not None and failures >= limit):
        if spec["retry_first_s"] is None:
            return None, failures, True
        beyond = max(0, failures - (1 if fatal else limit))
        return min(spec["retry_first_s"] * 2 ** min(beyond, 30), spec["retry_longest_s"]), failures, True
    doublings = min(max(failures - 1, 0), 30)
    return min(spec["first_backoff_s"] * 2**doublings, spec["longest_backoff_s"]), failures, False


def falls_asleep(spec: dict[str, Any], exit_code: int) -> bool:
    """Whether it has ended for want of work, and shall be started by who comes next."""
    return bool(spec["sockets"]) and exit_code == spec["sleep_exit_code"]


class Supervisor:
    """The state machine. Times are of the monotonic clock unless they say Unix."""

    def __init__(self, directory: str, spec: dict[str, Any], log: RotatingLog) -> None:
        self.directory, self.spec, self.log = directory, spec, log
        self.apart = bool(spec["confinement"] and spec["confinement"]["namespaces"])
        """Whether the process has a namespace of processes: `pid` is then that of its keeper, with which all end."""
        self.sockets: list[_socket.socket] = []
        self.pid: int | None = None
        self.state = "running"
        self.restarts, self.wakes, self.failures = 0, 0, 0
        self.exit_code: int | None = None
        self.last_end: dict[str, Any] | None = None
        self.ordered: dict[str, str] | None = None
        """Why the process is being ended by us, until it has."""
        self.started = self.started_unix = 0.0
        self.resume_at: float | None = None
        self.kill_at: float | None = None
        self.record_at: float | None = None
        """When to write down again what could not be written."""
        self.callers: int | None = None
        """The first socket's descriptor while it is asleep and a connection there wakes it."""
        self.look_at: float | None = time.monotonic() + _LOOK_AT_LOGS_S if spec["own_logs"] else None
        self.limits: dict[str, Any] = spec["limits"] or {}
        self.groups: list[dict[str, Any]] = self.limits.get("groups", [])
        self.kills = MemoryKills(self.limits) if self.groups else None
        self.memory = _memory_watch(self.limits) if self.limits.get("watched") else None
        self.output, self.input = os.pipe()
        """What the process says: where it is read, and what the process has for its output."""
        os.set_blocking(self.output, False)
        _enlarge(self.output)
        self.poll = select.poll()
        self.poll.register(self.output, select.POLLIN)
        self.signals = _signal_pipe()
        self.poll.register(self.signals, select.POLLIN)

    def begin(self) -> None:
        """Bind, start for the first time, record. Raises OSError; nothing is left behind then."""
        try:
            self._bind()
            self._start()
            self._write_state()  # who cannot be found again must not be there
        except OSError:
            if self.pid is not None:
                kill_group(self.pid)
                kill_descendants()
            self._close_sockets()
            groups.remove(self._group_paths())
            raise

    def run(self) -> None:
        """Until told to stop and the process is gone."""
        while self.state != "stopping" or self.pid is not None:
            self._wait()
            self._reap()
            self._act(time.monotonic())
        kill_descendants()
        self._take_output()
        groups.remove(self._group_paths())
        process_directory.remove(self.directory)

    def _wait(self) -> None:
        moments = [self.kill_at if self.state == "stopping" else self.resume_at, self.look_at, self.record_at]
        if self.kills is not None:
            moments.append(self.kills.look_at)
        if self.memory is not None and self.pid is not None:
            moments.append(self.memory.look_at)
        wake_at = min((each for each in moments if each is not None), default=None)
        # Rounded up: a moment too early would be waited for in a thousand looks.
        delay_ms = None if wake_at is None else max(wake_at - time.monotonic(), 0.0) * 1000 + 1
        ready = [descriptor for descriptor, _ in self.poll.poll(delay_ms)]
        if self.output in ready:
            time.sleep(_GATHER_S)
            self._take_output()
        if self.state == "dormant" and self.callers in ready:
            self._wake()
        if self.kills is not None and self.kills.notices in ready:
            self.kills.noticed(time.monotonic())
        if self.signals in ready:
            told = os.read(self.signals, 4096)
            if signal.SIGTERM in told:
                self._stop()
            elif signal.SIGHUP in told:
                self._end_now()

    def _take_output(self) -> None:
        """No more at once than the pipe holds: a process that never stops to talk must not keep us from the rest."""
        for _ in range(_CHUNKS):
            try:
                said = os.read(self.output, _CHUNK)
            except BlockingIOError:
                return
            self.log.write(said)
            if len(said) < _CHUNK:
                return

    def _stop(self) -> None:
        if self.state == "stopping":
            return
        self.state = "stopping"
        self._sleep_no_more()
        self._close_sockets()  # new connections are refused from now on and can go elsewhere
        self._record()
        if self.pid is not None:
            self.kill_at = time.monotonic() + self.spec["stop_grace_s"]
            os.kill(self.pid, signal.SIGTERM)

    def _end_now(self) -> None:
        """Whoever watches the process finds it hung: SIGTERM would do nothing to one that is stopped."""
        told = process_directory.take_order(self.directory)
        if told is None or self.pid is None or self.state != "running" or told["pid"] != self.pid:
            return
        self.ordered = {"reason": told["reason"], "message": told["message"]}
        self._note(told["message"])
        kill_group(self.pid)

    def _reap(self) -> None:
        """Collect whatever ended: the process, and orphans of it that the system handed to us."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.pid:
                code = os.waitstatus_to_exitcode(status)
                self._ended(pid, SIGNALLED - code if self.apart and code > SIGNALLED else code)

    def _ended(self, pid: int, exit_code: int) -> None:
        kill_group(pid)
        self.pid = None
        ordered, self.ordered = self.ordered, None
        if self.state == "stopping":
            self.exit_code = exit_code
            return
        kill_descendants()
        self._take_output()  # its last words come before ours
        if process_directory.is_succeeded(self.directory):
            self.state = "stopping"
            self._close_sockets()
            return
        if falls_asleep(self.spec, exit_code):
            self._fall_asleep(exit_code)
            return
        lived = time.monotonic() - self.started
        how = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
        message = f"The process ended with {how} after {lived:.1f} s"
        told = ordered or self._killed_for_memory(exit_code)
        by_others = told is None and exit_code == -signal.SIGKILL and self._was_up(pid)
        self._count_end(lived, exit_code, told or {"reason": "", "message": message + "."}, by_others=by_others)
        again = "is not started again" if self.resume_at is None else f"starting it again in {self._delay():.1f} s"
        self._note(f"{message}{' and ' if self.resume_at is None else '; '}{again}.")
        self._record()

    def _was_up(self, pid: int) -> bool:
        """One that never was may have killed itself, or been killed for what its start takes."""
        return self.spec["give_up_after"] is None or process_directory.has_been_ready(self.directory, pid)

    def _killed_for_memory(self, exit_code: int) -> dict[str, str] | None:
        """What to say of it when the kernel has; None when it ended otherwise."""
        told = self.kills.new() if self.kills is not None and exit_code == -signal.SIGKILL else None
        if told is not None:
            self._note(told["message"])
        return told

    def _tell_killed_children(self, now: float) -> None:
        """The process lives, and the kernel has ended one that it had started: its limits hold for all together."""
        if self.kills is None or self.kills.look_at is None or now < self.kills.look_at:
            return
        told = self.kills.new(child=True) if self.pid is not None and self.state == "running" else None
        if told is not None:
            self.last_end = {"at": time.time(), "exit_code": -signal.SIGKILL, **told}
            self._note(told["message"])
            self._record()

    def _watch_memory(self, now: float) -> None:
        """What there is no control group for."""
        if self.memory is None or self.pid is None or self.ordered is not None or now < self.memory.look_at:
            return
        used = self.memory.look(now)
        if used is not None:
            self.ordered = out_of_memory(used, self.memory.limit)
            self._note(self.ordered["message"])
            kill_group(self.pid)

    def _fall_asleep(self, exit_code: int) -> None:
        """Only connections to the first socket wake it: whoever asks for its health gets no answer meanwhile. One that
        came while it was ending is there already, and is seen at once."""
        self.state, self.exit_code, self.failures = "dormant", exit_code, 0
        self.callers = self.sockets[0].fileno()
        self.poll.register(self.callers, select.POLLIN)
        self._note("The process had nothing to do and has ended; the next connection starts it again.")
        self._record()

    def _wake(self) -> None:
        """The connection stays in the backlog until the process takes it."""
        self._sleep_no_more()
        self.wakes += 1
        self._try_to_start()

    def _sleep_no_more(self) -> None:
        if self.callers is not None:
            self.poll.unregister(self.callers)
            self.callers = None

    def _count_end(self, lived_s: float, exit_code: int, told: dict[str, str], *, by_others: bool = False) -> None:
        delay, self.failures, given_up = after_end(self.spec, lived_s, exit_code, self.failures, by_others=by_others)
        self.exit_code = exit_code
        self.last_end = {"at": time.time(), "exit_code": exit_code, **told}
        self.state = "gave-up" if given_up else "backing-off"
        self.resume_at = None if delay is None else time.monotonic() + delay
        if given_up:
            self._close_sockets()  # a connection in the backlog would wait for long, or for ever

    def _delay(self) -> float:
        return 0.0 if self.resume_at is None else max(0.0, self.resume_at - time.monotonic())

    def _act(self, now: float) -> None:
        if self.state == "stopping" and self.pid is not None and self.kill_at is not None and now >= self.kill_at:
            self.kill_at = None
            kill_group(self.pid)
        if self.state in ("backing-off", "gave-up") and self.resume_at is not None and now >= self.resume_at:
            self._start_again()
        if self.record_at is not None and now >= self.record_at:
            self._record()
        self._watch_memory(now)
        self._tell_killed_children(now)
        if self.look_at is not None and now >= self.look_at:
            self.look_at = now + _LOOK_AT_LOGS_S
            self._turn_over_own_logs()

    def _start_again(self) -> None:
        if process_directory.is_succeeded(self.directory):
            self.state = "stopping"
            return
        self.restarts += 1
        self.resume_at = None
        self._try_to_start()

    def _try_to_start(self) -> None:
        try:
            if not self.sockets:
                self._bind()
            self._start()
        except OSError as failure:
            self._note(_words(failure))
            self._count_end(0.0, CANNOT_RUN, {"reason": "CannotRun", "message": _words(failure)})
        else:
            self.state = "running"
        self._record()

    def _turn_over_own_logs(self) -> None:
        """Those that the process writes itself, and opens again when it is told to, as long as it has no successor."""
        if process_directory.is_succeeded(self.directory):
            return
        long = [path for path in self.spec["own_logs"] if is_longer(path, self.spec["log_bytes"])]
        for path in long:
            turn_over(path, self.spec["log_files"])
        if long and self.pid is not None:
            os.kill(self.pid, signal.SIGUSR1)

    def _bind(self) -> None:
        for path in self.spec["sockets"]:
            self.sockets.append(_listening(path))

    def _start(self) -> None:
        """Fork and exec. Raises OSError with the child's own words when it cannot be run."""
        groups.make(self.groups)  # each time: whoever keeps the machine may have removed them
        if self.kills is not None:
            self._count_kills(self.kills)
        reading, writing = os.pipe()  # closed by exec: when no complaint was read the process runs
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # what is sent to the child must not be told to us
        pid = os.fork()
        if pid == 0:
            argv = (self.restarts and self.spec["argv_again"]) or self.spec["argv"]
            become(self.spec, argv, self.input, [each.fileno() for each in self.sockets], writing)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        os.close(writing)
        complaint = b""
        while part := os.read(reading, 4096):
            complaint += part
        os.close(reading)
        if self.apart:
            os.waitpid(pid, 0)  # it has made the namespace, and handed its first process to us
            first, _, complaint = complaint.partition(b"\n")
            if not first.isdigit():
                raise OSError((first or b"The process was ended.").decode("utf-8", "replace"))
            pid = int(first)
        if complaint:
            os.waitpid(pid, 0)
            raise OSError(complaint.decode("utf-8", "replace"))
        self.pid, self.started, self.started_unix = pid, time.monotonic(), time.time()
        if self.memory is not None:
            self.memory.forget()

    def _count_kills(self, kills: MemoryKills) -> None:
        """From now: the groups may be new ones."""
        if kills.notices is not None:
            self.poll.unregister(kills.notices)
        kills.begin()
        if kills.notices is not None:
            self.poll.register(kills.notices, select.POLLIN)

    def _group_paths(self) -> list[str]:
        return [group["path"] for group in self.groups]

    def _record(self) -> None:
        try:
            self._write_state()
        except OSError as failure:  # a full disk must not end what we keep alive
            if self.record_at is None:
                self._note(f"The state could not be written: {failure}.")
            self.record_at = time.monotonic() + _WRITE_AGAIN_S
        else:
            self.record_at = None

    def _write_state(self) -> None:
        """The state file, whole or not at all. Nothing of the specification goes in: it holds secrets. Raises
        OSError."""
        state = {
            "state": self.state,
            "place": process_directory.place_of(self.directory),
            "supervisor_pid": os.getpid(),
            "pid": self.pid,
            "process_start": process_start(self.pid) if self.pid else "",
            "restarts": self.restarts,
            "wakes": self.wakes,
            "exit_code": self.exit_code,
            "started_at": self.started_unix,
            "last_end": self.last_end,
            "next_start_at": None if self.resume_at is None else time.time() + self._delay(),
            "sockets": self.spec["sockets"],
            "groups": self._group_paths(),
        }
        process_directory.write_state(self.directory, state)

    def _note(self, text: str) -> None:
        """A line of our own in the process's log."""
        self.log.note(f"[supervisor] {text}")

    def _close_sockets(self) -> None:
        for listening, path in zip(self.sockets, self.spec["sockets"], strict=False):
            listening.close()
            process_directory.unlink(path)
        self.sockets = []


def _memory_watch(limits: dict[str, Any]) -> MemoryWatch:
    from flowstead.limits.memory_watch import MemoryWatch  # only where it is needed

    return MemoryWatch(limits["memory_bytes"], os.getpid())


def _signal_pipe() -> int:
    """From which the numbers of the signals that arrive can be read."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for taken in SIGNALS:
        signal.signal(taken, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    return reading


def _enlarge(pipe: int) -> None:
    """So that the process need not wait for us while others have the processor."""
    try:
        fcntl.fcntl(pipe, _SET_PIPE_SIZE, _PIPE_BYTES)
    except OSError:
        pass  # this user has many pipes; or it is not Linux


def _listening(path: str) -> _socket.socket:
    listening = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    process_directory.unlink(path)
    before = os.umask(0o177)
    try:
        listening.bind(path)
        listening.listen(_BACKLOG)
    except OSError as failure:
        listening.close()
        raise OSError(f"The socket {path} cannot be bound: {failure.strerror or failure}.") from None
    finally:
        os.umask(before)
    return listening


def _words(failure: OSError) -> str:
    return f"{failure.filename}: {failure.strerror}." if failure.filename else str(failure)


def main() -> None:
    specification = b""
    while part := os.read(0, 65536):
        specification += part
    if os.fork():
        os._exit(0)  # the client waits for this one only; the supervisor belongs to nobody
    os.setsid()
    os.set_inheritable(int(sys.argv[2]), False)
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    adopt_orphans()
    spec = json.loads(specification)
    try:
        log = RotatingLog(spec["log"], spec["log_bytes"], spec["log_files"])
        supervisor = Supervisor(sys.argv[1], spec, log)
        supervisor.begin()
    except OSError as failure:
        os.write(1, json.dumps({"error": _words(failure)}).encode())
        return
    os.write(1, json.dumps({"pid": os.getpid()}).encode())
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.close(nothing)
    supervisor.run()


if __name__ == "__main__":
    main()
