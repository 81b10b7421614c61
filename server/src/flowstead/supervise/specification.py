"""The process to keep alive, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from flowstead.confine.description import Confinement
from flowstead.limits.description import Limits

LOG_BYTES = 10 * 1024 * 1024
LOG_FILES = 3
"""How long a log may grow, and how many of it are kept, the one that is being written among them."""


class ProcessState(StrEnum):
    RUNNING = "running"
    BACKING_OFF = "backing-off"
    GAVE_UP = "gave-up"
    """It ended with one of `fatal_exit_codes`, or `give_up_after` times in a row before `stable_after_s`. It is started
    again only after `retry_first_s`, if at all."""
    DORMANT = "dormant"
    """It ended with `sleep_exit_code`; the next connection to the first of `sockets` starts it again."""
    STOPPING = "stopping"
    LOST = "lost"
    """The supervisor is gone (killed); the process may still run as `pid`."""


@dataclass(frozen=True)
class ProcessSpec:
    """argv[0] is an absolute path; argv_again: how it is executed after it has ended, () for the same way.
    environment: the whole environment of the process, nothing is inherited.
    log: what it says on stdout and stderr; it becomes LOG.1 when it has log_bytes, and so on, log_files in all.
    own_logs: files that it writes itself and opens again at SIGUSR1; they are turned over likewise.
    sockets: Unix socket paths to bind and hand down as fds 3, 4, ….
    Seconds everywhere."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    working_directory: str
    log: str
    argv_again: tuple[str, ...] = ()
    sockets: tuple[str, ...] = ()
    stop_grace_s: float = 10.0
    first_backoff_s: float = 0.1
    longest_backoff_s: float = 30.0
    stable_after_s: float = 10.0
    """A process that lived this long starts the back-off anew."""
    give_up_after: int | None = None
    fatal_exit_codes: tuple[int, ...] = field(default_factory=tuple)
    retry_first_s: float | None = None
    """How soon a process that was given up is started again all the same, doubled each time; None: never."""
    retry_longest_s: float = 300.0
    log_bytes: int = LOG_BYTES
    log_files: int = LOG_FILES
    own_logs: tuple[str, ...] = ()
    sleep_exit_code: int | None = None
    """It ends with this one when it has had nothing to do for long."""
    confinement: Confinement | None = None
    """What the process may reach; None: all that its user may."""
    limits: Limits | None = None
    """How much it may use, with all that it starts; None: all that there is."""


@dataclass(frozen=True)
class ProcessEnd:
    """How the process ended last. at: Unix time; exit_code: negative for a signal; reason: one word of whoever had it
    ended, "" when it ended by itself; message: a sentence."""

    at: float
    exit_code: int
    reason: str
    message: str


@dataclass(frozen=True)
class SupervisedProcess:
    """pid: of the process, None while there is none. exit_code: of its last end, negative for a signal. next_start_at:
    Unix time, None when it runs or is never started again."""

    state: ProcessState
    supervisor_pid: int
    pid: int | None
    restarts: int
    exit_code: int | None
    started_at: float
    """Unix time at which the process was last started."""
    last_end: ProcessEnd | None = None
    next_start_at: float | None = None
    wakes: int = 0
    """How often a connection has started it."""
