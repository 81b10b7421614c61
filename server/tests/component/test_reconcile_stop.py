"""The reconciler on a real store with fakes: deployments that are stopped and started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flowstead.environments.protocol import BuildFailed
from flowstead.gateway.description import GatewayDeployment
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.home import Home
from flowstead.resources.operation import OperationState
from flowstead.testing.memory_environments import InMemoryEnvironments
from flowstead.testing.reconciler_world import WORKSPACE, ReconcilerWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ReconcilerWorld]:
    environments = InMemoryEnvironments(failures={"nothing==0\n": BuildFailed("No.", "")})
    world = ReconcilerWorld(Home(tmp_path / "home"), environments=environments)
    yield world
    world.close()


def routed(world: ReconcilerWorld) -> GatewayDeployment:
    found = world.gateway.deployment("chat", "blue")
    assert isinstance(found, GatewayDeployment)
    return found


def test_a_stopped_deployment_has_no_instances_and_says_so_at_the_gateway(world: ReconcilerWorld) -> None:
    world.bring_up(world.put_flow(), count=2)
    ids = set(world.engine.instances)
    stop = world.put_deployment(stopped=True)
    world.settle()
    assert world.operation(stop).state is OperationState.SUCCEEDED
    assert (world.engine.instances, dict(world.engine.stopped)) == ({}, dict.fromkeys(ids, True)), "patiently"
    assert (routed(world).instances, routed(world).stopped) == ((), True)
    status = world.there().status
    assert (status.provisioning_state, status.serving_revision) == (ProvisioningState.SUCCEEDED, None)
    world.settle()
    assert world.engine.instances == {}


def test_no_instance_ends_before_the_gateway_has_dropped_it(world: ReconcilerWorld) -> None:
    world.bring_up(world.put_flow())
    only = world.only_instance()
    world.put_deployment(stopped=True)
    world.reconciler.tick()
    world.clock.advance(0.9)
    world.reconciler.tick()
    assert only in world.engine.instances
    world.clock.advance(0.2)
    world.reconciler.tick()
    assert only not in world.engine.instances


def test_start_brings_back_what_was_there(world: ReconcilerWorld) -> None:
    before = world.bring_up(world.put_flow(), count=2)
    world.put_deployment(stopped=True)
    world.settle()
    start = world.put_deployment(stopped=False)
    world.settle()
    assert world.operation(start).state is OperationState.SUCCEEDED
    assert (len(routed(world).instances), routed(world).stopped) == (2, False)
    assert world.there().status.serving_revision == before.status.serving_revision


def test_an_overwrite_meanwhile_takes_effect_at_the_start(world: ReconcilerWorld) -> None:
    before = world.bring_up(world.put_flow())
    world.put_deployment(stopped=True)
    world.settle()
    overwrite = world.put_deployment(model=world.put_flow("2", code="x = 2\n"))
    world.settle()
    assert world.operation(overwrite).state is OperationState.SUCCEEDED
    assert world.engine.instances == {}
    world.engine.started.clear()
    world.put_deployment(stopped=False)
    world.settle()
    assert len(world.engine.started) == 1, "nothing of the old revision"
    status = world.there().status
    assert status.serving_revision == status.revision != before.status.revision


def test_even_what_cannot_be_brought_up_can_be_stopped(world: ReconcilerWorld) -> None:
    before = world.bring_up(world.put_flow())
    world.put_deployment(model=world.put_flow("2", requirements="nothing==0\n"))
    world.settle()
    assert world.there().status.provisioning_state is ProvisioningState.FAILED
    assert world.there().status.serving_revision == before.status.revision
    stop = world.put_deployment(stopped=True)
    world.settle()
    assert world.operation(stop).state is OperationState.SUCCEEDED
    assert world.engine.instances == {}


def test_the_next_server_leaves_it_stopped(world: ReconcilerWorld) -> None:
    world.bring_up(world.put_flow())
    world.put_deployment(stopped=True)
    world.settle()
    world.new_reconciler()
    world.settle()
    assert world.engine.instances == {}
    assert routed(world).stopped


@pytest.mark.parametrize("finished", [True, False])
def test_deletion_wins_over_a_stop(world: ReconcilerWorld, finished: bool) -> None:
    world.bring_up(world.put_flow())
    world.engine.stops_at_once = finished
    world.put_deployment(stopped=True)
    world.settle(looks=6)
    deletion = world.delete(WORKSPACE.deployment("chat", "blue"))
    world.settle(looks=4)
    world.engine.finish_stopping()
    world.settle()
    assert world.operation(deletion).state is OperationState.SUCCEEDED
    assert world.deployment() is None
    assert world.engine.instances == {}
