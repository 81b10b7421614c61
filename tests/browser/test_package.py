"""The portal is part of what is installed."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from tests.installation import ROOT

PAGE = ROOT / "server" / "src" / "flowstead" / "portal" / "index.html"


def test_a_wheel_brings_the_portal_along(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    with subprocess.Popen(
        build, cwd=ROOT / "server", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as building:
        gone = _longest_absence(PAGE, while_runs=building)
        said = building.stdout.read() if building.stdout else ""
    assert building.returncode == 0, said
    assert gone < 0.5, "a server that starts meanwhile has its pages"
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = [name.removeprefix("flowstead/portal/") for name in packed.namelist() if "flowstead/portal/" in name]
        page = packed.read("flowstead/portal/index.html").decode()
    scripts = [name for name in names if name.startswith("assets/") and name.endswith(".js")]
    assert len(scripts) > 10, "in chunks"
    assert any(f'src="/portal/{name}"' in page for name in scripts)
    assert {f"{name}.gz" for name in scripts} <= set(names)
    assert not [name for name in names if name.endswith((".ts", ".tsx", ".map"))]


def _longest_absence(file: Path, *, while_runs: subprocess.Popen[str]) -> float:
    """In seconds."""
    longest, last_seen = 0.0, time.monotonic()
    while while_runs.poll() is None:
        now = time.monotonic()
        if file.is_file():
            last_seen = now
        longest = max(longest, now - last_seen)
        with contextlib.suppress(subprocess.TimeoutExpired):
            while_runs.wait(0.01)
    return longest
