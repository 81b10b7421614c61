"""Looks at what instances use, for those endpoints whose identity may write metrics and for rules, and at how many
requests were answered in which time, for all."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from flowstead.access.decisions import granted
from flowstead.engines.instance_board import InstanceBoard
from flowstead.gateway.process import EnvoyGateway
from flowstead.limits.groups import numbers
from flowstead.observe.latency import Latencies
from flowstead.observe.requests import Requests
from flowstead.observe.throttling import Throttling
from flowstead.observe.utilization import Sample, Utilization, samples_of
from flowstead.resources.clock import Clock
from flowstead.resources.home import Home
from flowstead.resources.names import Workspace
from flowstead.resources.role import WRITE_METRICS
from flowstead.resources.sizes import size_kept
from flowstead.store import Store
from flowstead.store.identities import Identities
from flowstead.store.records import DeploymentRecord, Kind

EVERY_S = 5.0
"""How often it is done, seconds."""


def sample(store: Store, board: InstanceBoard, utilization: Utilization, home: Home, clock: Clock) -> None:
    """One look at all of them that run: of many endpoints most may sleep."""
    workspace = Workspace()
    names = {(each.endpoint, each.deployment) for each in board.all if each.pid is not None}
    with store.reading() as tx:
        identities = Identities(tx)
        endpoints = [tx.find(Kind.ENDPOINT, workspace.endpoint(name)) for name in {name for name, _ in names}]
        writers = {
            endpoint.name
            for endpoint in endpoints
            if endpoint is not None
            and (principal := identities.identity(endpoint).principal) is not None
            and granted(principal.grants, WRITE_METRICS, workspace.path)
        }
        there = tx.uids(Kind.DEPLOYMENT).values()
        running = [tx.find(Kind.DEPLOYMENT, workspace.deployment(*each)) for each in names if each[0] in writers]
    samples = _look_at([each for each in running if each is not None], board, home, clock)
    utilization.take(samples, set(there))


def sample_for_rules(store: Store, board: InstanceBoard, utilization: Utilization, home: Home, clock: Clock) -> None:
    """One look at those that an autoscale setting drives, whatever their identities may do."""
    with store.reading() as tx:
        targets = {each.spec.target.lower() for each in tx.list(Kind.AUTOSCALE_SETTING) if each.spec.enabled}
        deployments = [each for each in tx.list(Kind.DEPLOYMENT) if each.id.lower() in targets] if targets else []
    utilization.take(_look_at(deployments, board, home, clock), {each.uid for each in deployments})


def _look_at(
    deployments: Sequence[DeploymentRecord], board: InstanceBoard, home: Home, clock: Clock
) -> Sequence[Sample]:
    looked_at = [
        (deployment.uid, instance.id, instance.pid, size.cores, size.memory_bytes)
        for deployment, size in ((each, size_kept(each.spec.instance_type)) for each in deployments)
        for instance in board.of(deployment.uid)
        if instance.pid is not None
    ]
    disk = shutil.disk_usage(home.root)
    percent = 100 * disk.used / disk.total
    return samples_of(looked_at, at=clock.now().timestamp(), disk_percent=percent)


def count(
    store: Store, gateway: EnvoyGateway, requests: Sequence[Requests], latencies: Sequence[Latencies], clock: Clock
) -> None:
    """One look at the gateway's counters, for all of these; none while it is away."""
    answered, took = gateway.answered(), gateway.latencies()
    with store.reading() as tx:
        uids = {_names(id): uid for id, uid in tx.uids(Kind.DEPLOYMENT).items()}
    now = clock.now().timestamp()
    if answered is not None:
        for counted in requests:
            counted.take({uid: answered.get(names, 0) for names, uid in uids.items()}, now)
    if took is not None:
        for timed in latencies:
            timed.take({uid: took.get(names, {}) for names, uid in uids.items()}, now)


def _names(deployment_id: str) -> tuple[str, str]:
    """(endpoint, deployment)"""
    *_, endpoint, _, name = deployment_id.split("/")
    return endpoint, name


def look_at_throttling(board: InstanceBoard, throttling: Throttling, clock: Clock) -> None:
    """One look at the counters of all that are held to a share of time."""
    counted = {each.id: each.limits.throttling for each in board.all if each.limits and each.limits.throttling}
    throttling.take({id: numbers(file) for id, file in counted.items()}, clock.now().timestamp())
