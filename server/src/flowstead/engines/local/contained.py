"""An instance as a container: what its keeper is told. Pure.

With the runtime it has the host's network, as instances that are processes have, and inherits their sockets. An image's
own server has a network of its own, in which nobody but the keeper reaches it: its port is on no host.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowstead.confine.description import CERTIFICATES
from flowstead.containers import keeper
from flowstead.containers.calls import client_variables
from flowstead.containers.command import (
    ContainerRun,
    Limits,
    Mount,
    name_of_home,
    name_prefix,
    out_of_memory_command,
    process_command,
    remove_command,
    run_command,
)
from flowstead.containers.host import ContainerEngine
from flowstead.engines.local.confining import content_of
from flowstead.engines.local.process import (
    FATAL_EXIT_CODES,
    GIVE_UP_AFTER,
    RETRY_FIRST_S,
    RETRY_LONGEST_S,
    health_socket,
    host_arguments,
    score_socket,
    stop_grace_s,
)
from flowstead.engines.protocol import (
    STOP_GRACE_S,
    Contained,
    InstanceLimits,
    InstanceSpec,
)
from flowstead.limits.memory_kills import out_of_memory
from flowstead.process_directory import END_FILE
from flowstead.resources.home import Home
from flowstead.resources.vm_sizes import VmSize
from flowstead.supervise import ProcessSpec

PYTHON_INSIDE = "/opt/flowstead/venv/bin/python"
"""The runtime's interpreter in an image on which it was installed."""

_APP_ROOT = "/var/azureml-app"
_MODEL = f"{_APP_ROOT}/azureml-models/model"
"""Where the model's files are; Azure's has name and version in place of the last part."""
_SCRATCH = "/tmp"  # noqa: S108
_SOCKETS = "/run/flowstead"
_TMPFS = ("/run", "/var/tmp")  # noqa: S108
_INSIDE = Path(__file__).parents[2] / "containers" / "inside.py"

_OF_THE_CLIENT = re.compile(
    r"PATH|HOME|TMPDIR|USER|LOGNAME|LANG|LC_.*|LD_.*|GCONV_PATH|LOCPATH|GLIBC_TUNABLES|MALLOC_.*|GO.*|XDG_.*|DOCKER.*"
    r"|CONTAINER.*|_CONTAINERS_.*|STORAGE_.*|BUILDAH.*|PODMAN.*|REGISTRY_.*|NOTIFY_.*|LISTEN_.*|DBUS_.*|SSL_.*"
    r"|BASH_.*|ENV|IFS|PYTHON.*|NETAVARK.*|CNI_.*|CONMON.*"
)
"""Variables that would change what the engine's client itself does, so that they are on its command line instead."""


@dataclass(frozen=True)
class Surroundings:
    """run, scratch: the instance's folders. user: (uid, gid) that it runs as. host: the server's own environment."""

    engine: ContainerEngine
    home: Home
    run: Path
    scratch: Path
    user: tuple[int, int]
    host: Mapping[str, str] = field(repr=False)

    @property
    def sockets(self) -> Path:
        """Where a container binds its own, if it must."""
        return self.run / "io"

    @property
    def folders(self) -> tuple[Path, ...]:
        """That are its user's."""
        return (self.scratch,) if self.engine.hands_down else (self.scratch, self.sockets)

    @property
    def home_name(self) -> str:
        return name_of_home(self.home.root)


def container_name(around: Surroundings, instance: str) -> str:
    return f"{name_prefix(around.home_name)}{instance}"


def removal_of(around: Surroundings, instance: str) -> tuple[str, ...]:
    return remove_command(around.engine, container_name(around, instance))


def health_path(container: Contained) -> str:
    return container.inference.readiness_path if container.inference else "/health"


def held_to(size: VmSize | None, engine: ContainerEngine) -> InstanceLimits | None:
    """What its container is bounded by, None where nothing is."""
    if size is None:
        return None
    by = engine.kind if {"cpu", "memory"} <= engine.limits else "none"
    return InstanceLimits(min(size.cores, engine.cores), size.memory_bytes, 0, by)


