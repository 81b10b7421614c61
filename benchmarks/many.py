"""What very many endpoints cost while nobody changes anything, and how soon a change among them is in force.

    python -m benchmarks.many [--endpoints 100] [--idle-s 30] [--rounds 20] [--save]

A whole Flowstead on a scratch home: so many endpoints with two deployments each, of which those of one endpoint run and
all others have no instance. They are written into the store while no server runs, so that it takes a minute.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import time
from dataclasses import dataclass, replace

import psutil

from benchmarks import machine, report
from benchmarks.changes import FLOW, WATCHED, measure, run, running
from flowstead.client import FlowsteadClient
from flowstead.engines.local import LocalEngine
from flowstead.environments.uv_environments import UvEnvironments
from flowstead.launch.lock import find_holder
from flowstead.launch.status import status_of
from flowstead.reconcile.hint import Hint
from flowstead.reconcile.loop import Reconciler
from flowstead.resources.clock import SystemClock
from flowstead.resources.endpoint import PRIMARY_KEY, SECONDARY_KEY
from flowstead.resources.home import Home
from flowstead.resources.master_key import GivenVariables
from flowstead.resources.names import Workspace
from flowstead.resources.operation import OperationKind
from flowstead.store import Store
from flowstead.store.keys import key_source
from flowstead.store.records import Kind
from flowstead.testing.memory_gateway import InMemoryGateway

DEPLOYMENTS = ("blue", "green")
HERE = Workspace()
BY = "benchmark"
SETTLED_WITHIN_S = 300.0
LOOKS = 20


@dataclass(frozen=True)
class Point:
    """idle_cpu: of one core, percent. look: one of the reconciler at everything, after a commit, milliseconds. route:
    from sending a change of traffic until a caller sees it, milliseconds. Memory: resident, MB."""

    endpoints: int
    server_idle_cpu: float
    gateway_idle_cpu: float
    look_p50_ms: float
    look_most_ms: float
    route_p50_ms: float
    route_most_ms: float
    server_mb: float
    gateway_mb: float
    failed: int


def main() -> int:
    options = _parser().parse_args()
    about = machine.describe()
    report.say_where(about)
    report.say("endpoints", "idle CPU %", "look ms", "route ms", "server MB", "gateway MB")
    with running() as home:
        for deployment in DEPLOYMENTS:
            run(home, "deploy", str(FLOW), "--endpoint", WATCHED, "--deployment", deployment)
        _end_server(home)
        _furnish(home, options.endpoints)
        looks = _looks(home)
        _up_again(home)
        point = _measured(home, options.endpoints, options.idle_s, options.rounds, looks)
    report.say(
        str(point.endpoints),
        f"{point.server_idle_cpu:.1f}",
        f"{point.look_p50_ms:.0f}",
        f"{point.route_p50_ms:.0f}",
        f"{point.server_mb:.0f}",
        f"{point.gateway_mb:.0f}",
        trouble=f"{point.failed} failed" if point.failed else "",
    )
    if options.save:
        report.keep(about, [point], "many")
    return 0


def _measured(home: Home, endpoints: int, idle_s: float, rounds: int, looks: list[float]) -> Point:
    processes = [psutil.Process(pid) for pid in _pids(home)]
    with FlowsteadClient.of(home) as client:
        _wait_until_settled(client)
        change = measure(client, endpoints, rounds)
        time.sleep(5.0)  # what the changes have left to do is done
        before = [_cpu_s(each) for each in processes]
        began = time.monotonic()
        time.sleep(idle_s)
        took = time.monotonic() - began
        server, gateway = ((_cpu_s(each) - was) / took * 100 for each, was in zip(processes, before, strict=True))
        server_mb, gateway_mb = (each.memory_info().rss / 1e6 for each in processes)
    return Point(
        endpoints,
        round(server, 2),
        round(gateway, 2),
        round(statistics.median(looks) * 1000, 1),
        round(max(looks) * 1000, 1),
        change.active_p50_ms,
        change.active_most_ms,
        round(server_mb, 1),
        round(gateway_mb, 1),
        change.failed,
    )


def _furnish(home: Home, endpoints: int) -> None:
    """Endpoints like the watched one; their deployments are stopped."""
    store = _open(home)
    with store.transaction() as tx:
        shape = tx.get(Kind.ENDPOINT, HERE.endpoint(WATCHED)).spec
        spec = replace(tx.get(Kind.DEPLOYMENT, HERE.deployment(WATCHED, "blue")).spec, stopped=True)
        for name in (f"other-{number}" for number in range(1, endpoints)):
            id, create = HERE.endpoint(name), OperationKind.CREATE
            traffic = replace(shape, traffic={"blue": 100})
            tx.put(Kind.ENDPOINT, id, HERE.path, name, traffic, by=BY, operation=create)
            for key in (PRIMARY_KEY, SECONDARY_KEY):
                tx.put_secret(id, key, f"{name}-{key}", by=BY)
            for each in DEPLOYMENTS:
                tx.put(Kind.DEPLOYMENT, HERE.deployment(name, each), id, each, spec, by=BY, operation=create)
    store.close()


def _looks(home: Home) -> list[float]:
    """How long one look at everything takes, seconds: on this home, its instances and environments, beside a gateway
    that takes everything at once."""
    store, environments = _open(home), UvEnvironments(home)
    reconciler = Reconciler(
        store=store,
        engine=LocalEngine(home),
        environments=environments,
        gateway=InMemoryGateway(),
        home=home,
        clock=SystemClock(),
        hint=Hint(),
    )
    give_up_at = time.monotonic() + SETTLED_WITHIN_S
    while reconciler.tick() and time.monotonic() < give_up_at:
        time.sleep(0.01)
    seconds = []
    for number in range(LOOKS):
        with store.transaction() as tx:  # or it would see that nothing has changed
            spec = replace(tx.get(Kind.ENDPOINT, HERE.endpoint(WATCHED)).spec, description=str(number))
            tx.put(Kind.ENDPOINT, HERE.endpoint(WATCHED), HERE.path, WATCHED, spec, by=BY, operation=None)
        began = time.perf_counter()
        reconciler.tick()
        seconds.append(time.perf_counter() - began)
    store.close()
    environments.close()
    return seconds


def _end_server(home: Home) -> None:
    """It alone; gateway and instances go on."""
    holder = find_holder(home)
    if holder is None:
        raise SystemExit("No server runs.")
    os.kill(holder.pid, signal.SIGTERM)
    while find_holder(home) is not None:
        time.sleep(0.05)


def _up_again(home: Home) -> None:
    run(home, "up", "--detach")  # on the ports that it had


def _open(home: Home) -> Store:
    return Store.open(home, clock=SystemClock(), master_key=key_source(home, GivenVariables()))


def _pids(home: Home) -> tuple[int, int]:
    """The server's and the gateway's."""
    seen = status_of(home)
    if seen.server.pid is None or seen.gateway.pid is None:
        raise SystemExit("Server and gateway do not run.")
    return seen.server.pid, seen.gateway.pid


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _wait_until_settled(client: FlowsteadClient) -> None:
    give_up_at = time.monotonic() + SETTLED_WITHIN_S
    while True:
        states = {each["properties"]["provisioningState"] for each in client.endpoints.all()}
        if states == {"Succeeded"}:
            return
        if time.monotonic() > give_up_at:
            raise SystemExit(f"The endpoints are {', '.join(sorted(states))}.")
        time.sleep(0.5)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--endpoints", type=int, default=100, help="how many, with two deployments each")
    parser.add_argument("--idle-s", type=float, default=30.0, help="how long nothing is done, seconds")
    parser.add_argument("--rounds", type=int, default=20, help="changes of traffic")
    parser.add_argument("--save", action="store_true", help="keep the figures in benchmarks/results/ by commit")
    return parser


if __name__ == "__main__":
    sys.exit(main())
