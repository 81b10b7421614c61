"""What is measured: servers of the same no-op flow, and the bare server."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.promptflow import PYTHON, promptflow_environment

ROOT = Path(__file__).resolve().parent.parent
FLOWS = ROOT / "benchmarks" / "flows"
SCRATCH = ROOT / ".cache" / "bench"


@dataclass(frozen=True)
class Target:
    """argv: `{port}` stands for the port. ready: the path that answers 200 once it serves. telemetry: it exports to a
    collector on the load's core. folder: where it is started."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: str = "/health"
    telemetry: bool = False
    folder: Path = ROOT


def targets(*, promptflow: bool) -> list[Target]:
    """All servers to measure, in the order of the table."""
    uvicorn = "--http httptools --loop uvloop --lifespan off --no-access-log --log-level warning --port {port}"
    found = [
        Target("uvicorn echo", (sys.executable, "-m", "uvicorn", "benchmarks.echo:application", *uvicorn.split())),
        _flowstead("async"),
        _flowstead("async", telemetry=True),
        _flowstead("sync"),
        _flowstead("waiting"),
        _flowstead("waiting", telemetry=True),
    ]
    return [*found, _promptflow("async"), _promptflow("sync")] if promptflow else found


def _flowstead(kind: str, *, telemetry: bool = False) -> Target:
    """kind: of the tool; the waiting one takes 100 ms."""
    flow = str(FLOWS / f"{kind}_tool")
    return Target(
        f"flowstead serve, {kind} tool{', telemetry' if telemetry else ''}",
        (sys.executable, "-m", "flowstead_runtime", "serve", flow, "--port", "{port}"),
        telemetry=telemetry,
    )


def _promptflow(kind: str) -> Target:
    flow = str(FLOWS / f"{kind}_tool")
    argv = (str(PYTHON.with_name("pf")), "flow", "serve", "--source", flow, "--port", "{port}")
    return Target(
        f"pf flow serve, {kind} tool", (*argv, "--host", "127.0.0.1", "--skip-open-browser"), promptflow_environment()
    )


def slow_targets(workers: int, *, promptflow: bool) -> list[Target]:
    """Servers of the flows that wait: promptflow's as its own image starts them, with 8 workers, and 8 threads each for
    the synchronous flow."""
    found = []
    for kind, engine in (("async", "fastapi"), ("sync", "flask"), ("flex", "fastapi")):
        flow = FLOWS / f"slow_{kind}"
        argv = (sys.executable, "-m", "flowstead_runtime", "serve", str(flow), "--port", "{port}")
        found.append(Target(f"flowstead serve, {kind}", (*argv, "--workers", str(workers))))
        if promptflow:
            found.append(_gunicorn(kind, flow, engine))
    return found


def stream_targets() -> list[Target]:
    """Servers of the flows that stream, by an asynchronous and by a synchronous generator."""
    argv = (sys.executable, "-m", "flowstead_runtime", "serve")
    return [
        Target(f"flowstead serve, {kind} stream", (*argv, str(FLOWS / folder), "--port", "{port}"))
        for kind, folder in (("async", "stream"), ("sync", "stream_sync"))
    ]


def _gunicorn(kind: str, flow: Path, engine: str) -> Target:
    way = "--threads 8" if engine == "flask" else "-k uvicorn_worker.UvicornWorker"
    words = f"-w 8 {way} -b 127.0.0.1:{{port}} --timeout 300 --log-level warning".split()
    application = f"promptflow.core._serving.app:create_app(engine='{engine}')"
    argv = (str(PYTHON.with_name("gunicorn")), *words, application)
    return Target(f"promptflow, 8 workers, {kind}", argv, promptflow_environment(), folder=flow)
