"""Many streams of events on one instance: how late their tokens come.

    python -m benchmarks.stream [--seconds 10] [--save]

An event is late by the time from when its token was due to when the caller has read it. The server has one core, the
callers another."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass

from benchmarks import machine, report
from benchmarks.servers import START_PATIENCE_S, cores, cpu_s, pin, rss_mib, running
from benchmarks.targets import ROOT, Target, stream_targets

LOADS = ((1000, 100), (200, 20))
"""Streams, and milliseconds between the tokens of one."""


@dataclass(frozen=True)
class Point:
    """One load. cpu_us: of the server's processes for an event; rss_MiB: of them together, after the load."""

    server: str
    streams: int
    interval_ms: int
    events: int
    p50_ms: float
    p99_ms: float
    cpu_us: float
    lost_events: int
    broken_streams: int
    rss_MiB: float


def main() -> int:
    options = _parser().parse_args()
    about = machine.describe()
    report.say_where(about)
    report.say("server", "streams", "interval ms", "events", "p50 ms late", "p99 ms late", "CPU µs", "RSS MiB")
    points = [
        _measure(target, streams, interval_ms, options.seconds)
        for target in stream_targets()
        for streams, interval_ms in LOADS
    ]
    if options.save:
        report.keep(about, points, "stream")
    return 0


def _measure(target: Target, streams: int, interval_ms: int, seconds: float) -> Point:
    server_core, load_core = cores()
    count = max(1, round(seconds * 1000 / interval_ms))
    with running(target, server_core, {}) as (process, port, _):
        argv = [sys.executable, "-m", "benchmarks.stream_load", *map(str, (port, streams, count, interval_ms))]
        before = cpu_s(process)
        loading = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        pin(loading.pid, load_core)
        output, _ = loading.communicate(timeout=seconds + 2 * START_PATIENCE_S)
        seen = json.loads(output)
        cpu_us = round((cpu_s(process) - before) / max(1, seen["events"]) * 1e6, 1)
        point = Point(target.name, streams, interval_ms, cpu_us=cpu_us, rss_MiB=rss_mib(process), **seen)
    lost = f"{point.lost_events} events lost, {point.broken_streams} streams broken"
    figures = (point.streams, point.interval_ms, point.events, point.p50_ms, point.p99_ms)
    report.say(
        point.server,
        *map(str, figures),
        f"{point.cpu_us:.0f}",
        f"{point.rss_MiB:.0f}",
        trouble=lost if point.lost_events or point.broken_streams else "",
    )
    return point


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stream")
    parser.add_argument("--seconds", type=float, default=10.0, help="that each stream lasts")
    parser.add_argument("--save", action="store_true", help="keep the figures in benchmarks/results/ by commit")
    return parser


if __name__ == "__main__":
    sys.exit(main())
