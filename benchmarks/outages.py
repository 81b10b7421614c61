"""What callers notice while parts of the house are dead.

    python -m benchmarks.outages [--dead-s 60] [--kills 6] [--save]

A whole Flowstead on a scratch home, 50 requests a second; nobody tries a request again. The server is killed and stays
dead, Envoy is killed with the server alive and dead, one of three instances is killed or stopped.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine, report
from flowstead.client import FlowsteadClient
from flowstead.gateway.turns import newest_turn
from flowstead.launch.status import status_of
from flowstead.resources.home import Home
from flowstead.supervise import ProcessState, SupervisedProcess, observe
from tests.installation import ECHO, WORKSPACE, Installation, eventually, write_flow
from tests.outages import Three, failures, kill, three_deployed
from tests.steady_traffic import RATE, Traffic, quantile

CALLED = {"first": ("blue", "green"), "second": ("blue",)}
"""Endpoints and their deployments, each of which has the same share."""
LAZY = "lazy"
ASLEEP = {"scaleType": "TargetUtilization", "minInstances": 0, "maxInstances": 1, "idleTime": "PT5S"}
EVERY_S = 15.0
"""How often somebody calls the deployment that sleeps, seconds: it is woken each time."""
CALLERS = 100
SETTLE_S = 2.0
REPLACED_WITHIN_S = 120.0


@dataclass(frozen=True)
class ServerDead:
    """deployments: that were called. woken: how often one that slept was started by a request meanwhile; waking: until
    that request was answered, seconds."""

    dead_s: float
    deployments: int
    requests: int
    failed: int
    woken: int
    waking_p50_s: float
    waking_most_s: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class EnvoyKilled:
    """server: alive or dead meanwhile. refusals: from the kill until the last request that was refused or broken off
    had ended, seconds."""

    server: str
    kills: int
    failed: int
    refusals_p50_s: float
    refusals_most_s: float


@dataclass(frozen=True)
class InstanceKilled:
    """Of three. failed_most: by one kill. three_again: until three were ready, seconds."""

    kills: int
    requests: int
    failed: int
    failed_most: int
    three_again_p50_s: float
    three_again_most_s: float


@dataclass(frozen=True)
class InstanceStopped:
    """Of three, by SIGSTOP. out: until no request went to it any more; three_again: until three were ready; seconds."""

    stops: int
    requests: int
    failed: int
    out_p50_s: float
    out_most_s: float
    three_again_p50_s: float
    three_again_most_s: float


def main() -> int:
    options = _parser().parse_args()
    about = machine.describe()
    report.say_where(about)
    points = []
    for point in _measured(options.dead_s, options.kills):
        print(point, flush=True)
        points.append(point)
    if options.save:
        report.keep(about, points, "outages")
    return 0


def _measured(dead_s: float, kills: int) -> Iterator[Any]:
    with tempfile.TemporaryDirectory(prefix="fs-outages-") as name:
        folder = Path(name)
        flowstead = Installation(folder / "home")
        flowstead.up()
        try:
            _furnish(flowstead, folder)
            yield _server_dead(flowstead, dead_s)
            yield _envoy_killed(flowstead, kills, server=True)
            yield _envoy_killed(flowstead, kills, server=False)
            key = three_deployed(flowstead, folder / "three")
            yield _instance_killed(flowstead, key, kills)
            yield _instance_stopped(flowstead, key, max(1, kills // 2))
        finally:
            flowstead.down()


def _furnish(flowstead: Installation, folder: Path) -> None:
    """What is called all the time, and what sleeps."""
    flowstead.run("model", "create", "--name", "echo", "--path", str(write_flow(folder / "echo", ECHO)))
    with FlowsteadClient.of(Home.at(flowstead.home)) as client:
        for endpoint, deployments in CALLED.items():
            _deployed(client, endpoint, deployments)
        _deployed(client, LAZY, ("blue",), scaleSettings=ASLEEP)


def _server_dead(flowstead: Installation, dead_s: float) -> ServerDead:
    lazy_url, lazy_key = _called(flowstead, LAZY)
    with ExitStack() as stack:
        rate = RATE / len(CALLED)
        steady = [
            stack.enter_context(Traffic(*_called(flowstead, each), rate=rate, callers=CALLERS)) for each in CALLED
        ]
        for traffic in steady:
            traffic.passes(RATE, "traffic flows")
        eventually("it sleeps", lambda: _lazy(flowstead).state is ProcessState.DORMANT)
        kill(flowstead.server_pid())
        woken = _lazy(flowstead).wakes
        lazy = stack.enter_context(Traffic(lazy_url, lazy_key, rate=1 / EVERY_S))
        time.sleep(dead_s)
    woken = _lazy(flowstead).wakes - woken
    flowstead.up()
    waking = lazy.seconds("200")
    usual = sorted(each.seconds for traffic in steady for each in traffic.answers)
    answers = [answer for traffic in (*steady, lazy) for answer in traffic.answers]
    return ServerDead(
        dead_s=dead_s,
        deployments=sum(map(len, CALLED.values())) + 1,
        requests=len(answers),
        failed=len(failures(answers)),
        woken=woken,
        waking_p50_s=round(quantile(waking, 0.5), 2),
        waking_most_s=round(max(waking, default=0.0), 2),
        p50_ms=round(quantile(usual, 0.5) * 1000, 1),
        p99_ms=round(quantile(usual, 0.99) * 1000, 1),
    )


def _envoy_killed(flowstead: Installation, kills: int, *, server: bool) -> EnvoyKilled:
    home = Home.at(flowstead.home)
    url, key = _called(flowstead, "second")
    if not server:
        kill(flowstead.server_pid())
    failed, lasted = 0, []
    with Traffic(url, key, callers=CALLERS) as traffic:
        for _ in range(kills):
            traffic.passes(RATE, "traffic flows")
            before, killed = len(traffic.answers), time.monotonic()
            kill(_envoy(home))
            traffic.passes(2 * RATE, "requests pass again")
            refused = failures(traffic.answers[before:])
            failed += len(refused)
            lasted.append(max((each.ended - killed for each in refused), default=0.0))
    if not server:
        flowstead.up()
    most = round(max(lasted), 2)
    return EnvoyKilled("alive" if server else "dead", kills, failed, round(statistics.median(lasted), 2), most)


def _instance_killed(flowstead: Installation, key: str, kills: int) -> InstanceKilled:
    failed, again = [], []
    with flowstead.client() as client, Traffic(_target(flowstead), key, callers=CALLERS) as traffic:
        three = Three(flowstead, client)
        for _ in range(kills):
            traffic.passes(2 * RATE, "traffic flows")
            one = min(three.ready(), key=lambda each: each.restarts)  # who ends often backs off
            before, killed = len(traffic.answers), time.monotonic()
            kill(three.pid(one))
            three.again_without(one, REPLACED_WITHIN_S)
            again.append(time.monotonic() - killed)
            traffic.passes(RATE, "requests pass")
            failed.append(len(failures(traffic.answers[before:])))
    return InstanceKilled(
        kills,
        traffic.outcomes.total(),
        sum(failed),
        max(failed),
        round(statistics.median(again), 2),
        round(max(again), 2),
    )


def _instance_stopped(flowstead: Installation, key: str, stops: int) -> InstanceStopped:
    out, again = [], []
    with flowstead.client() as client, Traffic(_target(flowstead), key, callers=CALLERS) as traffic:
        three = Three(flowstead, client)
        for _ in range(stops):
            traffic.passes(2 * RATE, "traffic flows")
            one = min(three.ready(), key=lambda each: each.restarts)  # who ends often backs off
            before, stopped = len(traffic.answers), time.monotonic()
            os.killpg(three.pid(one), signal.SIGSTOP)
            three.again_without(one, REPLACED_WITHIN_S)
            again.append(time.monotonic() - stopped)
            time.sleep(SETTLE_S)
            failed = failures(traffic.answers[before:])
            out.append(max((each.began - stopped for each in failed), default=0.0))
    return InstanceStopped(
        stops,
        traffic.outcomes.total(),
        len(failures(traffic.answers)),
        round(statistics.median(out), 2),
        round(max(out), 2),
        round(statistics.median(again), 2),
        round(max(again), 2),
    )


def _deployed(client: FlowsteadClient, endpoint: str, deployments: Sequence[str], **properties: Any) -> None:
    model = f"{WORKSPACE}/models/echo/versions/1"
    client.endpoints.put(endpoint, {"properties": {"authMode": "Key"}}).wait()
    for each in deployments:
        client.deployments.put(endpoint, each, {"properties": {"model": model, **properties}}).wait()
    traffic = {each: 100 // len(deployments) for each in deployments}
    client.endpoints.put(endpoint, {"properties": {"authMode": "Key", "traffic": traffic}}).wait()


def _lazy(flowstead: Installation) -> SupervisedProcess:
    home = Home.at(flowstead.home)
    [id] = [each.id for each in status_of(home).instances if each.endpoint == LAZY]
    seen = observe(home.instances_run / id)
    if seen is None:
        raise SystemExit("Nobody supervises the deployment that sleeps.")
    return seen


def _envoy(home: Home) -> int:
    newest = newest_turn(home.gateway_run)
    if newest is None or newest.process.pid is None:
        raise SystemExit("No gateway runs.")
    return newest.process.pid


def _target(flowstead: Installation) -> str:
    return f"{flowstead.url}/endpoints/target/score"


def _called(flowstead: Installation, endpoint: str) -> tuple[str, str]:
    """Where it answers, and to which key."""
    return f"{flowstead.url}/endpoints/{endpoint}/score", flowstead.keys(endpoint)["primaryKey"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outages", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--dead-s", type=float, default=60.0, help="how long the server is dead, seconds")
    parser.add_argument("--kills", type=int, default=6, help="of each kind; half as many instances are stopped")
    parser.add_argument("--save", action="store_true", help="keep the figures in benchmarks/results/ by commit")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
