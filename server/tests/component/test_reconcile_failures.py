"""The reconciler on a real store with fakes: what a deployment's owner is told when it does not come up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from flowstead.engines.protocol import (
    EXIT_FLOW_CANNOT_START,
    EXIT_PACKAGE_MISSING,
    OUT_OF_MEMORY,
    InstanceEnd,
)
from flowstead.environments.protocol import BuildFailed
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.home import Home
from flowstead.resources.operation import OperationState
from flowstead.store.records import DeploymentRecord
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


def message_of(record: DeploymentRecord) -> str:
    assert record.status.error is not None
    return record.status.error["message"]


@pytest.mark.parametrize(
    ("exit_code", "code"),
    [
        (EXIT_PACKAGE_MISSING, "UserScriptImportError"),
        (EXIT_FLOW_CANNOT_START, "UserScriptInitFailed"),
        (1, "DeploymentCrashLoopBackOff"),
        (-9, "DeploymentCrashLoopBackOff"),
    ],
)
def test_how_an_instance_ended_is_told_with_its_last_words(
    world: ReconcilerWorld, model: str, exit_code: int, code: str
) -> None:
    world.engine.ready_at_once = False
    world.put_endpoint()
    started = world.put_deployment(model=model, secrets={"API_KEY": "hunter2-hunter2"})
    world.look_until(lambda: bool(world.engine.instances))
    world.engine.fail(world.only_instance(), exit_code, ["one", "No module named 'x'; key hunter2-hunter2"])
    world.look_until(lambda: world.operation(started).state.terminal)

    ended = world.operation(started)
    assert ended.error is not None
    assert ended.error["code"] == code
    message = ended.error["message"]
    assert "chat/blue" in message
    assert "InstancesReady" in message
    assert "No module named 'x'; key ***" in message
    assert "hunter2" not in message
    assert message == message_of(world.there())
    world.look_until(lambda: not world.engine.instances)
    assert world.there().status.provisioning_state is ProvisioningState.FAILED


def test_an_instance_that_is_never_ready_fails_the_deployment_in_time(world: ReconcilerWorld, model: str) -> None:
    world.engine.ready_at_once = False
    world.put_endpoint()
    started = world.put_deployment(model=model)
    world.settle(looks=60, step_s=5.0)  # 10 s + 30 × 10 s are allowed
    assert world.operation(started).state is OperationState.IN_PROGRESS
    world.settle(looks=10, step_s=5.0)
    ended = world.operation(started)
    assert ended.error is not None
    assert ended.error["code"] == "ResourceNotReady"


def test_a_long_build_does_not_count_as_a_late_start(world: ReconcilerWorld, model: str) -> None:
    world.environments.slow = True
    world.engine.ready_at_once = False
    world.put_endpoint()
    started = world.put_deployment(model=model)
    world.settle(looks=3, step_s=1000.0)
    world.environments.finish()
    world.look_until(lambda: bool(world.engine.instances))
    world.reconciler.tick()
    assert world.operation(started).state is OperationState.IN_PROGRESS
    assert world.operation(started).phase == "InstancesReady"
    world.engine.make_ready()
    world.settle()
    times = world.operation(started).phase_times
    assert times is not None
    assert times["EnvironmentBuilt"] >= 3000.0
    assert times["InstancesReady"] < 100.0


def test_a_failed_build_is_told_in_the_resolver_s_words_and_tried_again_when_asked(
    tmp_path: Path, world: ReconcilerWorld
) -> None:
    requirements = "no-such-package==99\n"
    failure = BuildFailed("It could not be built.", "Because there is no version of no-such-package==99 …")
    world.environments = InMemoryEnvironments(failures={requirements: failure})
    world.new_reconciler()
    model = world.put_flow(requirements=requirements)
    world.put_endpoint()
    started = world.put_deployment(model=model)
    world.settle()
    ended = world.operation(started)
    assert ended.error is not None
    assert ended.error["code"] == "ImageBuildFailure"
    assert failure.output in ended.error["message"]
    assert not world.engine.started

    world.environments.failures.clear()
    again = world.put_deployment()
    world.settle()
    assert world.environments.retried == [requirements]
    assert world.operation(again).state is OperationState.SUCCEEDED


def test_the_same_put_after_a_failure_starts_anew(world: ReconcilerWorld, model: str) -> None:
    world.engine.ready_at_once = False
    world.engine.stops_at_once = False
    world.put_endpoint()
    started = world.put_deployment(model=model)
    world.look_until(lambda: bool(world.engine.instances))
    first = world.only_instance()
    world.engine.fail(first, 1)
    world.look_until(lambda: world.operation(started).state.terminal)
    again = world.put_deployment()
    world.engine.ready_at_once = True
    world.look_until(lambda: len(world.engine.started) == 2)
    world.engine.finish_stopping()
    world.settle()
    assert world.operation(again).state is OperationState.SUCCEEDED
    assert first not in world.engine.instances


@pytest.mark.parametrize("missing", ["model", "files", "flow"])
def test_what_is_wrong_with_the_files_is_told(world: ReconcilerWorld, model: str, tmp_path: Path, missing: str) -> None:
    if missing == "model":
        model = WORKSPACE.model("never-registered", "1")
    if missing == "files":
        for folder in world.home.models.iterdir():
            folder.rename(tmp_path / "elsewhere")
    if missing == "flow":
        (tmp_path / "empty").mkdir()
        (tmp_path / "empty" / "readme.md").write_text("no flow")
        model = world.put_model("flow", "2", tmp_path / "empty")
    world.put_endpoint()
    started = world.put_deployment(model=model)
    world.settle()
    ended = world.operation(started)
    assert ended.error is not None
    assert ended.error["code"] == ("FlowInvalid" if missing == "flow" else "ArtifactMissing")
    assert ended.phase == "ArtifactInPlace"


def test_an_end_is_told_once_as_it_happens(world: ReconcilerWorld, model: str) -> None:
    world.put_endpoint()
    started = world.put_deployment(model=model)
    world.look_until(lambda: world.operation(started).state.terminal)
    with world.store.reading() as tx:
        _, before = tx.history.event_range()

    def told() -> list[Mapping[str, Any]]:
        with world.store.reading() as tx:
            return [each.data for each in tx.history.events(before, limit=100) if "instance" in each.data]

    id = world.only_instance()
    world.engine.end(id, InstanceEnd(5.0, -9, OUT_OF_MEMORY, "It used too much."))
    for _ in range(3):
        world.reconciler.tick()
    first = {"change": "instanceEnded", "instance": id, "reason": OUT_OF_MEMORY, "message": "It used too much."}
    assert told() == [first]
    world.engine.end(id, InstanceEnd(6.0, 3, "", "It ended."))
    world.reconciler.tick()
    assert [each["reason"] for each in told()] == [OUT_OF_MEMORY, "Error"]
    world.new_reconciler().tick()
    assert len(told()) == 2
