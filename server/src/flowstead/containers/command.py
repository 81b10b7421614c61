"""What is wanted of an engine → the command line that says so. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flowstead.containers.host import ContainerEngine

HOME_LABEL = "flowstead.home"
"""Whose containers they are."""

_PIDS = 4096
"""Processes and threads of a container."""
_TMPFS = "rw,nosuid,nodev,size=64m,mode=1777"


def name_of_home(root: Path) -> str:
    """Short, and no other home's on this machine; a part of names of containers."""
    return hashlib.sha256(str(root).encode()).hexdigest()[:12]


def name_prefix(home: str) -> str:
    """What the names of that home's containers begin with; an instance's id follows. home: as `name_of_home` has it."""
    return f"flowstead-{home}-"


@dataclass(frozen=True)
class Mount:
    """source: on the host. Read-only unless writable."""

    source: Path
    target: str
    writable: bool = False

    @property
    def argument(self) -> str:
        parts = [f"source={self.source}", f"target={self.target}"]
        return ",".join(["type=bind", *map(_quoted, parts), *([] if self.writable else ["readonly=true"])])


@dataclass(frozen=True)
class Limits:
    """0 for no bound."""

    cores: float = 0.0
    memory_bytes: int = 0


@dataclass(frozen=True)
class ContainerRun:
    """A container in the foreground. It stays when it has ended: its keeper may ask how, and somebody make an image of
    it.

    command: in place of the image's own, with its entry point; empty: as the image says. user: (uid, gid), None for the
    image's own. host_network: it has the host's, else one of its own. variables: names, whose values the client has in
    its environment; settings: name → value that the command line may show. descriptors: how many it inherits from 3
    on; standard_input: whether it reads the client's. read_only: its root."""

    name: str
    image: str
    home: str
    command: tuple[str, ...] = ()
    user: tuple[int, int] | None = None
    host_network: bool = False
    mounts: tuple[Mount, ...] = ()
    tmpfs: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    descriptors: int = 0
    standard_input: bool = False
    read_only: bool = True
    limits: Limits = field(default_factory=Limits)


def run_command(engine: ContainerEngine, run: ContainerRun) -> tuple[str, ...]:
    """Raises ValueError for descriptors that this engine cannot hand down."""
    if run.descriptors and not engine.hands_down:
        raise ValueError(f"{engine.kind} hands no descriptors down")
    podman = engine.kind == "podman"
    return (
        *(str(engine.program), "run", "--name", run.name, "--pull", "never"),
        *("--label", f"{HOME_LABEL}={run.home}", "--log-driver", "none", "--no-healthcheck"),
        *(("--interactive",) if run.standard_input else ()),
        *(("--preserve-fds", str(run.descriptors)) if run.descriptors else ()),
        # Else the client hands its own proxies on.
        *(("--http-proxy=false",) if podman else ()),
        *(("--network", "host") if run.host_network else ()),
        *_rights(engine, run),
        *_limits(engine, run.limits),
        *(word for each in run.mounts for word in ("--mount", each.argument)),
        *(word for each in run.tmpfs for word in ("--tmpfs", f"{each}:{_TMPFS}")),
        *(word for name, value in run.settings for word in ("--env", f"{name}={value}")),
        *(word for name in run.variables for word in ("--env", name)),
        *(("--entrypoint", run.command[0]) if run.command else ()),
        run.image,
        *run.command[1:],
    )


def remove_command(engine: ContainerEngine, name: str) -> tuple[str, ...]:
    """End it at once and remove it with its volumes; no error when it is not there."""
    ignore = ("--ignore", "--time", "0") if engine.kind == "podman" else ()
    return (str(engine.program), "rm", "--force", "--volumes", *ignore, name)


def containers_command(engine: ContainerEngine, home: str) -> tuple[str, ...]:
    """The names of all containers of that home, one a line."""
    shown = ("--all", "--filter", f"label={HOME_LABEL}={home}", "--format", "{{.Names}}")
    return (str(engine.program), "ps", *shown)


def process_command(engine: ContainerEngine, name: str) -> tuple[str, ...]:
    """The process number of its first process, as the host has it."""
    return (str(engine.program), "inspect", "--type", "container", "--format", "{{.State.Pid}}", name)


def out_of_memory_command(engine: ContainerEngine, name: str) -> tuple[str, ...]:
    """Whether the kernel has ended something in it for its memory, `true` or `false`; it may have ended."""
    return (str(engine.program), "inspect", "--type", "container", "--format", "{{.State.OOMKilled}}", name)


def image_command(engine: ContainerEngine, image: str) -> tuple[str, ...]:
    """The image's id; an error when it is not there."""
    return (str(engine.program), "image", "inspect", "--format", "{{.Id}}", image)


def pull_command(engine: ContainerEngine, image: str) -> tuple[str, ...]:
    return (str(engine.program), "pull", "--quiet", image)


def tag_command(engine: ContainerEngine, image: str, tag: str) -> tuple[str, ...]:
    return (str(engine.program), "tag", image, tag)


def untag_command(engine: ContainerEngine, tag: str) -> tuple[str, ...]:
    """Remove the tag, and the image with its last one."""
    return (str(engine.program), "rmi", tag)


def commit_command(engine: ContainerEngine, name: str, tag: str) -> tuple[str, ...]:
    quiet = ("--quiet",) if engine.kind == "podman" else ()
    return (str(engine.program), "commit", *quiet, name, tag)


def build_command(engine: ContainerEngine, context: Path, dockerfile: str, tag: str) -> tuple[str, ...]:
    """Of a build context. Secrets have no place in it: what is given to a build stays in the image's history."""
    podman, file = engine.kind == "podman", str(context / dockerfile)
    return (
        *(str(engine.program), "build", "--tag", tag),
        *(("--pull=missing", "--http-proxy=false") if podman else ()),
        *_own_limits(engine),
        *("--force-rm", "--file", _quoted(file) if podman else file, str(context)),  # podman takes several
    )


def _quoted(text: str) -> str:
    """As a field of a line of CSV, which is how the engines read options that have parts."""
    return '"' + text.replace('"', '""') + '"' if {",", '"'} & set(text) else text


def _rights(engine: ContainerEngine, run: ContainerRun) -> Sequence[str]:
    dropped = ("--cap-drop", "ALL") if run.read_only else ()
    # Where the client is an ordinary user its own number is the one that may read what the server has written.
    own = ("--userns", "keep-id") if engine.rootless and engine.kind == "podman" and run.user and run.read_only else ()
    user = ("--user", f"{run.user[0]}:{run.user[1]}") if run.user else ()
    root = ("--read-only",) if run.read_only else ()
    # Without a label of its own SELinux would let it read nothing that is mounted.
    return (*user, *own, *root, *dropped, "--security-opt", "no-new-privileges", "--security-opt", "label=disable")


def _limits(engine: ContainerEngine, limits: Limits) -> Sequence[str]:
    cores = min(limits.cores, engine.cores) if "cpu" in engine.limits else 0
    memory = limits.memory_bytes if "memory" in engine.limits else 0
    return (
        *(("--cpus", f"{cores:g}") if cores else ()),
        *(("--memory", f"{memory}b") if memory else ()),
        *(("--pids-limit", str(_PIDS)) if "pids" in engine.limits else ()),
        *_own_limits(engine),
    )


def _own_limits(engine: ContainerEngine) -> Sequence[str]:
    """The engine's own numbers may be above what its client may give."""
    return ("--ulimit", f"nofile={engine.open_files}:{engine.open_files}", "--ulimit", f"nproc={_PIDS}:{_PIDS}")
