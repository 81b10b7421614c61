"""`make bench`: serves the same no-op flow by each server in turn and prints what they did, side by side.

    python -m benchmarks [--seconds 3] [--connections 1,16,64] [--only TEXT] [--without-promptflow] [--save]

Each server has one core, the load another, as far as the machine has them. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks import machine, report
from benchmarks.promptflow import install_promptflow
from benchmarks.servers import START_PATIENCE_S, cores, cpu_s, pin, rss_mib, running
from benchmarks.targets import ROOT, Target, targets


@dataclass(frozen=True)
class Point:
    """One server at one number of connections. cpu_us: of the server's processes for a request, in microseconds, the
    figure that another busy process disturbs least. rss_MiB: of them together, after the load."""

    server: str
    connections: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    not_ok: int
    dropped: int
    rss_MiB: float
    start_s: float


def main() -> int:
    options = _parser().parse_args()
    if not options.without_promptflow:
        print("Preparing promptflow in .cache/promptflow …", file=sys.stderr, flush=True)
        install_promptflow()
    about = machine.describe()
    report.say_where(about)
    report.say("server", "connections", "requests/s", "p50 ms", "p99 ms", "CPU µs", "RSS MiB", "start s")
    points = []
    for target in targets(promptflow=not options.without_promptflow):
        if options.only in target.name:
            points += list(_measure(target, options.connections, options.seconds))
    if options.save:
        report.keep(about, points)
    return 0


def _measure(target: Target, connections: list[int], seconds: float) -> Iterator[Point]:
    server_core, load_core = cores()
    with (
        _collecting(target, load_core) as environment,
        running(target, server_core, environment) as (process, port, start_s),
    ):
        for count in connections:
            command = [sys.executable, "-m", "benchmarks.load", str(port), str(count), str(seconds)]
            loading = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
            pin(loading.pid, load_core)
            before = cpu_s(process)
            output, _ = loading.communicate(timeout=seconds + START_PATIENCE_S)
            seen = json.loads(output)
            cpu_us = round((cpu_s(process) - before) / max(1, seen.pop("answers")) * 1e6, 1)
            point = Point(target.name, count, cpu_us=cpu_us, rss_MiB=rss_mib(process), start_s=start_s, **seen)
            _print(point)
            yield point


@contextmanager
def _collecting(target: Target, core: int | None) -> Iterator[Mapping[str, str]]:
    """The environment in which a target exports what it is to export. Says in the end how much of it arrived."""
    if not target.telemetry:
        yield {}
        return
    collector = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.collector"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    pin(collector.pid, core)
    port = next(iter(collector.stdout or ())).strip()
    try:
        yield {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
    finally:
        spans, _ = collector.communicate("")
        print(f"  {spans.strip()} spans arrived at the collector", flush=True)


def _print(point: Point) -> None:
    trouble = f"{point.not_ok} not 200, {point.dropped} dropped" if point.not_ok or point.dropped else ""
    rate, rss = f"{point.requests_per_s:.0f}", f"{point.rss_MiB:.0f}"
    times = (f"{each:.2f}" for each in (point.p50_ms, point.p99_ms))
    figures = (str(point.connections), rate, *times, f"{point.cpu_us:.0f}", rss, f"{point.start_s:.2f}")
    report.say(point.server, *figures, trouble=trouble)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each point, after half a second of warm-up")
    parser.add_argument("--connections", type=_counts, default=[1, 16, 64], metavar="1,16,64")
    parser.add_argument("--only", default="", help="servers with this text in their name")
    parser.add_argument("--without-promptflow", action="store_true", help="nothing is installed")
    parser.add_argument("--save", action="store_true", help="keep the figures in benchmarks/results/ by commit")
    return parser


def _counts(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
