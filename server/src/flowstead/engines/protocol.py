"""What the reconciler asks of an engine. Everything may be repeated; nothing waits for an instance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from flowstead.resources.deployment import AZURE_PROBE, ProbeSettings, RequestSettings
from flowstead.resources.inference import Inference
from flowstead.resources.settings import DEFAULT_MAX_REQUEST_BYTES
from flowstead.resources.vm_sizes import VmSize

EXIT_FLOW_CANNOT_START = 78
EXIT_PACKAGE_MISSING = 79
EXIT_WARM_CALL_UNANSWERED = 80
EXIT_IDLE = 81
"""Exit codes of the runtime: three that a restart cannot mend, and that of an instance that goes to sleep; as
`flowstead_runtime.serving.exit_codes` has them: the server may not import that package, a test compares."""

OUT_OF_MEMORY = "OutOfMemory"
"""The reason of an end: the worker used more memory than its size has."""

STREAM_GRACE_S = 300.0
"""How long beyond its request time-out an instance that gets no more requests may go on with the streams that it has
begun, seconds: the longest time-out that a flow may have. A long answer of a language model takes a minute or two; who
streams for longer than this is cut off when a new revision takes over."""

STOP_GRACE_S = 10.0
"""How long an instance that nobody waits for any more may go on after SIGTERM, seconds."""


class InstanceState(StrEnum):
    STARTING = "Starting"
    READY = "Ready"
    RESTARTING = "Restarting"
    """Its worker ended and will be started again, or has stopped to answer."""
    FAILED = "Failed"
    """Its worker ended in a way that a restart can hardly mend, or too often within a short time. It is started again
    all the same, ever later."""
    DORMANT = "Dormant"
    """It had nothing to do and its worker has ended; its supervisor holds the socket and starts one for who comes."""
    WAKING = "Waking"
    """Its worker is being started for somebody who waits."""
    STOPPING = "Stopping"
    LOST = "Lost"
    """Its supervisor is gone; nothing would restart it. A replacement is wanted."""


@dataclass(frozen=True)
class Contained:
    """An instance that is a container. image: its tag. inference: how its own server is reached, None when it has the
    runtime."""

    image: str
    inference: Inference | None = None


@dataclass(frozen=True)
class InstanceSpec:
    """All that an instance gets. id: unique, `[a-z0-9-]{1,24}` (a part of socket paths).
    environment: the variables of its cleared process environment, secrets among them: never written to disk.
    """

    id: str
    endpoint: str
    deployment: str
    deployment_uid: str
    revision: str
    flow: Path
    python: Path
    environment: Mapping[str, str] = field(repr=False)
    request_settings: RequestSettings
    log: Path
    liveness: ProbeSettings = AZURE_PROBE
    readiness: ProbeSettings = AZURE_PROBE
    max_request_bytes: int = DEFAULT_MAX_REQUEST_BYTES
    """Of a body when it is unpacked, and of an image that is fetched. The gateway sees to what comes over the wire."""
    idle_s: float | None = None
    """How long nobody may have asked it before it goes to sleep; None: it never does."""
    collected: Path | None = None
    """The folder in which it collects data, which its deployment's other instances share; None: it collects none."""
    size: VmSize | None = None
    """What it is held to, as far as the host can; None: it may use all that there is."""
    container: Contained | None = None
    """None: it is a process of this machine."""


@dataclass(frozen=True)
class InstanceEnd:
    """How its worker ended last. at: Unix time; exit_code: negative for a signal; reason: `OutOfMemory`, or another
    word of whoever ended it, "" when it ended by itself; message: a sentence that says what happened, and what
    helps."""

    at: float
    exit_code: int
    reason: str
    message: str

    @property
    def word(self) -> str:
        """As people are told: the reason, or `Signal`, or `Error`."""
        return self.reason or ("Signal" if self.exit_code < 0 else "Error")


@dataclass(frozen=True)
class InstanceLimits:
    """What an instance is held to. enforcement: by what, as `cgroup v2`, or "none". throttling: a file that counts how
    often it had to wait for its share of the processors, "" for none."""

    cores: float
    memory_bytes: int
    gpus: int
    enforcement: str
    throttling: str = ""


@dataclass(frozen=True)
class ObservedInstance:
    """address, health_address: Unix socket paths, or host:port when the engine spans machines. python: what it runs by,
    None when the engine can't say."""

    id: str
    endpoint: str
    deployment: str
    deployment_uid: str
    revision: str
    state: InstanceState
    address: str
    health_address: str
    log: Path
    python: Path | None = None
    pid: int | None = None
    restarts: int = 0
    exit_code: int | None = None
    started_at: float = 0.0
    """Unix time at which the present worker was started."""
    next_start_at: float | None = None
    """Unix time at which it is started again, None when it runs."""
    isolation: str = ""
    """What keeps it to its own files and processes, as `namespaces, landlock, own user`; "none", or "" for unknown."""
    limits: InstanceLimits | None = None
    last_end: InstanceEnd | None = None
    inference: Inference | None = None
    """How an image's own server is reached, None for the runtime."""


class Engine(Protocol):
    def start(self, spec: InstanceSpec) -> None:
        """Start the instance unless it is there. Returns as soon as it is supervised."""

    def observe(self) -> Sequence[ObservedInstance]:
        """Every instance of this home, whoever started it, this server or one before."""

    def stop(self, instance_id: str, *, patient: bool = False) -> None:
        """Begin to stop it: SIGTERM, a grace period, SIGKILL; then its run directory goes. Returns at once.
        An id that is not there is no error. patient: the grace period lasts as long as the longest request that it may
        still answer, and STREAM_GRACE_S for its streams, instead of STOP_GRACE_S, unless it hangs; a later call without
        it shortens that."""

    def last_log_lines(self, instance_id: str, count: int) -> Sequence[str]:
        """The end of its log; empty when there is none."""
