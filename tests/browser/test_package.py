"""The portal is part of what is installed."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.installation import ROOT


def test_a_wheel_brings_the_portal_along(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT / "server", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = [name.removeprefix("flowstead/portal/") for name in packed.namelist() if "flowstead/portal/" in name]
        page = packed.read("flowstead/portal/index.html").decode()
    scripts = [name for name in names if name.startswith("assets/") and name.endswith(".js")]
    assert len(scripts) > 10, "in chunks"
    assert any(f'src="/portal/{name}"' in page for name in scripts)
    assert {f"{name}.gz" for name in scripts} <= set(names)
    assert not [name for name in names if name.endswith((".ts", ".tsx", ".map"))]
