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
# ruff: noqa: PTH100, PTH104, PTH106, PTH108, PTH115, PTH120, PTH123, SIM105, S606

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
    from typing import Any, NoReturn

    from flowstead.limits.memory_watch import MemoryWatch

if __name__ == "__main__":  # where this package is, since -I leaves it out
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from flowstead.limits import groups  # noqa: E402 - the way to it is known only now
from flowstead.process_tree import (  # noqa: E402
    SET_DUMPABLE,
    adopt_orphans,
    kill_descendants,
    kill_group,
    process_option,
    process_start,
)
from flowstead.rotating_log import RotatingLog, is_longer, turn_over  # noqa: E402

STATE_FILE = "state.json"
SUCCESSOR_FILE = "successor"
"""Holds the directory of the process that takes this one's place, see `_is_succeeded`."""
_BACKLOG = 4096
_PARKING_FD = 100
"""Descriptors are moved up here before they are put in their places, so that none overwrites another."""
_SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGALRM, signal.SIGINT, signal.SIGHUP)
_CANNOT_RUN = 127
_SIGNALLED = 128
"""More than this a keeper ends with whose program was ended by a signal: by its number more."""
END_FILE = "end"
"""In the directory: JSON {"reason": …, "message": …}, why the process is to be ended at once; told by SIGHUP."""
_GATHER_S = 0.005
"""How long output gathers before it is written: one waking for many lines."""
_CHUNK, _CHUNKS = 65536, 16
_PIPE_BYTES = 256 * 1024
_SET_PIPE_SIZE = 1031
_LOOK_AT_LOGS_S = 2.0
OUT_OF_MEMORY = "OutOfMemory"
"""The reason of an end: it used more than its limits let it."""
_MIB = 1 << 20


