"""The reconciler on a real store with fakes: what comes up, what is deleted, and what is said of it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowstead.engines.protocol import (
    InstanceSpec,
)
from flowstead.reconcile.loop import LOOK_AGAIN_S
from flowstead.resources.deployment import RequestSettings
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.home import Home
from flowstead.resources.operation import OperationState
from flowstead.testing.memory_environments import InMemoryEnvironments
from flowstead.testing.reconciler_world import WORKSPACE, ReconcilerWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ReconcilerWorld]:
    world = ReconcilerWorld(Home(tmp_path / "home"))
    yield world
    world.close()


@pytest.fixture
def model(world: ReconcilerWorld) -> str:
    return world.put_flow()


def test_a_deployment_comes_up_behind_its_endpoint(world: ReconcilerWorld, model: str) -> None:
    made = world.put_endpoint(traffic={"blue": 100})
    started = world.put_deployment(model=model, instance_count=2)
    world.settle()

    assert world.operation(made).state is OperationState.SUCCEEDED
    operation = world.operation(started)
    assert operation.state is OperationState.SUCCEEDED
    record = world.there()
    assert record.status.provisioning_state is ProvisioningState.SUCCEEDED
    assert record.status.serving_revision == record.status.revision != ""
    assert all(each.status for each in record.status.conditions)
    names = [
        "EnvironmentBuilt",
        "ArtifactInPlace",
        "IdentityGranted",
        "ConnectionsResolvable",
        "InstancesStarted",
        "InstancesReady",
        "RouteSwitched",
        "OldInstancesDrained",
        "OldInstancesStopped",
    ]
    assert [each.type for each in record.status.conditions] == names
    assert operation.phase_times is not None
    assert sorted(operation.phase_times) == sorted(names)

    published = world.gateway.endpoint("chat")
    assert published is not None
    assert published.keys == ("chat-first-key", "chat-second-key")
    assert published.traffic == {"blue": 100}
    (blue,) = published.deployments
    assert {each.address for each in blue.instances} == {f"/run/{id}/score.sock" for id in world.engine.instances}
    assert blue.max_requests == (10 + 10) * 2


def test_an_instance_gets_what_the_deployment_gives_it(world: ReconcilerWorld, model: str) -> None:
    world.put_endpoint()
    settings = RequestSettings(request_timeout_s=7.0)
    world.put_deployment(
        model=model,
        environment_variables={"MODE": "test"},
        request_settings=settings,
        secrets={"API_KEY": "hunter2-hunter2"},
    )
    world.settle()
    spec: InstanceSpec = world.engine.instances[world.only_instance()].spec
    assert spec.environment == {"MODE": "test", "API_KEY": "hunter2-hunter2"}
    assert spec.request_settings == settings
    assert (spec.flow / "flow.dag.yaml").is_file()
    assert (spec.endpoint, spec.deployment) == ("chat", "blue")
    assert spec.id.isalnum()
    assert len(spec.id) == 12
    assert spec.log == world.home.logs / "endpoints/chat/blue" / f"{spec.id}.log"


def test_the_gateway_is_told_only_of_changes(world: ReconcilerWorld, model: str) -> None:
    world.bring_up(model)
    told = len(world.gateway.history)
    for _ in range(5):
        world.clock.advance(1.0)
        assert world.reconciler.tick() is False
    assert len(world.gateway.history) == told


def test_an_endpoint_whose_route_is_not_taken_waits_and_then_fails(world: ReconcilerWorld) -> None:
    world.gateway.down = True
    made = world.put_endpoint()
    world.reconciler.tick()
    assert world.operation(made).state is OperationState.IN_PROGRESS
    world.settle(looks=100)
    ended = world.operation(made)
    assert ended.state is OperationState.FAILED
    assert ended.error is not None
    assert ended.error["code"] == "GatewayUpdateFailed"


def test_new_keys_are_published_before_the_operation_succeeds(world: ReconcilerWorld, model: str) -> None:
    world.bring_up(model)
    with world.store.transaction() as tx:
        tx.put_secret(WORKSPACE.endpoint("chat"), "primaryKey", "another-key", by="test")
    world.gateway.down = True
    changed = world.put_endpoint(description="rotated")
    world.reconciler.tick()
    assert world.operation(changed).state is OperationState.IN_PROGRESS
    world.gateway.down = False
    world.settle()
    assert world.operation(changed).state is OperationState.SUCCEEDED
    published = world.gateway.endpoint("chat")
    assert published is not None
    assert published.keys == ("another-key", "chat-second-key")


def test_the_build_log_is_found_beside_the_instances_logs(world: ReconcilerWorld, model: str) -> None:
    log = world.home.environments / "build.log"
    world.environments = InMemoryEnvironments(slow=True, log=log)
    world.new_reconciler()
    world.put_endpoint()
    world.put_deployment(model=model)
    world.settle(looks=2)
    log.write_text("Resolving\n")
    world.settle(looks=2)
    shown = world.home.logs / "endpoints/chat/blue/storage-initializer.log"
    assert shown.read_text() == "Resolving\n"
    with log.open("a") as writing:
        writing.write("Resolved\n")
    assert shown.read_text() == "Resolving\nResolved\n"
    world.delete(WORKSPACE.endpoint("chat"))
    world.settle()
    assert not shown.exists()
    assert log.exists()


def test_how_environment_and_model_were_put_in_place_is_told(world: ReconcilerWorld, model: str) -> None:
    world.environments = InMemoryEnvironments(slow=True)
    world.new_reconciler()
    world.put_endpoint()
    world.put_deployment(model=model)
    world.settle(looks=4)
    told = world.home.logs / "endpoints/chat/blue/storage-initializer-preparation.log"
    assert told.read_text().count("\n") == 1
    assert "Environment: Waiting for its environment to be built." in told.read_text()
    world.environments.finish_all()
    world.settle()
    _, built, placed = told.read_text().splitlines()
    assert re.search(r" Environment: ready after \d+\.\d s\.$", built)
    assert re.search(r" Model flow:1: [1-9]\d* files, [1-9]\d* bytes, in place after \d+\.\d s; ", placed)
    world.put_deployment(model=model, description="another generation")
    world.settle()
    assert told.read_text().splitlines()[3].endswith(" Environment: there already.")
    assert len(told.read_text().splitlines()) == 5, "what is kept up is no news"


def test_the_states_on_the_way(world: ReconcilerWorld, model: str) -> None:
    world.engine.ready_at_once = False
    world.put_endpoint()
    world.put_deployment(model=model)
    world.reconciler.tick()
    assert world.there().status.provisioning_state is ProvisioningState.CREATING
    world.engine.make_ready()
    world.settle()
    world.put_deployment(environment_variables={"A": "1"})
    world.reconciler.tick()
    assert world.there().status.provisioning_state is ProvisioningState.UPDATING
    world.delete(WORKSPACE.deployment("chat", "blue"))
    world.reconciler.tick()
    assert world.there().status.provisioning_state is ProvisioningState.DELETING


def test_an_instance_of_no_deployment_is_stopped(world: ReconcilerWorld, model: str) -> None:
    world.bring_up(model)
    with world.store.transaction() as tx:
        tx.remove(WORKSPACE.deployment("chat", "blue"))
    world.reconciler.tick()
    assert not world.engine.instances


def test_deleting_an_endpoint_leaves_nothing(world: ReconcilerWorld, model: str) -> None:
    world.bring_up(model, count=2)
    log = next(iter(world.engine.instances.values())).spec.log
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("said something\n")
    world.engine.stops_at_once = False
    ended = world.delete(WORKSPACE.endpoint("chat"))
    world.settle(looks=3)
    assert world.gateway.endpoint("chat") is None
    assert world.operation(ended).state is OperationState.IN_PROGRESS
    world.engine.finish_stopping()
    world.settle()
    assert world.operation(ended).state is OperationState.SUCCEEDED
    assert world.endpoint() is None
    assert world.deployment() is None
    assert not world.engine.instances
    assert not (world.home.logs / "endpoints/chat").exists()


def test_deleting_one_deployment_leaves_the_other(world: ReconcilerWorld, model: str) -> None:
    world.bring_up(model)
    world.put_deployment("green", model=model)
    world.settle()
    ended = world.delete(WORKSPACE.deployment("chat", "green"))
    world.settle()
    assert world.operation(ended).state is OperationState.SUCCEEDED
    assert world.deployment("green") is None
    assert world.gateway.deployment("chat", "green") is None
    assert len(world.engine.instances) == 1
    assert world.there().status.provisioning_state is ProvisioningState.SUCCEEDED


STATES = [
    "building",
    "starting",
    "failed",
    "rolling",
    "stopped",
    "lost",
    "files gone",
    "gateway down",
    "disk full",
    "full and failed",
]


@pytest.mark.parametrize("state", STATES)
def test_deletion_wins_in_every_state(
    world: ReconcilerWorld, model: str, tmp_path: Path, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.environments.slow = state == "building"
    world.engine.ready_at_once = state not in ("building", "starting", "failed")
    world.put_endpoint(traffic={"blue": 100})
    started = world.put_deployment(model=model)
    world.settle(looks=8)
    if state == "failed":
        world.engine.fail(world.only_instance(), 1)
        world.look_until(lambda: world.operation(started).state.terminal)
    if state == "rolling":
        world.engine.ready_at_once = False
        second = world.put_flow("2", code="x = 2\n")
        started = world.put_deployment(model=second)
        world.look_until(lambda: len(world.engine.instances) == 2)
    if state == "stopped":
        started = world.put_deployment(stopped=True)
        world.settle()
        assert not world.engine.instances
    if state == "lost":
        world.engine.lose(world.only_instance())
    if "full" in state:
        monkeypatch.setattr(world.engine, "start", _no_space)
        started = world.put_deployment(instance_count=2)
        world.settle(looks=1300 if state == "full and failed" else 10)
        assert world.operation(started).state.terminal is (state == "full and failed")
    if state == "files gone":
        for folder in world.home.models.iterdir():
            folder.rename(tmp_path / "elsewhere")
    world.gateway.down = state == "gateway down"
    ended = world.delete(WORKSPACE.endpoint("chat"))
    world.settle()
    assert world.operation(ended).state is OperationState.SUCCEEDED
    assert world.operation(started).state.terminal
    assert not world.engine.instances
    assert world.endpoint() is None


def test_a_look_at_what_has_not_changed_reads_nothing(
    world: ReconcilerWorld, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.bring_up(model)
    world.settle(looks=3, step_s=2.0)
    world.reconciler.tick()
    with monkeypatch.context() as patched:
        patched.setattr(world.store, "reading", None)
        for _ in range(4):
            world.clock.advance(1.0)
            world.reconciler.tick()
    world.clock.advance(LOOK_AGAIN_S)
    with monkeypatch.context() as patched, pytest.raises(TypeError):
        patched.setattr(world.store, "reading", None)
        world.reconciler.tick()


def test_no_change_escapes_a_loop_at_rest(world: ReconcilerWorld, model: str) -> None:
    world.bring_up(model)
    for _ in range(3):
        world.reconciler.tick()
    world.engine.lose(world.only_instance())
    world.reconciler.tick()
    assert len(world.engine.instances) == 2
    world.settle()
    for _ in range(3):
        world.reconciler.tick()
    other = sqlite3.connect(world.home.database)
    other.execute("UPDATE resources SET deleting = 1 WHERE kind = 'deployment'")
    other.commit()
    other.close()
    assert world.reconciler.tick() is True, "also a change by another process"


def _no_space(_spec: InstanceSpec) -> None:
    raise OSError(28, "No space left on device")
