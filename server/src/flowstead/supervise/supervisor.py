"""The supervisor: one small process that keeps another one alive. Run as `python -I -S supervisor.py DIRECTORY LOCK`.

Standard library only, and little of it, since there is one supervisor for every instance. What it is to run comes as
JSON on standard input (the fields of `ProcessSpec`); LOCK is the descriptor of the lock that the client took and that
lives as long as this process; on standard output goes one object, `{"pid": …}` or `{"error": …}`.

One thread, one loop: signals are blocked and taken with `sigwait`, so none can arrive at a bad moment, and the
process is started from the main thread (Envoy asks to be killed when the thread that started it ends).
"""

# pathlib and contextlib would cost every instance a megabyte; no shell is wanted
# ruff: noqa: PTH100, PTH104, PTH106, PTH108, PTH115, PTH120, PTH123, SIM105, S606

from __future__ import annotations

import _socket
import fcntl
import json
import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

STATE_FILE = "state.json"
_BACKLOG = 4096
_PARKING_FD = 100
"""Descriptors are moved up here before they are put in their places, so that none overwrites another."""
_SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGALRM, signal.SIGINT, signal.SIGHUP)
_CANNOT_RUN = 127
_SIGNALLED = 128
"""More than this a keeper ends with whose program was ended by a signal: by its number more."""
_LAST_KILL_S = 2.0
_SET_DUMPABLE, _SET_CHILD_SUBREAPER = 4, 36


def after_end(spec: dict[str, Any], lived_s: float, exit_code: int, failures: int) -> tuple[float | None, int]:
    """What follows when the process has ended: (seconds until the next start, or None to give up; ends in a row
    before `stable_after_s`)."""
    failures = 0 if lived_s >= spec["stable_after_s"] else failures + 1
    if exit_code in spec["fatal_exit_codes"]:
        return None, failures
    if spec["give_up_after"] is not None and failures >= spec["give_up_after"]:
        return None, failures
    doublings = min(max(failures - 1, 0), 30)
    return min(spec["first_backoff_s"] * 2**doublings, spec["longest_backoff_s"]), failures