def after_end(spec: dict[str, Any], lived_s: float, exit_code: int, failures: int) -> tuple[float | None, int, bool]:
    """What follows when the process has ended: (seconds until the next start, None for never; ends in a row before
    `stable_after_s`; whether it is given up for now, or for good)."""
    failures = 0 if lived_s >= spec["stable_after_s"] else failures + 1
    limit = spec["give_up_after"]
    if exit_code in spec["fatal_exit_codes"] or (limit is not None and failures >= limit):
        if spec["retry_first_s"] is None:
            return None, failures, True
        beyond = max(0, failures - (limit or 0))
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
        self.callers: int | None = None
        """The first socket's descriptor while it is asleep and a connection there wakes it."""
        self.look_at: float | None = time.monotonic() + _LOOK_AT_LOGS_S if spec["own_logs"] else None
        self.limits: dict[str, Any] = spec["limits"] or {}
        self.groups: list[dict[str, Any]] = self.limits.get("groups", [])
        self.kills = 0
        """How many processes the kernel had killed for their memory when this one was started."""
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
        except OSError:
            self._close_sockets()
            groups.remove(self._group_paths())
            raise
        self._record()

    def run(self) -> None:
        """Until told to stop and the process is gone."""
        while self.state != "stopping" or self.pid is not None:
            self._wait()
            self._reap()
            self._act(time.monotonic())
        kill_descendants()
        self._take_output()
        groups.remove(self._group_paths())
        for name in (STATE_FILE, END_FILE, SUCCESSOR_FILE, "lock"):
            _unlink(f"{self.directory}/{name}")
        try:
            os.rmdir(self.directory)
        except OSError:
            pass  # it holds files of others

    def _wait(self) -> None:
        moments = [self.kill_at if self.state == "stopping" else self.resume_at, self.look_at]
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
        order = f"{self.directory}/{END_FILE}"
        try:
            with open(order, "rb") as file:
                told = json.load(file)
        except (OSError, ValueError):
            return
        _unlink(order)
        if self.pid is None or self.state != "running" or told["pid"] != self.pid:
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
                self._ended(pid, _SIGNALLED - code if self.apart and code > _SIGNALLED else code)

    def _ended(self, pid: int, exit_code: int) -> None:
        kill_group(pid)
        self.pid = None
        ordered, self.ordered = self.ordered, None
        if self.state == "stopping":
            self.exit_code = exit_code
            return
        kill_descendants()
        self._take_output()  # its last words come before ours
        if self._is_succeeded():
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
        self._count_end(lived, exit_code, told or {"reason": "", "message": message + "."})
        again = "is not started again" if self.resume_at is None else f"starting it again in {self._delay():.1f} s"
        self._note(f"{message}{' and ' if self.resume_at is None else '; '}{again}.")
        self._record()

    def _killed_for_memory(self, exit_code: int) -> dict[str, str] | None:
        """What to say of it when the kernel has; None when it ended otherwise."""
        if exit_code != -signal.SIGKILL or not self.groups or groups.kills(self.limits["kills"]) <= self.kills:
            return None
        told = _out_of_memory(groups.number(self.limits["peak"]), self.limits["memory_bytes"])
        self._note(told["message"])
        return told

    def _watch_memory(self, now: float) -> None:
        """What there is no control group for."""
        if self.memory is None or self.pid is None or self.ordered is not None or now < self.memory.look_at:
            return
        used = self.memory.look(now)
        if used is not None:
            self.ordered = _out_of_memory(used, self.memory.limit)
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

    def _count_end(self, lived_s: float, exit_code: int, told: dict[str, str]) -> None:
        delay, self.failures, given_up = after_end(self.spec, lived_s, exit_code, self.failures)
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
        self._watch_memory(now)
        if self.look_at is not None and now >= self.look_at:
            self.look_at = now + _LOOK_AT_LOGS_S
            self._turn_over_own_logs()

    def _is_succeeded(self) -> bool:
        """Whether another process has this one's place and somebody who keeps it alive: this one's end, however it
        came, is then the end. A successor without a supervisor counts for nothing."""
        try:
            with open(f"{self.directory}/{SUCCESSOR_FILE}", "rb") as file:
                successor = json.load(file)["directory"]
            lock = os.open(f"{successor}/lock", os.O_RDONLY | os.O_CLOEXEC)
        except (OSError, ValueError, KeyError):
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def _start_again(self) -> None:
        if self._is_succeeded():
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
            self._count_end(0.0, _CANNOT_RUN, {"reason": "CannotRun", "message": _words(failure)})
        else:
            self.state = "running"
        self._record()

    def _turn_over_own_logs(self) -> None:
        """Those that the process writes itself, and opens again when it is told to, as long as it has no successor."""
        if self._is_succeeded():
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
        self.kills = groups.kills(self.limits["kills"]) if self.groups else 0
        reading, writing = os.pipe()  # closed by exec: when no complaint was read the process runs
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # what is sent to the child must not be told to us
        pid = os.fork()
        if pid == 0:
            self._become_process(writing)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
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

    def _become_process(self, complaints: int) -> NoReturn:
        """In the child; never returns."""
        complaints = fcntl.fcntl(complaints, fcntl.F_DUPFD_CLOEXEC, _PARKING_FD)
        try:
            self._limit()  # first of all: from another namespace, or as another user, it could not
            if self.apart:
                _enter_namespace(self.spec["confinement"], complaints)
            else:
                os.setsid()
            numbers = [os.open(os.devnull, os.O_RDONLY), self.input, self.input, *(s.fileno() for s in self.sockets)]
            parked = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, _PARKING_FD) for number in numbers]
            for place, number in enumerate(parked):
                os.dup2(number, place, inheritable=True)
            if self.spec["confinement"]:
                _confine(self.spec["confinement"], 3 + len(self.sockets))
            os.chdir(self.spec["working_directory"])
            _forget_signals()
            argv = (self.restarts and self.spec["argv_again"]) or self.spec["argv"]
            os.execve(argv[0], argv, self.spec["environment"])
        except BaseException as failure:
            where = getattr(failure, "filename", None) or self.spec["argv"][0]
            reason = getattr(failure, "strerror", None) or str(failure)
            os.write(complaints, f"{where} cannot be run: {reason}.".encode())
        finally:
            os._exit(_CANNOT_RUN)

    def _limit(self) -> None:
        """In the child: come under the limits, with all that it will start."""
        groups.join(self.groups)
        if self.limits.get("cpus"):
            os.sched_setaffinity(0, self.limits["cpus"])

    def _group_paths(self) -> list[str]:
        return [group["path"] for group in self.groups]

    def _record(self) -> None:
        """Write the state file, whole or not at all. Nothing of the specification goes in: it holds secrets."""
        state = {
            "state": self.state,
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
        path = f"{self.directory}/{STATE_FILE}"
        try:
            number = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            os.write(number, json.dumps(state).encode())
            os.close(number)
            os.rename(path + ".new", path)
        except OSError as failure:  # a full disk must not end what we keep alive
            self._note(f"The state could not be written: {failure}.")

    def _note(self, text: str) -> None:
        """A line of our own in the process's log."""
        self.log.note(f"[supervisor] {text}")

    def _close_sockets(self) -> None:
        for listening, path in zip(self.sockets, self.spec["sockets"], strict=False):
            listening.close()
            _unlink(path)
        self.sockets = []


def _confine(wanted: dict[str, Any], inherited: int) -> None:
    from flowstead.confine.launcher import confine

    confine(wanted, inherited=inherited)


def _enter_namespace(wanted: dict[str, Any], complaints: int) -> None:
    """Make the process one of a namespace of its own, whose first process stays as its keeper: whatever the program
    leaves behind, how fast it may fork, the kernel ends it with the keeper. Says first which that is."""
    from flowstead.confine.launcher import enter_process_namespace

    enter_process_namespace(wanted)
    if os.fork():
        os._exit(0)
    os.setsid()
    os.write(complaints, os.readlink("/proc/self").encode() + b"\n")  # the number that it has outside
    program = os.fork()
    if program:
        _keep(program)


def _keep(program: int) -> NoReturn:
    """Be the first process of a namespace: collect what ends, hand SIGTERM on, end as the program does."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.closerange(3, 65536)  # the lock and the sockets are the supervisor's to close
    process_option(SET_DUMPABLE, 0)  # nobody in the namespace looks into it
    while True:
        if signal.sigwait(_SIGNALS) == signal.SIGTERM:
            os.kill(program, signal.SIGTERM)
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == program:
                code = os.waitstatus_to_exitcode(ended[1])
                os._exit(code if code >= 0 else _SIGNALLED - code)


def _memory_watch(limits: dict[str, Any]) -> MemoryWatch:
    from flowstead.limits.memory_watch import MemoryWatch  # only where it is needed

    return MemoryWatch(limits["memory_bytes"], os.getpid())


def _out_of_memory(used: int | None, limit: int) -> dict[str, str]:
    """used: None when it is not known."""
    said = f"{'more than' if used is None else f'{used / _MIB:.0f} MiB of'} the {limit / _MIB:.0f} MiB of its size"
    advice = "choose a larger instance type, or send less at once"
    return {"reason": OUT_OF_MEMORY, "message": f"It was ended because it used {said}: {advice}."}


def _signal_pipe() -> int:
    """From which the numbers of the signals that arrive can be read."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for taken in _SIGNALS:
        signal.signal(taken, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    return reading


def _enlarge(pipe: int) -> None:
    """So that the process need not wait for us while others have the processor."""
    try:
        fcntl.fcntl(pipe, _SET_PIPE_SIZE, _PIPE_BYTES)
    except OSError:
        pass  # this user has many pipes; or it is not Linux


def _listening(path: str) -> _socket.socket:
    listening = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    _unlink(path)
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


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


def _forget_signals() -> None:
    for number in (*_SIGNALS, signal.SIGPIPE, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    if hasattr(signal, "SIGXFSZ"):
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def main() -> None:
    specification = b""
    while part := os.read(0, 65536):
        specification += part
    if os.fork():
        os._exit(0)  # the client waits for this one only; the supervisor belongs to nobody
    os.setsid()
    os.set_inheritable(int(sys.argv[2]), False)
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
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
