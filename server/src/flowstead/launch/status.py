"""What runs on a home, found by the locks and run directories alone: the server need not answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flowstead.containers.host import look
from flowstead.engines.local import LocalEngine
from flowstead.engines.protocol import InstanceState
from flowstead.gateway.turns import newest_turn
from flowstead.launch.addresses import read_settings
from flowstead.launch.lock import find_holder
from flowstead.resources.home import Home
from flowstead.resources.settings import ServerSettings
from flowstead.resources.sizes import DEFAULT_QUOTA_CORES
from flowstead.supervise import ProcessState

_SETTLE_S = 2.0
"""How long to ask instances for their health before the answer counts, seconds."""


@dataclass(frozen=True)
class ProcessStatus:
    """pid None: it is not running. uptime_s: since its process was last started."""

    running: bool
    pid: int | None
    uptime_s: float | None
    log: str
    url: str = ""
    tls_url: str = ""
    detail: str = ""


@dataclass(frozen=True)
class InstanceStatus:
    id: str
    endpoint: str
    deployment: str
    state: str
    pid: int | None
    uptime_s: float | None
    restarts: int
    log: str
    isolation: str
    """What keeps it to its own files and processes; "none"; "" when it was started by an older version."""
    cores: float | None = None
    memory_bytes: int | None = None
    """Of its size; None when it was started by an older version."""
    enforcement: str = ""
    """What holds it to that; "none", or "" for unknown."""
    last_end: str = ""
    """How its worker ended last, and what helps; "" when it never did."""


@dataclass(frozen=True)
class HomeStatus:
    home: str
    server: ProcessStatus
    gateway: ProcessStatus
    instances: tuple[InstanceStatus, ...]
    container_engine: str = ""
    """What runs images of their own, with its version; "" for none."""
    quota_cores: int = DEFAULT_QUOTA_CORES
    """How many cores all deployments together may take."""

    @property
    def running(self) -> bool:
        """The server runs; whether the gateway and the instances do is told beside it."""
        return self.server.running


def status_of(home: Home, *, now: Callable[[], float] = time.time) -> HomeStatus:
    """Look at everything once. Nothing is started or changed."""
    settings = read_settings(home) or ServerSettings()
    holder = find_holder(home)
    server = ProcessStatus(
        running=holder is not None,
        pid=holder.pid if holder and holder.pid else None,
        uptime_s=_since(holder.started_at if holder else 0.0, now()),
        log=str(home.logs / "server.log"),
        url=settings.base_url("http") if holder else "",
        tls_url=settings.base_url("https") if holder else "",
        detail="starting" if holder and not holder.pid else "",
    )
    found = look(settings.container_engine).engine
    engine = found.words if found else ""
    gateway, instances = _gateway(home, settings, now()), _instances(home, now())
    return HomeStatus(str(home.root), server, gateway, instances, engine, settings.quota_cores)


def _gateway(home: Home, settings: ServerSettings, now: float) -> ProcessStatus:
    newest = newest_turn(home.gateway_run)
    seen = newest.process if newest else None
    running = seen is not None and seen.state is ProcessState.RUNNING
    return ProcessStatus(
        running=running,
        pid=seen.pid if seen else None,
        uptime_s=_since(seen.started_at, now) if seen and running else None,
        log=str(home.logs / "gateway.log"),
        url=settings.door_url("http") if running else "",
        tls_url=settings.door_url("https") if running else "",
        detail=seen.state.value if seen and not running else "",
    )


def _instances(home: Home, now: float) -> tuple[InstanceStatus, ...]:
    engine = LocalEngine(home)
    seen = engine.look()
    give_up_at = time.monotonic() + _SETTLE_S
    while any(each.state is InstanceState.STARTING for each in seen) and time.monotonic() < give_up_at:
        time.sleep(0.02)  # health is asked in the background, the first look does not know it yet
        seen = engine.look()
    return tuple(
        InstanceStatus(
            id=each.id,
            endpoint=each.endpoint,
            deployment=each.deployment,
            state=each.state.value,
            pid=each.pid,
            uptime_s=_since(each.started_at, now),
            restarts=each.restarts,
            log=str(Path(each.log)),
            isolation=each.isolation,
            cores=each.limits.cores if each.limits else None,
            memory_bytes=each.limits.memory_bytes if each.limits else None,
            enforcement=each.limits.enforcement if each.limits else "",
            last_end=f"{each.last_end.word}: {each.last_end.message}" if each.last_end else "",
        )
        for each in sorted(seen, key=lambda each: (each.endpoint, each.deployment, each.id))
    )


def _since(started_at: float, now: float) -> float | None:
    return round(max(0.0, now - started_at), 1) if started_at else None
