"""The child's side of a supervisor: from the fork to the program, under its limits and behind its confinement. Standard
library only, and little of it: every supervisor carries it."""

# pathlib and contextlib would cost every instance a megabyte; no shell is wanted
# ruff: noqa: PTH115, S606

from __future__ import annotations

import fcntl
import os
import signal

from flowstead.limits import groups
from flowstead.process_tree import SET_DUMPABLE, process_option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGALRM, signal.SIGINT, signal.SIGHUP)
"""Those that a supervisor is told of; blocked when it forks."""
CANNOT_RUN = 127
SIGNALLED = 128
"""More than this a keeper ends with whose program was ended by a signal: by its number more."""
_PARKING_FD = 100
"""Descriptors are moved up here before they are put in their places, so that none overwrites another."""


def become(spec: dict[str, Any], argv: list[str], output: int, sockets: Sequence[int], complaints: int) -> NoReturn:
    """Never returns. spec: the fields of `ProcessSpec`. output: what the program gets for its own and for its errors;
    sockets: what it gets from 3 on. complaints: where its number goes when it gets a namespace of processes, and why it
    cannot be run; closed when it runs."""
    complaints = fcntl.fcntl(complaints, fcntl.F_DUPFD_CLOEXEC, _PARKING_FD)
    confinement = spec["confinement"]
    try:
        _limit(spec["limits"] or {})  # first of all: from another namespace, or as another user, it could not
        if confinement and confinement["namespaces"]:
            _enter_namespace(confinement, complaints)
        else:
            os.setsid()
        numbers = [os.open(os.devnull, os.O_RDONLY), output, output, *sockets]
        parked = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, _PARKING_FD) for number in numbers]
        for place, number in enumerate(parked):
            os.dup2(number, place, inheritable=True)
        if confinement:
            _confine(confinement, 3 + len(sockets))
        os.chdir(spec["working_directory"])
        _forget_signals()
        os.execve(argv[0], argv, spec["environment"])
    except BaseException as failure:
        where = getattr(failure, "filename", None) or spec["argv"][0]
        reason = getattr(failure, "strerror", None) or str(failure)
        os.write(complaints, f"{where} cannot be run: {reason}.".encode())
    finally:
        os._exit(CANNOT_RUN)


def _limit(limits: dict[str, Any]) -> None:
    """Come under the limits, with all that it will start."""
    groups.join(limits.get("groups", ()))
    if limits.get("cpus"):
        os.sched_setaffinity(0, limits["cpus"])


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
        if signal.sigwait(SIGNALS) == signal.SIGTERM:
            os.kill(program, signal.SIGTERM)
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == program:
                code = os.waitstatus_to_exitcode(ended[1])
                os._exit(code if code >= 0 else SIGNALLED - code)


def _forget_signals() -> None:
    for number in (*SIGNALS, signal.SIGPIPE, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    if hasattr(signal, "SIGXFSZ"):
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
