"""promptflow itself, in an environment of its own under `.cache`: the rival in speed, the model in behaviour."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_PLACE = _ROOT / ".cache" / "promptflow"
_PINS = _ROOT / "benchmarks" / "promptflow.txt"
HOME = _ROOT / ".cache" / "promptflow-home"
PYTHON = _PLACE / "bin" / "python"


def promptflow_environment() -> dict[str, str]:
    """Keeps what promptflow writes in the scratch folder, and its warnings about itself out of sight."""
    return {"PF_HOME_DIRECTORY": str(HOME), "HOME": str(HOME), "PYTHONWARNINGS": "ignore"}


def install_promptflow() -> None:
    """By the pins. Done once; a change of the pins does it again."""
    HOME.mkdir(parents=True, exist_ok=True)
    # Else it sends how it is used from its very first command, and leaves a server for traces running.
    (HOME / "pf.yaml").write_text("telemetry:\n  enabled: false\ntrace:\n  destination: none\n")
    done = _PLACE / "installed-pins.txt"
    if done.is_file() and done.read_bytes() == _PINS.read_bytes():
        return
    uv = str(Path(sys.executable).parent / "uv")
    environment = {"UV_CACHE_DIR": str(_ROOT / ".cache" / "uv"), **os.environ}
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", "3.11", str(_PLACE)],
        [uv, "pip", "sync", "--quiet", "--python", str(PYTHON), "--require-hashes", str(_PINS)],
    ):
        subprocess.run(command, check=True, env=environment)
    done.write_bytes(_PINS.read_bytes())
