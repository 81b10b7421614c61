"""Where the measuring happened."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent


def describe() -> dict[str, str]:
    """The machine and the versions, as figures mean nothing without them."""
    return {
        "commit": commit(),
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory_GiB": f"{psutil.virtual_memory().total / 2**30:.1f}",
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average": f"{os.getloadavg()[0]:.2f}",
        **{name: version(name) for name in ("uvicorn", "uvloop", "httptools")},
    }


def commit() -> str:
    """The commit that is measured; `+` when there are changes on top."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--exclude", "*"], cwd=ROOT, capture_output=True, text=True
    )
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
