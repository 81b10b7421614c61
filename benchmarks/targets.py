"""What is measured: servers of the same no-op flow, and the bare server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLOWS = ROOT / "benchmarks" / "flows"
SCRATCH = ROOT / ".cache" / "bench"
PROMPTFLOW = SCRATCH / "promptflow"
PROMPTFLOW_HOME = SCRATCH / "promptflow-home"
PINS = ROOT / "benchmarks" / "promptflow.txt"


@dataclass(frozen=True)
class Target:
    """argv: `{port}` stands for the port. ready: the path that answers 200 once it serves."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: str = "/health"


def targets(*, promptflow: bool) -> list[Target]:
    """All servers to measure, in the order of the table."""
    uvicorn = "--http httptools --loop uvloop --lifespan off --no-access-log --log-level warning --port {port}"
    found = [
        Target("uvicorn echo", (sys.executable, "-m", "uvicorn", "benchmarks.echo:application", *uvicorn.split())),
        _flowstead("async"),
        _flowstead("sync"),
    ]
    return [*found, _promptflow("async"), _promptflow("sync")] if promptflow else found


def _flowstead(kind: str) -> Target:
    flow = str(FLOWS / f"{kind}_tool")
    return Target(
        f"flowstead serve, {kind} tool", (sys.executable, "-m", "flowstead_runtime", "serve", flow, "--port", "{port}")
    )


def _promptflow(kind: str) -> Target:
    flow = str(FLOWS / f"{kind}_tool")
    argv = (str(PROMPTFLOW / "bin" / "pf"), "flow", "serve", "--source", flow, "--port", "{port}")
    return Target(
        f"pf flow serve, {kind} tool", (*argv, "--host", "127.0.0.1", "--skip-open-browser"), promptflow_environment()
    )


def promptflow_environment() -> dict[str, str]:
    """Keeps what promptflow writes in the scratch folder, and its warnings about itself out of sight."""
    return {"PF_HOME_DIRECTORY": str(PROMPTFLOW_HOME), "HOME": str(PROMPTFLOW_HOME), "PYTHONWARNINGS": "ignore"}


def install_promptflow() -> None:
    """The rival in an environment of its own, by the pins. Done once; a change of the pins does it again."""
    done = PROMPTFLOW / "installed-pins.txt"
    if done.is_file() and done.read_bytes() == PINS.read_bytes():
        return
    uv = str(Path(sys.executable).parent / "uv")
    environment = {"UV_CACHE_DIR": str(ROOT / ".cache" / "uv"), **os.environ}
    PROMPTFLOW_HOME.mkdir(parents=True, exist_ok=True)
    python = str(PROMPTFLOW / "bin" / "python")
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", "3.11", str(PROMPTFLOW)],
        [uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", str(PINS)],
    ):
        subprocess.run(command, check=True, env=environment)
    # Else it sends how it is used, from its very first command.
    (PROMPTFLOW_HOME / "pf.yaml").write_text("telemetry:\n  enabled: false\n")
    done.write_bytes(PINS.read_bytes())
