"""Flows that wait, under many callers: three nodes of 250 ms side by side, then a call to a server that takes 1 s.

    python -m benchmarks.slow [--seconds 12.5] [--connections 500] [--workers 1] [--only TEXT] [--without-promptflow]
                              [--save]

After promptflow's own benchmark. No request can take less than 1.25 s, so 500 callers without think time can have no
more than 400 answers a second. The servers may use all cores; the load and the slow server sit on the last one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from benchmarks import machine, report
from benchmarks.promptflow import install_promptflow
from benchmarks.servers import START_PATIENCE_S, cores, cpu_s, pin, rss_mib, running
from benchmarks.targets import ROOT, Target, slow_targets

FLOOR_S = 1.25
WARM_UP_S = 4 * FLOOR_S
LOOK_EVERY_S = 0.25


@dataclass(frozen=True)
class Point:
    """One server. cpu_us: of its processes for a request; rss_MiB: of them together, the most that was seen."""

    server: str
    connections: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    not_ok: int
    dropped: int
    rss_MiB: float


def main() -> int:
    options = _parser().parse_args()
    if not options.without_promptflow:
        print("Preparing promptflow in .cache/promptflow …", file=sys.stderr, flush=True)
        install_promptflow()
    about = machine.describe()
    report.say_where(about)
    report.say("server", "connections", "requests/s", "p50 ms", "p99 ms", "CPU µs", "RSS MiB")
    found = slow_targets(options.workers, promptflow=not options.without_promptflow)
    chosen = [target for target in found if options.only in target.name]
    with _slow_service() as port:
        points = [_measure(target, port, options.connections, options.seconds) for target in chosen]
    if options.save:
        report.keep(about, points, "slow")
    return 0


def _measure(target: Target, slow_port: int, connections: int, seconds: float) -> Point:
    with running(target, None, {"SLOW_SERVICE_PORT": str(slow_port)}) as (process, port, _):
        argv = [sys.executable, "-m", "benchmarks.load", *map(str, (port, connections, seconds, WARM_UP_S, FLOOR_S))]
        before = cpu_s(process)
        loading = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        pin(loading.pid, cores()[1])
        with _watching(process) as most:
            output, _ = loading.communicate(timeout=seconds + WARM_UP_S + START_PATIENCE_S)
        seen = json.loads(output)
        cpu_us = round((cpu_s(process) - before) / max(1, seen.pop("answers")) * 1e6, 1)
        point = Point(target.name, connections, cpu_us=cpu_us, rss_MiB=max(most), **seen)
    trouble = f"{point.not_ok} not 200, {point.dropped} dropped" if point.not_ok or point.dropped else ""
    rate, cpu, rss = (f"{each:.0f}" for each in (point.requests_per_s, point.cpu_us, point.rss_MiB))
    times = (f"{each:.0f}" for each in (point.p50_ms, point.p99_ms))
    report.say(point.server, str(connections), rate, *times, cpu, rss, trouble=trouble)
    return point


@contextmanager
def _slow_service() -> Iterator[int]:
    argv = [sys.executable, "-m", "benchmarks.slow_service"]
    service = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pin(service.pid, cores()[1])
    try:
        yield int(next(iter(service.stdout or ())))
    finally:
        service.communicate("")


@contextmanager
def _watching(process: psutil.Process) -> Iterator[list[float]]:
    """Memory while the load lasts, in MiB."""
    seen, done = [rss_mib(process)], threading.Event()

    def watch() -> None:
        while not done.wait(LOOK_EVERY_S):
            seen.append(rss_mib(process))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield seen
    finally:
        done.set()
        watching.join()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slow")
    parser.add_argument("--seconds", type=float, default=10 * FLOOR_S, help="for each server, after a warm-up")
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--workers", type=int, default=1, help="of Flowstead's server")
    parser.add_argument("--only", default="", help="servers with this text in their name")
    parser.add_argument("--without-promptflow", action="store_true", help="nothing is installed")
    parser.add_argument("--save", action="store_true", help="keep the figures in benchmarks/results/ by commit")
    return parser


if __name__ == "__main__":
    sys.exit(main())
