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
    collector on the load's core."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: str = "/health"
    telemetry: bool = False


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
