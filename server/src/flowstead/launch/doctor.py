"""Whether this machine and this home let Flowstead work: one ordered list of checks over injected facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from flowstead.confine.abilities import Abilities
from flowstead.containers.host import Looked
from flowstead.errors import EnvoyMissing, FlowsteadError, HomeNotWritable
from flowstead.limits.host import Enforcement, Host, Means

LEAST_PYTHON = (3, 11)
LEAST_DISK = 1 << 30
"""Bytes. An environment with the default runtime takes about 60 MB; a flow with pandas or torch much more."""
ADVISED_MEMORY = 1 << 30
"""Bytes. Server, gateway and two small instances take about 400 MB."""
LEAST_FILES = 1024
"""Open files. The gateway needs two for each request that is on its way."""


class Outcome(StrEnum):
    OK = "ok"
    PROBLEM = "problem"
    """Flowstead cannot work like this."""
    ADVICE = "advice"
    """It works, with a drawback that is named."""
    INFO = "info"


@dataclass(frozen=True)
class Finding:
    """found: what is there; remedy: what to do, for problems and advice."""

    check: str
    outcome: Outcome
    found: str
    remedy: str = ""


class Facts(Protocol):
    """What the checks ask of the machine."""

    def python_version(self) -> tuple[int, int, int]: ...

    def envoy_version(self) -> str:
        """What `envoy --version` says. Raises EnvoyMissing."""

    def uv_version(self) -> str:
        """What `uv --version` says. Raises FlowsteadError."""

    def write_home(self) -> str:
        """Write and remove a file in the home; its path. Raises HomeNotWritable."""

    def door(self) -> str:
        """How the ports stand: free, or ours. Raises PortInUse and StartFailed."""

    def bind_unix_socket(self) -> str:
        """Bind a socket as long as the longest we use; its run directory. Raises OSError."""

    def free_disk(self) -> int:
        """Bytes left where the home lies."""

    def available_memory(self) -> int:
        """Bytes."""

    def open_files_limit(self) -> int: ...

    def isolation(self) -> Abilities:
        """What the machine can enforce, tried out."""

    def container_engine(self) -> Looked:
        """What runs images, of the settings' choice."""

    def enforcement(self) -> Enforcement:
        """By what instances are held to their sizes, tried out."""

    def host(self) -> Host: ...


def python(facts: Facts) -> Finding:
    version = facts.python_version()
    shown = ".".join(map(str, version))
    if version < LEAST_PYTHON:
        return _problem("Python", shown, "Install Python 3.11 or newer and Flowstead in it.")
    return _ok("Python", shown)


def envoy(facts: Facts) -> Finding:
    try:
        return _ok("Envoy", facts.envoy_version())
    except EnvoyMissing as failure:
        return _problem("Envoy", failure.message, failure.next_step)


def uv(facts: Facts) -> Finding:
    try:
        return _ok("uv", facts.uv_version())
    except FlowsteadError as failure:
        return _problem("uv", failure.message, failure.next_step)


def home_writable(facts: Facts) -> Finding:
    try:
        return _ok("Home", f"{facts.write_home()} can be written")
    except HomeNotWritable as failure:
        return _problem("Home", failure.message, failure.next_step)


def door(facts: Facts) -> Finding:
    try:
        return _ok("Port", facts.door())
    except FlowsteadError as failure:
        return _problem("Port", failure.message, failure.next_step)


def unix_sockets(facts: Facts) -> Finding:
    try:
        return _ok("Unix sockets", facts.bind_unix_socket())
    except (OSError, FlowsteadError) as failure:
        remedy = "Name a --home on a local file system; set TMPDIR to a short local directory if its path is long."
        return _problem("Unix sockets", f"cannot be made: {failure}", remedy)


def disk(facts: Facts) -> Finding:
    free = facts.free_disk()
    if free < LEAST_DISK:
        return _problem("Disk", f"{_size(free)} free", f"Free at least {_size(LEAST_DISK)}, or name another --home.")
    return _ok("Disk", f"{_size(free)} free")


def memory(facts: Facts) -> Finding:
    available = facts.available_memory()
    if available < ADVISED_MEMORY:
        return Finding(
            "Memory", Outcome.ADVICE, f"{_size(available)} available", "End other programs; instances may be slow."
        )
    return _ok("Memory", f"{_size(available)} available")


def open_files(facts: Facts) -> Finding:
    limit = facts.open_files_limit()
    if limit < LEAST_FILES:
        return _problem("Open files", f"limit {limit}", f"Raise it: ulimit -n {LEAST_FILES * 4}.")
    return _ok("Open files", f"limit {limit}")


def isolation(facts: Facts) -> Finding:
    """Whether the code of a flow is kept to its own files and processes."""
    try:
        able = facts.isolation()
    except FlowsteadError as failure:
        return _problem("Isolation", failure.message, failure.next_step)
    if able.whole:
        return _ok("Isolation", able.words)
    if able.namespaces:
        found = f"{able.words}: flows reach no files of others, but can signal this user's other processes"
        remedy = "Run flows of people you trust, or use Linux 6.12 or newer."
    elif able.any:
        found = f"{able.words}: flows reach few files, but can connect to sockets of others"
        remedy = "Let processes make user namespaces (on Ubuntu: kernel.apparmor_restrict_unprivileged_userns=0)."
    else:
        found = "none: the code of flows and of packages can do all that this user can"
        remedy = "Run flows of people you trust, or use Linux 6.12 or newer with user namespaces."
    return Finding("Isolation", Outcome.ADVICE, found, remedy)


def limits(facts: Facts) -> Finding:
    """Whether instances can be held to their sizes, and what the machine has for all of them."""
    able, host = facts.enforcement(), facts.host()
    cores, gpus = len(host.processors), f", {host.gpus} accelerators" if host.gpus else ""
    found = f"{able.means}; the machine's cores: {cores}, memory: {_size(host.memory_bytes)}{gpus}"
    if able.means in (Means.CGROUP_V2, Means.CGROUP_V1):
        return _ok("Limits", found)
    remedy = "Run as root, or give the server a control group of its own: systemd-run --user --scope -p Delegate=yes."
    return Finding("Limits", Outcome.ADVICE, f"{found}; {able.why_not}", remedy)


def container_engine(facts: Facts) -> Finding:
    """Whether deployments may name images of their own."""
    found = facts.container_engine()
    if found.engine is not None:
        return _ok("Containers", found.engine.words)
    if found.why:
        remedy = "Mend it, or choose another by `flowstead up --container-engine`; the runtime's own images need none."
        return Finding("Containers", Outcome.ADVICE, found.why, remedy)
    return Finding("Containers", Outcome.INFO, "no engine: deployments from images of their own are refused")


CHECKS: tuple[Callable[[Facts], Finding], ...] = (
    python,
    envoy,
    uv,
    home_writable,
    door,
    unix_sockets,
    disk,
    memory,
    open_files,
    isolation,
    container_engine,
    limits,
)


def examine(facts: Facts) -> Sequence[Finding]:
    """Every check, in order; one that fails keeps none from being made."""
    return [check(facts) for check in CHECKS]


def is_fit(findings: Sequence[Finding]) -> bool:
    return all(finding.outcome is not Outcome.PROBLEM for finding in findings)


def _ok(check: str, found: str) -> Finding:
    return Finding(check, Outcome.OK, found)


def _problem(check: str, found: str, remedy: str) -> Finding:
    return Finding(check, Outcome.PROBLEM, found, remedy)


def _size(count: int) -> str:
    return f"{count / (1 << 30):.1f} GB"
