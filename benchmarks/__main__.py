"""`make bench`: serves the same no-op flow by each server in turn and prints what they did, side by side.

    python -m benchmarks [--seconds 3] [--connections 1,16,64] [--only TEXT] [--without-promptflow] [--save]

Each server has one core, the load another, as far as the machine has them. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from benchmarks import machine
from benchmarks.promptflow import install_promptflow
from benchmarks.targets import ROOT, SCRATCH, Target, targets

START_PATIENCE_S = 60
RESULTS = ROOT / "benchmarks" / "results"


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
    print("\n".join(f"{name:14} {value}" for name, value in about.items()), "\n", flush=True)
    print(
        _row("server", "connections", "requests/s", "p50 ms", "p99 ms", "CPU µs", "RSS MiB", "start s", ""), flush=True
    )
    points = []
    for target in targets(promptflow=not options.without_promptflow):
        if options.only in target.name:
            points += list(_measure(target, options.connections, options.seconds))
    if options.save:
        path = RESULTS / f"{about['commit']}.json"
        path.write_text(json.dumps({"machine": about, "points": [asdict(each) for each in points]}, indent=1) + "\n")
        print(f"\nSaved as {path.relative_to(ROOT)}")
    return 0


def _measure(target: Target, connections: list[int], seconds: float) -> Iterator[Point]:
    server_core, load_core = _cores()
    with (
        _collecting(target, load_core) as environment,
        _running(target, server_core, environment) as (process, port, start_s),
    ):
        for count in connections:
            command = [sys.executable, "-m", "benchmarks.load", str(port), str(count), str(seconds)]
            loading = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
            _pin(loading.pid, load_core)
            before = _cpu_s(process)
            output, _ = loading.communicate(timeout=seconds + START_PATIENCE_S)
            seen = json.loads(output)
            cpu_us = round((_cpu_s(process) - before) / max(1, seen.pop("answers")) * 1e6, 1)
            point = Point(target.name, count, cpu_us=cpu_us, rss_MiB=_rss(process), start_s=start_s, **seen)
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
    _pin(collector.pid, core)
    port = next(iter(collector.stdout or ())).strip()
    try:
        yield {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
    finally:
        spans, _ = collector.communicate("")
        print(f"  {spans.strip()} spans arrived at the collector", flush=True)


@contextmanager
def _running(
    target: Target, core: int | None, environment: Mapping[str, str]
) -> Iterator[tuple[psutil.Process, int, float]]:
    port = _free_port()
    argv = [part.replace("{port}", str(port)) for part in target.argv]
    SCRATCH.mkdir(parents=True, exist_ok=True)
    log = SCRATCH / "server.log"
    with log.open("w") as output:
        started = time.monotonic()
        server = subprocess.Popen(
            argv,
            cwd=ROOT,
            env={**os.environ, **target.environment, **environment},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        _pin(server.pid, core)
        try:
            _wait_until_ready(server, port, target, log)
            yield psutil.Process(server.pid), port, round(time.monotonic() - started, 2)
        finally:
            _end(server)


def _wait_until_ready(server: subprocess.Popen[bytes], port: int, target: Target, log: Path) -> None:
    deadline = time.monotonic() + START_PATIENCE_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{target.ready}", timeout=2) as answer:
                if answer.status == 200:
                    return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.005)
    raise SystemExit(f"{target.name} did not start; the end of its log:\n{log.read_text()[-2000:]}")


def _end(server: subprocess.Popen[bytes]) -> None:
    family = (
        [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)] if _lives(server) else []
    )
    server.terminate()
    _, left = psutil.wait_procs(family, timeout=10)
    for each in left:
        each.kill()
    server.wait()


def _lives(server: subprocess.Popen[bytes]) -> bool:
    return server.poll() is None


def _rss(process: psutil.Process) -> float:
    family = [process, *process.children(recursive=True)]
    return round(sum(each.memory_info().rss for each in family) / 2**20, 1)


def _cpu_s(process: psutil.Process) -> float:
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


def _cores() -> tuple[int | None, int | None]:
    """A core for the server and one for the load; none where the system cannot pin or has but one."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[-1]) if len(allowed) > 1 else (None, None)


def _pin(pid: int, core: int | None) -> None:
    if core is not None:
        os.sched_setaffinity(pid, {core})


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _print(point: Point) -> None:
    trouble = f"{point.not_ok} not 200, {point.dropped} dropped" if point.not_ok or point.dropped else ""
    rate, rss = f"{point.requests_per_s:.0f}", f"{point.rss_MiB:.0f}"
    times = (f"{each:.2f}" for each in (point.p50_ms, point.p99_ms))
    figures = (str(point.connections), rate, *times, f"{point.cpu_us:.0f}", rss, f"{point.start_s:.2f}")
    print(_row(point.server, *figures, trouble), flush=True)


def _row(server: str, *figures: str) -> str:
    *numbers, trouble = figures
    return f"{server:40}" + "".join(f"{each:>12}" for each in numbers) + (f"  {trouble}" if trouble else "")


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
