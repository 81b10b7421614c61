"""How soon a change of traffic is in force: asked for by REST, seen by a caller.

    python -m benchmarks.changes [--endpoints 1,10,50] [--rounds 50] [--save]

A whole Flowstead on a scratch home. One endpoint has two deployments, all its traffic goes to one and then to the
other; the rest stand by. A caller asks again and again until the other one answers.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks import machine, report
from flowstead.client import FlowsteadClient
from flowstead.launch.addresses import free_port
from flowstead.resources.home import Home

ROOT = Path(__file__).resolve().parent.parent
FLOWSTEAD = str(Path(sys.executable).parent / "flowstead")
FLOW = ROOT / "benchmarks" / "flows" / "async_tool"
WATCHED = "watched"
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Point:
    """endpoints: how many there are. accepted: until the PUT was answered; active: until a caller sees the change; both
    from the moment that it was sent, milliseconds. failed: requests that were not answered 200."""

    endpoints: int
    rounds: int
    accepted_p50_ms: float
    active_p50_ms: float
    active_p95_ms: float
    active_most_ms: float
    failed: int


def main() -> int:
    options = _parser().parse_args()
    about = machine.describe()
    report.say_where(about)
    report.say("endpoints (times in ms)", "accepted p50", "active p50", "p95", "most")
    with running() as home:
        points = list(_measured(home, sorted(options.endpoints), options.rounds))
    if options.save:
        report.keep(about, points, "changes")
    return 0


def _measured(home: Home, counts: list[int], rounds: int) -> Iterator[Point]:
    for deployment in ("blue", "green"):
        run(home, "deploy", str(FLOW), "--endpoint", WATCHED, "--deployment", deployment)
    with FlowsteadClient.of(home) as client:
        there = 1
        for count in counts:
            for number in range(there, count):
                client.endpoints.put(f"other-{number}", {"properties": {"authMode": "Key"}}).wait()
            there = max(there, count)
            point = measure(client, there, rounds)
            report.say(
                str(there),
                *(f"{value:.0f}" for value in (point.accepted_p50_ms, point.active_p50_ms)),
                *(f"{value:.0f}" for value in (point.active_p95_ms, point.active_most_ms)),
                trouble=f"{point.failed} failed" if point.failed else "",
            )
            yield point


def measure(client: FlowsteadClient, endpoints: int, rounds: int) -> Point:
    key = client.endpoints.keys(WATCHED)["primaryKey"]
    url = client.endpoints.get(WATCHED)["properties"]["scoringUri"]
    accepted, active, failed = [], [], 0
    with httpx.Client(headers={"authorization": f"Bearer {key}"}, timeout=30) as caller:
        for number in range(rounds):
            wanted = ("green", "blue")[number % 2]
            body = client.endpoints.get(WATCHED)
            body["properties"]["traffic"] = {wanted: 100}
            began = time.perf_counter()
            operation = client.endpoints.put(WATCHED, body)
            accepted.append(time.perf_counter() - began)
            while True:
                answer = caller.post(url, json={"text": "x"})
                failed += answer.status_code != 200
                if answer.headers.get("azureml-model-deployment") == wanted:
                    break
                if time.perf_counter() - began > PATIENCE_S:
                    raise SystemExit(f"The change was not active within {PATIENCE_S:.0f} s.")
            active.append(time.perf_counter() - began)
            operation.wait()
    return Point(
        endpoints,
        rounds,
        round(statistics.median(accepted) * 1000, 1),
        round(statistics.median(active) * 1000, 1),
        round(statistics.quantiles(active, n=20, method="inclusive")[-1] * 1000, 1),
        round(max(active) * 1000, 1),
        failed,
    )


@contextmanager
def running() -> Iterator[Home]:
    with tempfile.TemporaryDirectory(prefix="fs-") as name:
        home = Home.at(name)
        ports = [str(free_port("127.0.0.1")) for _ in range(2)]
        run(home, "up", "--detach", "--port", ports[0], "--tls-port", ports[1])
        try:
            yield home
        finally:
            run(home, "down")


def run(home: Home, *arguments: str) -> None:
    environment: dict[str, Any] = {**os.environ, "FLOWSTEAD_HOME": str(home.root)}
    done = subprocess.run([FLOWSTEAD, *arguments], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"flowstead {arguments[0]} failed:\n{done.stdout}{done.stderr}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.changes", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--endpoints", type=_counts, default=[1, 10, 50], metavar="1,10,50", help="how many there are")
    parser.add_argument("--rounds", type=int, default=50, help="changes for each number of endpoints")
    parser.add_argument("--save", action="store_true", help="keep the figures in benchmarks/results/ by commit")
    return parser


def _counts(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
