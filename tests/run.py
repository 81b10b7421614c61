"""Runs the test worlds in order: the fewer things a world needs, the earlier it runs.

    python tests/run.py [--full] [--worlds unit,component,compatibility] [pytest arguments]

Reduced counts by default; `--full` (make soak) runs the same tests with full counts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class World:
    """paths: what pytest collects; arguments: how it runs them."""

    name: str
    paths: tuple[str, ...]
    arguments: tuple[str, ...] = ()


WORLDS = (
    World("unit", ("runtime/tests/unit", "server/tests/unit", "tests/unit"), ("-n", "2")),
    World("component", ("runtime/tests/component", "server/tests/component"), ("-n", "3")),
    World("compatibility", ("runtime/tests/compatibility",), ("-n", "2")),
    World("system", ("tests/system",), ("-n", "2", "--dist", "loadfile")),
    World("browser", ("tests/browser",), ("-n", "2", "--dist", "loadfile")),
    World("sdk", ("tests/sdk",), ("-n", "2", "--dist", "loadfile")),
    World("faults", ("tests/faults",), ("-n", "2", "--dist", "loadfile")),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="full counts")
    parser.add_argument("--worlds", default=",".join(w.name for w in WORLDS), help="which worlds, by name")
    options, pytest_arguments = parser.parse_known_args()
    chosen = options.worlds.split(",")
    unknown = set(chosen) - {w.name for w in WORLDS}
    if unknown:
        parser.error(f"no such world: {', '.join(sorted(unknown))}")
    environment = {**os.environ, "FLOWSTEAD_TEST_COUNTS": "full" if options.full else "reduced"}
    # A developer's own settings must not reach the tests.
    for name in [
        n
        for n in environment
        if n.startswith(("FLOWSTEAD_HOME", "FLOWSTEAD_MASTER_KEY", "PROMPTFLOW_", "PF_", "OPENAI_"))
    ]:
        del environment[name]
    results = [run(world, pytest_arguments, environment) for world in WORLDS if world.name in chosen]
    return max(results)


def run(world: World, pytest_arguments: list[str], environment: dict[str, str]) -> int:
    paths = [path for path in world.paths if any((ROOT / path).rglob("test_*.py"))]
    if not paths:
        return 0
    print(f"\n=== {world.name}", flush=True)
    started = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", *world.arguments, *paths, *pytest_arguments]
    code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    print(
        f"=== {world.name}: {'passed' if code == 0 else 'FAILED'} in {time.monotonic() - started:.0f} s",
        flush=True,
    )
    return code


if __name__ == "__main__":
    sys.exit(main())
