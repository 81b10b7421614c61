"""promptflow itself, in an environment of its own under `.cache`: the rival in speed, the model in behaviour."""

from __future__ import annotations

from pathlib import Path

from tests.pinned_environment import python_with

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
    python_with("promptflow", _PINS)