def process_start(pid: int) -> str:
    """When the process began, in the kernel's own count (a pid may be reused, this pair is not); "" when it is gone
    or a zombie, or when the system has no /proc."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in (b"Z", b"X") else fields[19].decode()


class Supervisor:
    """The state machine. Times are of the monotonic clock unless they say Unix."""

    def __init__(self, directory: str, spec: dict[str, Any]) -> None:
        self.directory, self.spec = directory, spec
        self.apart = bool(spec["confinement"] and spec["confinement"]["namespaces"])
        """Whether the process has a namespace of processes: `pid` is then that of its keeper, with which all end."""
        self.sockets: list[_socket.socket] = []
        self.pid: int | None = None
        self.state = "running"
        self.restarts, self.failures = 0, 0
        self.exit_code: int | None = None
        self.started = self.started_unix = 0.0
        self.resume_at: float | None = None
        self.kill_at: float | None = None

    def begin(self) -> None:
        """Bind, start for the first time, record. Raises OSError; nothing is left behind then."""
        try:
            for path in self.spec["sockets"]:
                self.sockets.append(_listening(path))
            self._start()
        except OSError:
            self._close_sockets()
            raise
        self._record()

    def run(self) -> None:
        """Until told to stop and the process is gone."""
        while self.state != "stopping" or self.pid is not None:
            self._sleep()
            self._reap()
            self._act(time.monotonic())
        _kill_descendants()
        for name in (STATE_FILE, "lock"):
            _unlink(f"{self.directory}/{name}")
        try:
            os.rmdir(self.directory)
        except OSError:
            pass  # it holds files of others

    def _sleep(self) -> None:
        wake_at = self.kill_at if self.state == "stopping" else self.resume_at
        delay = 0.0 if wake_at is None else max(wake_at - time.monotonic(), 0.0001)
        signal.setitimer(signal.ITIMER_REAL, delay)
        if signal.sigwait(_SIGNALS) == signal.SIGTERM:
            self._stop()

    def _stop(self) -> None:
        if self.state == "stopping":
            return
        self.state = "stopping"
        self._close_sockets()  # new connections are refused from now on and can go elsewhere
        self._record()
        if self.pid is not None:
            self.kill_at = time.monotonic() + self.spec["stop_grace_s"]
            os.kill(self.pid, signal.SIGTERM)

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
        _kill_group(pid)
        self.pid, self.exit_code = None, exit_code
        if self.state == "stopping":
            return
        _kill_descendants()
        lived = time.monotonic() - self.started
        delay, self.failures = after_end(self.spec, lived, exit_code, self.failures)
        how = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
        if delay is None:
            self.state, self.resume_at = "gave-up", None
            self._close_sockets()  # a connection in the backlog would wait for ever
            self._note(f"The process ended with {how} after {lived:.1f} s and is not started again.")
        else:
            self.state, self.resume_at = "backing-off", time.monotonic() + delay
            self._note(f"The process ended with {how} after {lived:.1f} s; starting it again in {delay:.1f} s.")
        self._record()

    def _act(self, now: float) -> None:
        if self.state == "stopping" and self.pid is not None and self.kill_at is not None and now >= self.kill_at:
            self.kill_at = None
            _kill_group(self.pid)
        if self.state == "backing-off" and self.resume_at is not None and now >= self.resume_at:
            self.restarts += 1
            self.resume_at = None
            try:
                self._start()
            except OSError as failure:
                self._note(_words(failure))
                self._cannot_run()
                return
            self.state = "running"
            self._record()

    def _cannot_run(self) -> None:
        delay, self.failures = after_end(self.spec, 0.0, _CANNOT_RUN, self.failures)
        self.exit_code = _CANNOT_RUN
        self.resume_at = None if delay is None else time.monotonic() + delay
        if delay is None:
            self.state = "gave-up"
            self._close_sockets()
        self._record()

    def _start(self) -> None:
        """Fork and exec. Raises OSError with the child's own words when it cannot be run."""
        log = os.open(self.spec["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        reading, writing = os.pipe()  # closed by exec: when no complaint was read the process runs
        pid = os.fork()
        if pid == 0:
            self._become_process(log, writing)
        os.close(log)
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

    def _become_process(self, log: int, complaints: int) -> NoReturn:
        """In the child; never returns."""
        complaints = fcntl.fcntl(complaints, fcntl.F_DUPFD_CLOEXEC, _PARKING_FD)
        try:
            if self.apart:
                _enter_namespace(self.spec["confinement"], complaints)
            else:
                os.setsid()
            numbers = [os.open(os.devnull, os.O_RDONLY), log, log, *(s.fileno() for s in self.sockets)]
            parked = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, _PARKING_FD) for number in numbers]
            for place, number in enumerate(parked):
                os.dup2(number, place, inheritable=True)
            if self.spec["confinement"]:
                _confine(self.spec["confinement"], 3 + len(self.sockets))
            os.chdir(self.spec["working_directory"])
            _forget_signals()
            os.execve(self.spec["argv"][0], self.spec["argv"], self.spec["environment"])
        except BaseException as failure:
            where = getattr(failure, "filename", None) or self.spec["argv"][0]
            reason = getattr(failure, "strerror", None) or str(failure)
            os.write(complaints, f"{where} cannot be run: {reason}.".encode())
        finally:
            os._exit(_CANNOT_RUN)

    def _record(self) -> None:
        """Write the state file, whole or not at all. Nothing of the specification goes in: it holds secrets."""
        state = {
            "state": self.state,
            "supervisor_pid": os.getpid(),
            "pid": self.pid,
            "process_start": process_start(self.pid) if self.pid else "",
            "restarts": self.restarts,
            "exit_code": self.exit_code,
            "started_at": self.started_unix,
            "sockets": self.spec["sockets"],
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
        try:
            log = os.open(self.spec["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.write(log, f"[supervisor] {text}\n".encode())
            os.close(log)
        except OSError:
            pass

    def _close_sockets(self) -> None:
        for listening, path in zip(self.sockets, self.spec["sockets"], strict=False):
            listening.close()
            _unlink(path)
        self.sockets = []


def _confine(wanted: dict[str, Any], inherited: int) -> None:
    _import_confinement()
    from flowstead.confine.launcher import confine

    confine(wanted, inherited=inherited)


def _import_confinement() -> None:
    """In the child alone: the supervisor itself stays as small as it is."""
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def _enter_namespace(wanted: dict[str, Any], complaints: int) -> None:
    """Make the process one of a namespace of its own, whose first process stays as its keeper: whatever the program
    leaves behind, how fast it may fork, the kernel ends it with the keeper. Says first which that is."""
    _import_confinement()
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
    _process_option(_SET_DUMPABLE, 0)  # nobody in the namespace looks into it
    while True:
        if signal.sigwait(_SIGNALS) == signal.SIGTERM:
            os.kill(program, signal.SIGTERM)
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == program:
                code = os.waitstatus_to_exitcode(ended[1])
                os._exit(code if code >= 0 else _SIGNALLED - code)


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


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _adopt_orphans() -> None:
    """On Linux, children that the process left behind become ours instead of init's, so that none outlives it."""
    if sys.platform == "linux":
        _process_option(_SET_CHILD_SUBREAPER, 1)


def _process_option(option: int, value: int) -> None:
    import ctypes

    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _kill_descendants() -> None:
    """Kill adopted orphans that left the process group (daemons), and theirs, until none is left."""
    give_up_at = time.monotonic() + _LAST_KILL_S
    while (children := _children()) and time.monotonic() < give_up_at:
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, os.WNOHANG)
            except (ProcessLookupError, ChildProcessError):
                continue
        time.sleep(0.001)


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


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
    for taken in _SIGNALS:
        signal.signal(taken, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, _SIGNALS)
    _adopt_orphans()
    supervisor = Supervisor(sys.argv[1], json.loads(specification))
    try:
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
