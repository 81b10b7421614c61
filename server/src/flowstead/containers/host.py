"""Which container engine this host has."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from flowstead.containers.calls import CallFailed, call_json, client_variables
from flowstead.errors import BadArgument

_LOOK_WITHIN_S = 10.0
MOST_OPEN_FILES = 16_384


class Choice(StrEnum):
    """What `up --container-engine` takes."""

    AUTO = "auto"
    """podman, or docker when a daemon answers."""
    PODMAN = "podman"
    DOCKER = "docker"
    NONE = "none"


@dataclass(frozen=True)
class ContainerEngine:
    """kind: `podman` or `docker`. rootless: its containers are those of an ordinary user. limits: what it can bound, of
    `cpu`, `memory`, `pids`. cores: of the host. open_files: how many a container may have."""

    kind: str
    program: Path
    version: str
    rootless: bool = False
    limits: frozenset[str] = frozenset({"cpu", "memory", "pids"})
    cores: int = 1
    open_files: int = MOST_OPEN_FILES

    @property
    def hands_down(self) -> bool:
        """Whether a container inherits descriptors."""
        return self.kind == Choice.PODMAN

    @property
    def words(self) -> str:
        """As people read it: `podman 4.3.1 (/usr/bin/podman)`."""
        rights = ", rootless" if self.rootless else ""
        return f"{self.kind} {self.version} ({self.program}{rights})"


@dataclass(frozen=True)
class Looked:
    """What was found. engine: None for none; why: what stands in the way of one that is installed or was asked for."""

    engine: ContainerEngine | None
    why: str = ""


def look(
    choice: str,
    *,
    which: Callable[[str], str | None] = shutil.which,
    ask: Callable[[Sequence[str]], Any] | None = None,
) -> Looked:
    """Ask the engines for themselves, the preferred one first. choice: a value of `Choice`. ask: runs a command and
    reads its JSON; raises CallFailed."""
    if choice == Choice.NONE:
        return Looked(None)
    kinds = (Choice.PODMAN, Choice.DOCKER) if choice == Choice.AUTO else (Choice(choice),)
    problems = []
    for kind in kinds:
        program = which(kind)
        if program is None:
            if choice != Choice.AUTO:
                problems.append(f"{kind} is not installed")
            continue
        try:
            told = (ask or _ask)([program, "info", "--format", _FORMATS[kind]])
            return Looked(replace(_READERS[kind](Path(program), told), open_files=_open_files()))
        except (CallFailed, KeyError, TypeError, ValueError) as problem:
            problems.append(f"{program} does not work: {problem}")
    return Looked(None, "; ".join(problems))


def checked_choice(text: str) -> str:
    """Raises BadArgument unless it is a value of `Choice`."""
    if text not in list(Choice):
        raise BadArgument(
            f"There is no container engine {text[:40]!r}.",
            hint=f"Name one of {', '.join(Choice)}.",
            target="container_engine",
        )
    return text


def _ask(argv: Sequence[str]) -> Any:
    return call_json(argv, client_variables(os.environ), within_s=_LOOK_WITHIN_S)


def _open_files() -> int:
    """Nobody may give more than he has."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_OPEN_FILES if most == resource.RLIM_INFINITY else min(most, MOST_OPEN_FILES)


def _podman(program: Path, told: Mapping[str, Any]) -> ContainerEngine:
    host = told["host"]
    rootless = bool(host["security"]["rootless"])
    controllers = frozenset(host.get("cgroupControllers") or ())
    # Version 1 lets nobody but root bound anything, whatever controllers there are.
    bounds = controllers if not rootless or host.get("cgroupVersion") == "v2" else frozenset()
    return ContainerEngine(
        "podman",
        program,
        str(told["version"]["Version"]),
        rootless,
        frozenset({"cpu", "memory", "pids"} & bounds),
        int(host["cpus"]),
    )


def _docker(program: Path, told: Mapping[str, Any]) -> ContainerEngine:
    if not told.get("ServerVersion"):
        raise ValueError("; ".join(told.get("ServerErrors") or ["its daemon does not answer"]))
    bounds = {"cpu": "CpuCfsQuota", "memory": "MemoryLimit", "pids": "PidsLimit"}
    return ContainerEngine(
        "docker",
        program,
        str(told["ServerVersion"]),
        any("rootless" in option for option in told.get("SecurityOptions") or ()),
        frozenset(name for name, field in bounds.items() if told.get(field)),
        int(told["NCPU"]),
    )


_FORMATS = {Choice.PODMAN: "json", Choice.DOCKER: "{{json .}}"}
_READERS: Mapping[Choice, Callable[[Path, Mapping[str, Any]], ContainerEngine]] = {
    Choice.PODMAN: _podman,
    Choice.DOCKER: _docker,
}
