"""What is printed and kept of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.targets import ROOT

RESULTS = ROOT / "benchmarks" / "results"


def say_where(about: Mapping[str, str]) -> None:
    """The machine, as figures mean nothing without it."""
    print("\n".join(f"{name:14} {value}" for name, value in about.items()), "\n", flush=True)


def say(server: str, *figures: str, trouble: str = "") -> None:
    """A row of the table."""
    print(f"{server:40}" + "".join(f"{each:>13}" for each in figures) + (f"  {trouble}" if trouble else ""), flush=True)


def keep(about: Mapping[str, str], points: Sequence[Any], which: str = "") -> None:
    """Write the figures to benchmarks/results, by commit. points: dataclasses; which: of the benchmarks."""
    path = RESULTS / f"{about['commit']}{which and f'-{which}'}.json"
    path.write_text(json.dumps({"machine": about, "points": [asdict(each) for each in points]}, indent=1) + "\n")
    print(f"\nSaved as {path.relative_to(ROOT)}")
