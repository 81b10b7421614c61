"""Deletion of what is just being started again, scaled, rolled back or woken: it wins, and nothing is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowstead.engines.protocol import InstanceState
from flowstead.resources.home import Home
from flowstead.resources.operation import Operation, OperationState
from flowstead.testing.reconciler_world import WORKSPACE, ReconcilerWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ReconcilerWorld]:
    """With the deployment blue, which serves by one instance; those that come are not ready by themselves."""
    world = ReconcilerWorld(Home(tmp_path / "home"))
    world.bring_up(world.put_flow())
    world.engine.ready_at_once = False
    yield world
    world.close()


def starting_again(world: ReconcilerWorld) -> Operation:
    world.put_deployment(stopped=True)
    world.settle()
    assert not world.engine.instances
    started = world.put_deployment(stopped=False)
    world.look_until(lambda: bool(world.engine.instances))
    return started


def scaling_out(world: ReconcilerWorld) -> Operation:
    scaled = world.put_deployment(instance_count=3)
    world.look_until(lambda: len(world.engine.instances) == 3)
    return scaled


def scaling_in(world: ReconcilerWorld) -> Operation:
    world.engine.ready_at_once = True
    world.put_deployment(instance_count=3)
    world.settle()
    world.engine.stops_at_once = False
    scaled = world.put_deployment(instance_count=1)
    world.look_until(lambda: bool(world.engine.stopped))
    assert len(world.engine.instances) == 3
    return scaled


def rolling_back(world: ReconcilerWorld) -> Operation:
    before = world.there().spec.model
    world.engine.ready_at_once = True
    world.put_deployment(model=world.put_flow("2", code="x = 2\n"))
    world.settle()
    world.engine.ready_at_once = False
    back = world.put_deployment(model=before)
    world.look_until(lambda: len(world.engine.instances) == 2)
    return back


def rolling_back_after_a_failure(world: ReconcilerWorld) -> Operation:
    before = world.there().spec.model
    failed = world.put_deployment(model=world.put_flow("2", code="x = 2\n"))
    world.look_until(lambda: len(world.engine.instances) == 2)
    world.engine.fail(world.engine.started[-1], 1)
    world.look_until(lambda: world.operation(failed).state is OperationState.FAILED)
    return world.put_deployment(model=before)


def restarting(world: ReconcilerWorld) -> None:
    world.engine.restart(world.only_instance())
    world.settle(looks=2)


def dormant(world: ReconcilerWorld) -> None:
    world.engine.sleep(world.only_instance(), InstanceState.DORMANT)
    world.settle(looks=2)


def waking(world: ReconcilerWorld) -> None:
    world.engine.sleep(world.only_instance(), InstanceState.WAKING)
    world.settle(looks=2)


WAYS = (
    starting_again,
    scaling_out,
    scaling_in,
    rolling_back,
    rolling_back_after_a_failure,
    restarting,
    dormant,
    waking,
)


@pytest.mark.parametrize("id", [WORKSPACE.endpoint("chat"), WORKSPACE.deployment("chat", "blue")])
@pytest.mark.parametrize("brought", WAYS, ids=lambda each: each.__name__)
def test_deletion_wins(world: ReconcilerWorld, brought: Callable[[ReconcilerWorld], Operation | None], id: str) -> None:
    under_way = brought(world)
    world.put_endpoint(traffic={})
    deletion = world.delete(id)
    world.settle(looks=5)
    world.engine.finish_stopping()
    world.settle()
    assert world.operation(deletion).state is OperationState.SUCCEEDED
    assert under_way is None or world.operation(under_way).state is OperationState.CANCELED
    assert world.deployment() is None
    assert world.engine.instances == {}
    assert not (world.home.logs / "endpoints/chat/blue").exists()
    assert world.gateway.deployment("chat", "blue") is None
