"""The reconciler on a real store with fakes: deployments that are changed, and requests that never fail by it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from flowstead.access.instance_keys import INSTANCE_KEYS, InstanceKeys, InstanceName
from flowstead.engines.instance_board import InstanceBoard
from flowstead.engines.protocol import EXIT_FLOW_CANNOT_START, InstanceSpec, InstanceState
from flowstead.gateway.description import GatewayEndpoint, Upstream
from flowstead.resources.data_collector import COLLECTOR_VARIABLE, Collection, DataCollector
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.home import Home
from flowstead.resources.identity import IDENTITY_KEY
from flowstead.resources.operation import OperationState
from flowstead.store.records import DeploymentRecord
from flowstead.testing.reconciler_world import ReconcilerWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ReconcilerWorld]:
    world = ReconcilerWorld(Home(tmp_path / "home"))
    yield world
    world.close()


@pytest.fixture
def model(world: ReconcilerWorld) -> str:
    return world.put_flow()


def blue_of(endpoints: Sequence[GatewayEndpoint]) -> list[Upstream]:
    return [
        instance for endpoint in endpoints for deployment in endpoint.deployments for instance in deployment.instances
    ]


def message_of(record: DeploymentRecord) -> str:
    assert record.status.error is not None
    return record.status.error["message"]


def test_a_changed_deployment_never_leaves_its_route_empty(world: ReconcilerWorld, model: str, tmp_path: Path) -> None:
    before = world.bring_up(model)
    old = world.only_instance()
    world.engine.ready_at_once = False
    second = world.put_flow("2", code="x = 2\n")
    changed = world.put_deployment(model=second)
    world.reconciler.tick()
    world.reconciler.tick()
    assert world.there().status.serving_revision == before.status.revision
    assert old in world.engine.instances
    world.engine.make_ready()
    world.settle()

    assert world.operation(changed).state is OperationState.SUCCEEDED
    new = world.only_instance()
    assert new != old
    assert world.there().status.serving_revision != before.status.revision
    routed = [{each.address for each in blue_of(step)} for step in world.gateway.history]
    first = next(index for index, addresses in enumerate(routed) if addresses)
    assert all(routed[first:])
    assert routed[-1] == {f"/run/{new}/score.sock"}


def test_an_old_instance_runs_on_for_a_moment_after_it_lost_its_route(
    world: ReconcilerWorld, model: str, tmp_path: Path
) -> None:
    world.bring_up(model)
    old = world.only_instance()
    second = world.put_flow("2", code="x = 2\n")
    world.put_deployment(model=second)

    def unrouted() -> bool:
        return old not in [each.address.split("/")[2] for each in blue_of(world.gateway.published)]

    world.look_until(unrouted, step_s=0.05)
    world.clock.advance(0.9)
    world.reconciler.tick()
    assert old in world.engine.instances
    world.clock.advance(0.2)
    world.reconciler.tick()
    assert old not in world.engine.instances
    assert world.engine.stopped == [(old, True)]


def test_an_old_instance_is_not_stopped_while_the_gateway_may_route_to_it(
    world: ReconcilerWorld, model: str, tmp_path: Path
) -> None:
    world.bring_up(model)
    old = world.only_instance()
    second = world.put_flow("2", code="x = 2\n")
    world.gateway.down = True
    changed = world.put_deployment(model=second)
    world.settle(looks=100)
    ended = world.operation(changed)
    assert ended.state is OperationState.FAILED
    assert ended.error is not None
    assert ended.error["code"] == "GatewayUpdateFailed"
    assert old in world.engine.instances
    world.gateway.down = False
    world.look_until(lambda: old not in world.engine.instances)
    assert [each.address for each in blue_of(world.gateway.published)] == [f"/run/{world.only_instance()}/score.sock"]


def test_a_revision_that_never_gets_ready_leaves_the_old_one_serving(
    world: ReconcilerWorld, model: str, tmp_path: Path
) -> None:
    before = world.bring_up(model)
    old = world.only_instance()
    world.engine.ready_at_once = False
    second = world.put_flow("2", code="x = 2\n")
    changed = world.put_deployment(model=second)
    world.look_until(lambda: len(world.engine.instances) == 2)
    new = next(id for id in world.engine.instances if id != old)
    world.engine.fail(new, EXIT_FLOW_CANNOT_START, ["Traceback", "ValueError: no good"])
    world.look_until(lambda: world.operation(changed).state.terminal)

    record = world.there()
    assert record.status.provisioning_state is ProvisioningState.FAILED
    assert record.status.serving_revision == before.status.revision
    assert "goes on serving" in message_of(record)
    world.look_until(lambda: list(world.engine.instances) == [old])
    assert [each.address for each in blue_of(world.gateway.published)] == [f"/run/{old}/score.sock"]


def test_each_instance_has_a_key_of_its_own_and_may_use_it_from_its_start(
    world: ReconcilerWorld, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    board, known = InstanceBoard(), []
    world.new_reconciler(board=board, identity_url="http://127.0.0.1:1/identity/token")
    start = world.engine.start

    def started(spec: InstanceSpec) -> None:
        name = InstanceKeys(world.store.lasting_key(INSTANCE_KEYS)).name_in(spec.environment[IDENTITY_KEY])
        assert name == InstanceName(spec.deployment_uid, spec.id)
        known.append((spec.id, board.knows(name.deployment_uid, name.id)))
        start(spec)

    monkeypatch.setattr(world.engine, "start", started)
    world.bring_up(model)
    world.put_deployment(instance_count=2)
    world.settle()
    assert [is_known for _, is_known in known] == [True, True]
    assert len({id for id, _ in known}) == 2


def test_more_and_fewer_instances_without_touching_those_that_stay(world: ReconcilerWorld, model: str) -> None:
    world.bring_up(model)
    first = world.only_instance()
    world.put_deployment(instance_count=3)
    world.settle()
    assert first in world.engine.instances
    assert len(world.engine.instances) == 3
    revision = world.there().status.revision
    world.put_deployment(instance_count=1)
    world.settle()
    assert len(world.engine.instances) == 1
    assert world.there().status.revision == revision
    blue = world.gateway.deployment("chat", "blue")
    assert blue is not None
    assert [each.address for each in blue.instances] == [f"/run/{world.only_instance()}/score.sock"]


def test_a_change_that_instances_do_not_see_restarts_none(world: ReconcilerWorld, model: str) -> None:
    world.bring_up(model)
    before = world.only_instance()
    changed = world.put_deployment(tags={"team": "search"}, description="better")
    world.settle()
    assert world.operation(changed).state is OperationState.SUCCEEDED
    assert world.only_instance() == before


def test_a_new_secret_value_renews_the_instances(world: ReconcilerWorld, model: str) -> None:
    world.put_endpoint()
    world.put_deployment(model=model, secrets={"API_KEY": "first-value"})
    world.settle()
    before = world.only_instance()
    world.put_deployment(secrets={"API_KEY": "second-value"})
    world.settle()
    assert world.only_instance() != before
    assert world.engine.instances[world.only_instance()].spec.environment["API_KEY"] == "second-value"


def test_a_newer_change_takes_the_place_of_one_under_way(world: ReconcilerWorld, model: str, tmp_path: Path) -> None:
    world.engine.ready_at_once = False
    world.put_endpoint()
    first = world.put_deployment(model=model)
    world.look_until(lambda: bool(world.engine.instances))
    dropped = world.only_instance()
    second_model = world.put_flow("2", code="x = 2\n")
    second = world.put_deployment(model=second_model)
    world.engine.ready_at_once = True
    world.settle()
    assert world.operation(first).state is OperationState.CANCELED
    assert world.operation(second).state is OperationState.SUCCEEDED
    assert dropped not in world.engine.instances
    assert len(world.engine.instances) == 1


def test_a_decision_for_an_older_generation_is_not_written(
    world: ReconcilerWorld, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.bring_up(model)
    observe = world.engine.observe

    def change_meanwhile() -> object:
        monkeypatch.setattr(world.engine, "observe", observe)
        world.put_deployment(instance_count=2)
        return observe()

    world.put_deployment(tags={"n": "1"})
    monkeypatch.setattr(world.engine, "observe", change_meanwhile)
    world.reconciler.tick()
    record = world.there()
    assert record.observed_generation < record.generation
    world.settle()
    assert len(world.engine.instances) == 2


def _fail_an_update(world: ReconcilerWorld, **changes: Any) -> str:
    """The revision that serves; its successor raised at import."""
    serving = world.there().status.revision
    world.engine.ready_at_once = False
    world.put_deployment(**changes)
    world.look_until(lambda: len(world.engine.instances) > 1)
    new = next(each for each in world.engine.observe() if each.revision != serving)
    world.engine.fail(new.id, EXIT_FLOW_CANNOT_START)
    world.settle()
    assert world.there().status.provisioning_state is ProvisioningState.FAILED
    world.engine.ready_at_once = True
    return serving


def test_what_serves_after_a_failed_update_is_started_again_as_it_was(world: ReconcilerWorld, model: str) -> None:
    world.put_endpoint(traffic={"blue": 100})
    world.put_deployment(model=model, instance_count=2, secrets={"KEY": "old-secret"})
    world.settle()
    serving = _fail_an_update(
        world, model=world.put_flow("2", code="x = 2\n"), instance_count=1, secrets={"KEY": "new-secret"}
    )
    with world.store.transaction() as tx:
        tx.remove(model)  # its files stay for as long as they serve

    world.engine.instances.clear()
    world.new_reconciler()
    world.look_until(lambda: len(blue_of(world.gateway.published)) == 2)

    started = [each.spec for each in world.engine.instances.values()]
    assert [each.revision for each in started] == [serving, serving]
    assert [each.environment for each in started] == [{"KEY": "old-secret"}] * 2
    with world.store.reading() as tx:
        assert len(tx.content_in_use()) == 2


def test_what_serves_is_replaced_while_its_successor_is_not_there_yet(world: ReconcilerWorld, model: str) -> None:
    before = world.bring_up(model)
    old = world.only_instance()
    world.environments.slow = True
    world.put_deployment(model=world.put_flow("2", code="x = 2\n", requirements="slow-to-build\n"))
    world.reconciler.tick()
    world.engine.lose(old)

    def replaced() -> bool:
        routed = blue_of(world.gateway.published)
        return len(routed) == 1 and old not in routed[0].address

    world.look_until(replaced)
    assert world.there().status.serving_revision == before.status.revision
    assert world.there().status.provisioning_state is ProvisioningState.UPDATING


def test_a_failed_scale_up_leaves_as_many_as_there_were(world: ReconcilerWorld, model: str) -> None:
    world.bring_up(model)
    first = world.only_instance()
    world.engine.ready_at_once = False
    world.put_deployment(instance_count=2)
    world.look_until(lambda: len(world.engine.instances) == 2)
    world.engine.fail(next(id for id in world.engine.instances if id != first), EXIT_FLOW_CANNOT_START)
    world.settle()
    assert world.there().status.provisioning_state is ProvisioningState.FAILED
    world.engine.ready_at_once = True
    world.engine.instances.clear()
    world.look_until(lambda: len(blue_of(world.gateway.published)) == 1 and len(world.engine.instances) == 1)


def test_what_is_collected_rolls_the_instances(world: ReconcilerWorld, model: str) -> None:
    world.bring_up(model)
    without = world.only_instance()
    assert COLLECTOR_VARIABLE not in world.engine.instances[without].spec.environment
    world.put_deployment(data_collector=DataCollector({"model_inputs": Collection(enabled=True)}))
    world.settle()
    collecting = world.only_instance()
    assert collecting != without
    told = json.loads(world.engine.instances[collecting].spec.environment[COLLECTOR_VARIABLE])
    assert (told["endpoint"], told["deployment"], told["instance"]) == ("chat", "blue", collecting)
    assert told["destination"] == str(world.home.collected)
    world.put_deployment(data_collector=DataCollector({"model_inputs": Collection()}))
    world.settle()
    assert COLLECTOR_VARIABLE not in world.engine.instances[world.only_instance()].spec.environment


def test_a_revision_that_comes_back_is_a_new_one_of_the_same_name(world: ReconcilerWorld, model: str) -> None:
    first = world.bring_up(model).status.revision
    second = world.put_flow("2", code="x = 2\n")
    world.put_deployment(model=second)
    world.settle()
    world.engine.ready_at_once = False
    broken = world.put_deployment(model=world.put_flow("3", code="x = 3\n"))
    world.look_until(lambda: len(world.engine.instances) == 2)
    new = max(world.engine.observe(), key=lambda each: each.state is InstanceState.STARTING).id
    world.engine.fail(new, EXIT_FLOW_CANNOT_START, ["ValueError: no good"])
    world.look_until(lambda: world.operation(broken).state.terminal)
    world.engine.ready_at_once = True
    world.put_deployment(model=model)
    world.settle()
    world.put_deployment(instance_count=2)
    world.settle()
    with world.store.reading() as tx:
        kept = tx.revisions.all(world.there())
    assert [each.number for each in kept] == [4, 3, 2, 1]
    assert [bool(each.kept_at) for each in kept] == [True, False, True, True]
    assert kept[0].name == kept[3].name == first
    assert kept[0].spec.instance_count == 2
    assert kept[1].error is not None
    assert "no good" in kept[1].error["message"]


def test_a_revision_that_was_scaled_and_failed_since_keeps_its_number_of_instances(
    world: ReconcilerWorld, model: str
) -> None:
    """What was known of it before it was scaled is of no use any more."""
    world.bring_up(model)
    world.engine.ready_at_once = False
    world.put_deployment(model=world.put_flow("2", code="x = 2\n"))
    world.look_until(lambda: len(world.engine.instances) == 2)
    for each in world.engine.observe():
        if each.state is InstanceState.STARTING:
            world.engine.fail(each.id, EXIT_FLOW_CANNOT_START)
    world.settle()
    world.engine.ready_at_once = True
    world.put_deployment(model=model, instance_count=3)
    world.settle()
    world.engine.ready_at_once = False
    world.put_deployment(model=world.put_flow("3", code="x = 3\n"))
    for _ in range(3):
        world.reconciler.tick()
    assert len(blue_of(world.gateway.published)) == 3
