"""What very many endpoints cost while nobody changes anything, and how soon a change among them is in force.

    python -m benchmarks.many [--endpoints 100] [--asleep] [--idle-s 30] [--rounds 20] [--save]

A whole Flowstead on a scratch home: so many endpoints with two deployments each, of which those of one endpoint run and
all others are stopped or, asked for so, asleep: each has a supervisor that waits for its next request. They are written
into the store while no server runs, so that it takes a minute; who is to sleep is started afterwards, a few at a time.
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
from flowstead.resources.scaling import SHORTEST_IDLE_S, TargetUtilization
from flowstead.store import Store
from flowstead.store.keys import key_source
from flowstead.store.records import Kind
from flowstead.supervise import ProcessState, SupervisedProcess, observe
from flowstead.testing.memory_gateway import InMemoryGateway
from tests.installation import eventually

DEPLOYMENTS = ("blue", "green")
HERE = Workspace()
BY = "benchmark"
SETTLED_WITHIN_S = 300.0
SETTLE_S = 20.0
"""What changes have left to do is done after that: the last to go to sleep do so one by one."""

ASLEEP, SMALL = TargetUtilization(min_instances=0, idle_s=SHORTEST_IDLE_S), "Flowstead_S"
AT_ONCE = 8
"""Instances that are started, so that all of them have their share of the processors."""
LOOKS = 20


@dataclass(frozen=True)
class Point:
    """idle_cpu: of one core, percent. look: one of the reconciler at everything, after a commit, milliseconds. route:
    from sending a change of traffic until a caller sees it, milliseconds. Memory: resident, MB. asleep: deployments;
    supervisors: theirs, what they share counted once; their idle_cpu: of all together."""

    endpoints: int
    asleep: int
    server_idle_cpu: float
    gateway_idle_cpu: float
    look_p50_ms: float
    look_most_ms: float
    route_p50_ms: float
    route_most_ms: float
    server_mb: float
    gateway_mb: float
    supervisors_mb: float
    supervisors_idle_cpu: float
    failed: int


def main() -> int:
    options = _parser().parse_args()
    about = machine.describe()
    report.say_where(about)
    report.say("endpoints", "idle CPU %", "look ms", "route ms", "server MB", "gateway MB", "asleep MB")
    with running() as home:
        for deployment in DEPLOYMENTS:
            run(home, "deploy", str(FLOW), "--endpoint", WATCHED, "--deployment", deployment)
        _end_server(home)
        _furnish(home, options.endpoints, ASLEEP if options.asleep else None)
        if options.asleep:
            _up_again(home)
            _put_to_sleep(home, options.endpoints)
            _end_server(home)
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
        f"{point.supervisors_mb:.0f}",
        trouble=f"{point.failed} failed" if point.failed else "",
    )
    if options.save:
        report.keep(about, [point], "many-asleep" if options.asleep else "many")
    return 0


def _measured(home: Home, endpoints: int, idle_s: float, rounds: int, looks: list[float]) -> Point:
    server, gateway = (psutil.Process(pid) for pid in _pids(home))
    sleeping = [psutil.Process(each.supervisor_pid) for each in _sleeping(home)]
    with FlowsteadClient.of(home) as client:
        _wait_until_settled(client)
        change = measure(client, endpoints, rounds)
        time.sleep(SETTLE_S)
        idle = _cpu_percents([[server], [gateway], sleeping], idle_s)
    return Point(
        endpoints,
        len(sleeping),
        idle[0],
        idle[1],
        round(statistics.median(looks) * 1000, 1),
        round(max(looks) * 1000, 1),
        change.active_p50_ms,
        change.active_most_ms,
        _mb(server.memory_info().rss),
        _mb(gateway.memory_info().rss),
        _mb(sum(each.memory_full_info().pss for each in sleeping)),
        idle[2],
        change.failed,
    )


def _furnish(home: Home, endpoints: int, scale: TargetUtilization | None) -> None:
    """Endpoints like the watched one; their deployments are stopped."""
    store = _open(home)
    with store.transaction() as tx:
        shape = tx.get(Kind.ENDPOINT, HERE.endpoint(WATCHED)).spec
        spec = replace(tx.get(Kind.DEPLOYMENT, HERE.deployment(WATCHED, "blue")).spec, stopped=True)
        if scale is not None:
            spec = replace(spec, scale=scale, instance_type=SMALL)
        for name in _others(endpoints):
            id, create = HERE.endpoint(name), OperationKind.CREATE
            traffic = replace(shape, traffic={"blue": 100})
            tx.put(Kind.ENDPOINT, id, HERE.path, name, traffic, by=BY, operation=create)
            for key in (PRIMARY_KEY, SECONDARY_KEY):
                tx.put_secret(id, key, f"{name}-{key}", by=BY)
            for each in DEPLOYMENTS:
                tx.put(Kind.DEPLOYMENT, HERE.deployment(name, each), id, each, spec, by=BY, operation=create)
    store.close()


def _put_to_sleep(home: Home, endpoints: int) -> None:
    """Start who is stopped, a few at once, and wait until each has ended for want of work."""
    there = [(endpoint, each) for endpoint in _others(endpoints) for each in DEPLOYMENTS]
    with FlowsteadClient.of(home) as client:
        for first in range(0, len(there), AT_ONCE):
            few = there[first : first + AT_ONCE]
            for operation in [client.deployments.start(*each) for each in few]:
                operation.wait()
    eventually("all sleep", lambda: len(_sleeping(home)) == len(there), within=SETTLED_WITHIN_S)


def _sleeping(home: Home) -> list[SupervisedProcess]:
    seen = (observe(run) for run in home.instances_run.iterdir())
    return [each for each in seen if each is not None and each.state is ProcessState.DORMANT]


def _others(endpoints: int) -> list[str]:
    return [f"other-{number}" for number in range(1, endpoints)]


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


def _cpu_percents(groups: list[list[psutil.Process]], seconds: float) -> list[float]:
    """What each group uses of one core meanwhile."""
    before, began = [_cpu_s(each) for each in groups], time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    return [round((_cpu_s(each) - was) / took * 100, 2) for each, was in zip(groups, before, strict=True)]


def _cpu_s(processes: list[psutil.Process]) -> float:
    times = [each.cpu_times() for each in processes]
    return float(sum(each.user + each.system for each in times))


def _mb(bytes: float) -> float:
    return round(bytes / 1e6, 1)


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
    parser.add_argument("--asleep", action="store_true", help="the others sleep, and are not stopped")
    parser.add_argument("--idle-s", type=float, default=30.0, help="how long nothing is done, seconds")
    parser.add_argument("--rounds", type=int, default=20, help="changes of traffic")
    parser.add_argument("--save", action="store_true", help="keep the figures in benchmarks/results/ by commit")
    return parser


if __name__ == "__main__":
    sys.exit(main())
