"""What callers notice while a deployment is overwritten again and again.

    python -m benchmarks.overwrites [--rounds 50] [--save]

A whole Flowstead on a scratch home with one deployment of one instance, 100 requests a second and 20 streams that are
always open. Each overwrite is a new revision; nobody tries a request again.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine, report
from tests.installation import Installation
from tests.rolling import RATE, STREAMS, Rolling
from tests.steady_traffic import quantile


@dataclass(frozen=True)
class Point:
    """overwrite: from the PUT until its operation has ended, the last streams of the old instance included, seconds.
    failed: requests that were not answered 200; cut: streams that did not end as the flow ends them.
    requests_per_s: answered; fewer than were meant on a machine that is too busy to send them. Latencies: from when a
    request was due, milliseconds."""

    overwrites: int
    requests: int
    failed: int
    streams: int
    cut: int
    requests_per_s: float
    overwrite_p50_s: float
    overwrite_most_s: float
    p50_ms: float
    p99_ms: float


def main() -> int:
    options = _parser().parse_args()
    about = machine.describe()
    report.say_where(about)
    report.say(
        "overwrites", "requests", "failed", "streams", "cut", "requests/s", "p50 s", "most s", "p50 ms", "p99 ms"
    )
    with tempfile.TemporaryDirectory(prefix="fs-overwrites-") as folder:
        flowstead = Installation(Path(folder) / "home")
        flowstead.up()
        try:
            point = _measured(Rolling(flowstead, Path(folder)), options.rounds)
        finally:
            flowstead.down()
    report.say(
        str(point.overwrites),
        *(str(each) for each in (point.requests, point.failed, point.streams, point.cut)),
        *(f"{each:.1f}" for each in (point.requests_per_s, point.overwrite_p50_s, point.overwrite_most_s)),
        *(f"{each:.0f}" for each in (point.p50_ms, point.p99_ms)),
    )
    if options.save:
        report.keep(about, [point], "overwrites")
    return 0


def _measured(rolling: Rolling, rounds: int) -> Point:
    took: list[float] = []
    with rolling.traffic() as traffic, rolling.streams() as streams:
        traffic.passes(RATE, "traffic flows")
        for number in range(1, rounds + 1):
            began = time.monotonic()
            ended = rolling.overwrite("good", VERSION=str(number))
            if ended != "Succeeded":
                raise RuntimeError(f"Overwrite {number} ended {ended}: {rolling.shown().get('provisioningError')}")
            took.append(time.monotonic() - began)
    rolling.close()
    times = traffic.seconds("200")
    answers = sorted(traffic.answers, key=lambda each: each.ended)
    return Point(
        overwrites=rounds,
        requests=traffic.outcomes.total(),
        failed=traffic.outcomes.total() - traffic.outcomes["200"],
        streams=streams.outcomes.total(),
        cut=streams.outcomes.total() - streams.outcomes["whole"],
        requests_per_s=round(len(answers) / (answers[-1].ended - answers[0].ended), 1),
        overwrite_p50_s=round(statistics.median(took), 2),
        overwrite_most_s=round(max(took), 2),
        p50_ms=round(quantile(times, 0.5) * 1000, 1),
        p99_ms=round(quantile(times, 0.99) * 1000, 1),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overwrites")
    parser.add_argument("--rounds", type=int, default=50, help=f"under {RATE} requests/s and {STREAMS} streams")
    parser.add_argument("--save", action="store_true", help="keep the figures in benchmarks/results")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