def container_process(spec: InstanceSpec, container: Contained, around: Surroundings) -> ProcessSpec:
    """The keeper's process. Its sockets are as those of any instance."""
    variables = _variables(spec, around)
    relay: list[str] | int | None
    if container.inference is None:
        run = _with_runtime(spec, container, around)
        relay = None if around.engine.hands_down else [str(around.sockets / each) for each in ("score", "health")]
    else:
        run = _as_it_is(spec, container, around, variables)
        relay = container.inference.port
    wanted = {
        "run": run_command(around.engine, run),
        "remove": removal_of(around, spec.id),
        "process": process_command(around.engine, run.name),
        "relay": relay,
        "quiet_s": STOP_GRACE_S,
        "memory": _if_out_of_memory(spec, around),
        "speaks": run.standard_input,
        "named": run.variables,
    }
    return ProcessSpec(
        argv=(sys.executable, "-I", "-S", "-B", keeper.__file__, json.dumps(wanted)),
        environment={**client_variables(around.host), keeper.VARIABLES: json.dumps(variables)},
        working_directory="/",
        log=str(spec.log),
        sockets=(score_socket(around.run), health_socket(around.run)),
        stop_grace_s=stop_grace_s(spec.request_settings.request_timeout_s),
        give_up_after=GIVE_UP_AFTER,
        retry_first_s=RETRY_FIRST_S,
        retry_longest_s=RETRY_LONGEST_S,
        fatal_exit_codes=FATAL_EXIT_CODES if container.inference is None else (),
    )


def _if_out_of_memory(spec: InstanceSpec, around: Surroundings) -> dict[str, Any] | None:
    """What its keeper does then; None where nothing bounds it."""
    limits = held_to(spec.size, around.engine)
    if limits is None or limits.enforcement == "none":
        return None
    return {
        "ask": out_of_memory_command(around.engine, container_name(around, spec.id)),
        "path": str(around.run / END_FILE),
        "order": out_of_memory(None, limits.memory_bytes),
    }


def _with_runtime(spec: InstanceSpec, container: Contained, around: Surroundings) -> ContainerRun:
    hands_down = around.engine.hands_down
    settings = {
        "umask": 0o007 if spec.collected else 0o077,
        "sockets": [] if hands_down else [f"{_SOCKETS}/score", f"{_SOCKETS}/health"],
    }
    return ContainerRun(
        name=container_name(around, spec.id),
        image=container.image,
        home=around.home_name,
        command=(
            *(PYTHON_INSIDE, "-c", _INSIDE.read_text(encoding="utf-8"), json.dumps(settings)),
            *host_arguments(spec, _flow_inside(spec, around)),
        ),
        user=around.user,
        host_network=True,
        mounts=(*_mounts(spec, around), *(() if hands_down else (Mount(around.sockets, _SOCKETS, writable=True),))),
        tmpfs=_TMPFS if hands_down else _TMPFS[1:],
        descriptors=2 if hands_down else 0,
        standard_input=True,
        limits=_limits(spec.size),
    )


def _as_it_is(
    spec: InstanceSpec, container: Contained, around: Surroundings, variables: Mapping[str, str]
) -> ContainerRun:
    shown = {name for name in variables if _OF_THE_CLIENT.fullmatch(name)}
    return ContainerRun(
        name=container_name(around, spec.id),
        image=container.image,
        home=around.home_name,
        user=around.user,
        mounts=_mounts(spec, around),
        tmpfs=_TMPFS,
        variables=tuple(sorted(variables.keys() - shown)),
        settings=tuple((name, variables[name]) for name in sorted(shown)),
        limits=_limits(spec.size),
    )


def _limits(size: VmSize | None) -> Limits:
    return Limits(size.cores, size.memory_bytes) if size else Limits()


def _mounts(spec: InstanceSpec, around: Surroundings) -> tuple[Mount, ...]:
    certificates = _certificates(around.host)
    return (
        Mount(content_of(spec.flow, around.home), _MODEL),
        Mount(around.scratch, _SCRATCH, writable=True),
        *((Mount(spec.collected, str(spec.collected), writable=True),) if spec.collected else ()),
        *(Mount(Path(each), each) for each in sorted(set(certificates.values()))),
    )


def _certificates(host: Mapping[str, str]) -> dict[str, str]:
    """Files alone: a folder of the image's own may be full of links."""
    return {name: host[name] for name in CERTIFICATES if host.get(name) and Path(host[name]).is_file()}


def _variables(spec: InstanceSpec, around: Surroundings) -> dict[str, str]:
    own = {
        "HOME": _SCRATCH,
        "TMPDIR": _SCRATCH,
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AML_APP_ROOT": _APP_ROOT,
        "AZUREML_MODEL_DIR": _flow_inside(spec, around),
    }
    return {**own, **_certificates(around.host), **spec.environment}


def _flow_inside(spec: InstanceSpec, around: Surroundings) -> str:
    inner = spec.flow.relative_to(content_of(spec.flow, around.home)).as_posix()
    return _MODEL if inner == "." else f"{_MODEL}/{inner}"
