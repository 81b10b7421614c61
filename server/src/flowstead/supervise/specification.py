"""The process to keep alive, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from flowstead.confine.description import Confinement


class ProcessState(StrEnum):
    RUNNING = "running"
    BACKING_OFF = "backing-off"
    GAVE_UP = "gave-up"
    """It ended with one of `fatal_exit_codes`, or `give_up_after` times in a row before `stable_after_s`."""
    STOPPING = "stopping"
    LOST = "lost"
    """The supervisor is gone (killed); the process may still run as `pid`."""


@dataclass(frozen=True)
class ProcessSpec:
    """argv[0] is an absolute path. environment: the whole environment of the process, nothing is inherited.
    log: stdout and stderr are appended to it. sockets: Unix socket paths to bind and hand down as fds 3, 4, ….
    Seconds everywhere."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    working_directory: str
    log: str
    sockets: tuple[str, ...] = ()
    stop_grace_s: float = 10.0
    first_backoff_s: float = 0.1
    longest_backoff_s: float = 30.0
    stable_after_s: float = 10.0
    """A process that lived this long starts the back-off anew."""
    give_up_after: int | None = None
    fatal_exit_codes: tuple[int, ...] = field(default_factory=tuple)
    confinement: Confinement | None = None
    """What the process may reach; None: all that its user may."""


@dataclass(frozen=True)
class SupervisedProcess:
    """pid: of the process, None while there is none. exit_code: of its last end, negative for a signal."""

    state: ProcessState
    supervisor_pid: int
    pid: int | None
    restarts: int
    exit_code: int | None
    started_at: float
    """Unix time at which the process was last started."""
