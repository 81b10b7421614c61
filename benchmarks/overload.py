"""What callers notice while a deployment gets three times as many requests as it can answer.

    python -m benchmarks.overload [--seconds 30] [--save]

A whole Flowstead on a scratch home with one deployment, whose requests wait for a quarter of a second: ten at once in
its one instance, then four at once in each of three. It gets four fifths of what it can do, then three times of it,
then four fifths again; nobody tries a request again.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine, report
from tests.installation import Installation
from tests.overload import SHAPES, Overload, Shape, deployed, overloaded
from tests.steady_traffic import quantile


@dataclass(frozen=True)
class Point:
    """places: requests that an instance answers at once. Requests a second; times in milliseconds but for the recovery,
    which is seconds: from the end of the overload until the last request ended that was not answered as usual. door:
    refused at once; queued: refused when they had waited for as long as they may. others: neither answered nor told
    429 with Retry-After."""

    instances: int
    places: int
    capacity_per_s: float
    seconds: float
    requests: int
    admitted_per_s: float
    usual_p50_ms: float
    usual_p99_ms: float
    admitted_p50_ms: float
    admitted_p99_ms: float
    admitted_by_usual_p99: float
    door: int
    door_p50_ms: float
    door_p99_ms: float
    queued: int
    queued_p50_ms: float
    queued_p99_ms: float
    others: int
    recovery_s: float


def main() -> int:
    options = _parser().parse_args()
    about = machine.describe()
    report.say_where(about)
    points = [_measured(shape, options.seconds) for shape in SHAPES]
    if options.save:
        report.keep(about, points, "overload")
    return 0


def _measured(shape: Shape, seconds: float) -> Point:
    with tempfile.TemporaryDirectory(prefix="fs-overload-") as folder:
        flowstead = Installation(Path(folder) / "home")
        flowstead.up()
        try:
            point = _point(shape, overloaded(deployed(flowstead, Path(folder), shape), seconds))
        finally:
            flowstead.down()
    print(point)
    return point


def _point(shape: Shape, seen: Overload) -> Point:
    requests = seen.outcomes.total()
    return Point(
        instances=shape.instances,
        places=shape.places,
        capacity_per_s=shape.capacity,
        seconds=seen.lasted,
        requests=requests,
        admitted_per_s=round(len(seen.admitted) / seen.lasted, 1),
        usual_p50_ms=_ms(seen.usual, 0.5),
        usual_p99_ms=_ms(seen.usual, 0.99),
        admitted_p50_ms=_ms(seen.admitted, 0.5),
        admitted_p99_ms=_ms(seen.admitted, 0.99),
        admitted_by_usual_p99=round(seen.admitted_by_usual, 2),
        door=len(seen.door),
        door_p50_ms=_ms(seen.door, 0.5),
        door_p99_ms=_ms(seen.door, 0.99),
        queued=len(seen.queued),
        queued_p50_ms=_ms(seen.queued, 0.5),
        queued_p99_ms=_ms(seen.queued, 0.99),
        others=requests - seen.outcomes["200"] - seen.outcomes["429"] + seen.without_retry_after,
        recovery_s=round(seen.recovery, 2),
    )


def _ms(seconds: Sequence[float], share: float) -> float:
    return round(quantile(seconds, share) * 1000, 1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each of the three lasts")
    parser.add_argument("--save", action="store_true", help="keep the figures in benchmarks/results/ by commit")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
