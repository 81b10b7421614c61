"""The reconciler on a real store with an engine, environments and a gateway in memory."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from flowstead.engines.protocol import (
    EXIT_FLOW_CANNOT_START,
    EXIT_PACKAGE_MISSING,
    InstanceSpec,
)
from flowstead.environments.protocol import BuildFailed
from flowstead.gateway.description import GatewayEndpoint, Upstream
from flowstead.reconcile import loop
from flowstead.reconcile.record import record_decision
from flowstead.resources.deployment import RequestSettings
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.home import Home
from flowstead.resources.operation import OperationState
from flowstead.store.records import DeploymentRecord
from flowstead.testing.memory_environments import InMemoryEnvironments
from flowstead.testing.reconciler_world import WORKSPACE, ReconcilerWorld

FLOW = """\
inputs:
  question: {type: string}
outputs:
  answer: {type: string, reference: "${echo.output}"}
nodes:
- name: echo
  type: python
  source: {type: code, path: echo.py}
  inputs: {question: "${inputs.question}"}
"""


def write_flow(folder: Path, requirements: str = "", code: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "flow.dag.yaml").write_text(FLOW)
    (folder / "echo.py").write_text(code or "from promptflow.core import tool\n")
    if requirements:
        (folder / "requirements.txt").write_text(requirements)
    return folder


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ReconcilerWorld]:
    world = ReconcilerWorld(Home(tmp_path / "home"))
    yield world
    world.close()


@pytest.fixture
def model(world: ReconcilerWorld, tmp_path: Path) -> str:
    return world.put_model("flow", "1", write_flow(tmp_path / "flow"))


def deployed(world: ReconcilerWorld, model: str, count: int = 1) -> DeploymentRecord:
    world.put_endpoint(traffic={"blue": 100})
    world.put_deployment(model=model, instance_count=count)
    world.settle()
    return there(world)


def there(world: ReconcilerWorld) -> DeploymentRecord:
    record = world.deployment()
    assert record is not None
    return record


def only_instance(world: ReconcilerWorld) -> str:
    (id,) = world.engine.instances
    return str(id)


def message_of(record: DeploymentRecord) -> str:
    assert record.status.error is not None
    return record.status.error["message"]


def test_a_deployment_comes_up_behind_its_endpoint(world: ReconcilerWorld, model: str) -> None:
    made = world.put_endpoint(traffic={"blue": 100})
    started = world.put_deployment(model=model, instance_count=2)
    world.settle()

    assert world.operation(made).state is OperationState.SUCCEEDED
    operation = world.operation(started)
    assert operation.state is OperationState.SUCCEEDED
    record = there(world)
    assert record.status.provisioning_state is ProvisioningState.SUCCEEDED
    assert record.status.serving_revision == record.status.revision != ""
    assert all(each.status for each in record.status.conditions)
    names = [
        "EnvironmentBuilt",
        "ArtifactInPlace",
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
    spec: InstanceSpec = world.engine.instances[only_instance(world)].spec
    assert spec.environment == {"MODE": "test", "API_KEY": "hunter2-hunter2"}
    assert spec.request_settings == settings
    assert (spec.flow / "flow.dag.yaml").is_file()
    assert (spec.endpoint, spec.deployment) == ("chat", "blue")
    assert spec.id.isalnum()
    assert len(spec.id) == 12
    assert spec.log == world.home.logs / "endpoints/chat/blue" / f"{spec.id}.log"


def test_the_gateway_is_told_only_of_changes(world: ReconcilerWorld, model: str) -> None:
    deployed(world, model)
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
    deployed(world, model)
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


def test_a_changed_deployment_never_leaves_its_route_empty(world: ReconcilerWorld, model: str, tmp_path: Path) -> None:
    before = deployed(world, model)
    old = only_instance(world)
    world.engine.ready_at_once = False
    second = world.put_model("flow", "2", write_flow(tmp_path / "flow2", code="x = 2\n"))
    changed = world.put_deployment(model=second)
    world.reconciler.tick()
    world.reconciler.tick()
    assert there(world).status.serving_revision == before.status.revision
    assert old in world.engine.instances
    world.engine.make_ready()
    world.settle()

    assert world.operation(changed).state is OperationState.SUCCEEDED
    new = only_instance(world)
    assert new != old
    assert there(world).status.serving_revision != before.status.revision
    routed = [{each.address for each in blue_of(step)} for step in world.gateway.history]
    first = next(index for index, addresses in enumerate(routed) if addresses)
    assert all(routed[first:])
    assert routed[-1] == {f"/run/{new}/score.sock"}


def blue_of(endpoints: Sequence[GatewayEndpoint]) -> list[Upstream]:
    return [
        instance for endpoint in endpoints for deployment in endpoint.deployments for instance in deployment.instances
    ]


def test_an_old_instance_runs_on_for_a_moment_after_it_lost_its_route(
    world: ReconcilerWorld, model: str, tmp_path: Path
) -> None:
    deployed(world, model)
    old = only_instance(world)
    second = world.put_model("flow", "2", write_flow(tmp_path / "flow2", code="x = 2\n"))
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
    deployed(world, model)
    old = only_instance(world)
    second = world.put_model("flow", "2", write_flow(tmp_path / "flow2", code="x = 2\n"))
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
    assert [each.address for each in blue_of(world.gateway.published)] == [f"/run/{only_instance(world)}/score.sock"]


def test_a_revision_that_never_gets_ready_leaves_the_old_one_serving(
    world: ReconcilerWorld, model: str, tmp_path: Path
) -> None:
    before = deployed(world, model)
    old = only_instance(world)
    world.engine.ready_at_once = False
    second = world.put_model("flow", "2", write_flow(tmp_path / "flow2", code="x = 2\n"))
    changed = world.put_deployment(model=second)
    world.look_until(lambda: len(world.engine.instances) == 2)
    new = next(id for id in world.engine.instances if id != old)
    world.engine.fail(new, EXIT_FLOW_CANNOT_START, ["Traceback", "ValueError: no good"])
    world.look_until(lambda: world.operation(changed).state.terminal)

    record = there(world)
    assert record.status.provisioning_state is ProvisioningState.FAILED
    assert record.status.serving_revision == before.status.revision
    assert "goes on serving" in message_of(record)
    world.look_until(lambda: list(world.engine.instances) == [old])
    assert [each.address for each in blue_of(world.gateway.published)] == [f"/run/{old}/score.sock"]


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
    world.engine.fail(only_instance(world), exit_code, ["one", "No module named 'x'; key hunter2-hunter2"])
    world.look_until(lambda: world.operation(started).state.terminal)

    ended = world.operation(started)
    assert ended.error is not None
    assert ended.error["code"] == code
    message = ended.error["message"]
    assert "chat/blue" in message
    assert "InstancesReady" in message
    assert "No module named 'x'; key ***" in message
    assert "hunter2" not in message
    assert message == message_of(there(world))
    world.look_until(lambda: not world.engine.instances)
    assert there(world).status.provisioning_state is ProvisioningState.FAILED


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
    model = world.put_model("flow", "1", write_flow(tmp_path / "flow", requirements))
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
    first = only_instance(world)
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


def test_more_and_fewer_instances_without_touching_those_that_stay(world: ReconcilerWorld, model: str) -> None:
    deployed(world, model)
    first = only_instance(world)
    world.put_deployment(instance_count=3)
    world.settle()
    assert first in world.engine.instances
    assert len(world.engine.instances) == 3
    revision = there(world).status.revision
    world.put_deployment(instance_count=1)
    world.settle()
    assert len(world.engine.instances) == 1
    assert there(world).status.revision == revision
    blue = world.gateway.deployment("chat", "blue")
    assert blue is not None
    assert [each.address for each in blue.instances] == [f"/run/{only_instance(world)}/score.sock"]


def test_a_change_that_instances_do_not_see_restarts_none(world: ReconcilerWorld, model: str) -> None:
    deployed(world, model)
    before = only_instance(world)
    changed = world.put_deployment(tags={"team": "search"}, description="better")
    world.settle()
    assert world.operation(changed).state is OperationState.SUCCEEDED
    assert only_instance(world) == before


def test_a_new_secret_value_renews_the_instances(world: ReconcilerWorld, model: str) -> None:
    world.put_endpoint()
    world.put_deployment(model=model, secrets={"API_KEY": "first-value"})
    world.settle()
    before = only_instance(world)
    world.put_deployment(secrets={"API_KEY": "second-value"})
    world.settle()
    assert only_instance(world) != before
    assert world.engine.instances[only_instance(world)].spec.environment["API_KEY"] == "second-value"


def test_a_newer_change_takes_the_place_of_one_under_way(world: ReconcilerWorld, model: str, tmp_path: Path) -> None:
    world.engine.ready_at_once = False
    world.put_endpoint()
    first = world.put_deployment(model=model)
    world.look_until(lambda: bool(world.engine.instances))
    dropped = only_instance(world)
    second_model = world.put_model("flow", "2", write_flow(tmp_path / "flow2", code="x = 2\n"))
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
    deployed(world, model)
    observe = world.engine.observe

    def change_meanwhile() -> object:
        monkeypatch.setattr(world.engine, "observe", observe)
        world.put_deployment(instance_count=2)
        return observe()

    world.put_deployment(tags={"n": "1"})
    monkeypatch.setattr(world.engine, "observe", change_meanwhile)
    world.reconciler.tick()
    record = there(world)
    assert record.observed_generation < record.generation
    world.settle()
    assert len(world.engine.instances) == 2


def test_a_lost_instance_is_replaced_and_a_restarting_one_is_not(world: ReconcilerWorld, model: str) -> None:
    deployed(world, model, count=2)
    crashed, lost = world.engine.instances
    told = len(world.gateway.history)
    world.engine.restart(crashed)
    world.reconciler.tick()
    assert len(world.gateway.history) == told
    assert list(world.engine.instances) == [crashed, lost]
    record = there(world)
    assert record.status.provisioning_state is ProvisioningState.SUCCEEDED
    assert [each.type for each in record.status.conditions if not each.status] == ["InstancesReady"]

    world.engine.make_ready()
    world.engine.lose(lost)
    world.look_until(lambda: lost not in world.engine.instances and len(world.engine.instances) == 2)
    world.reconciler.tick()
    blue = world.gateway.deployment("chat", "blue")
    assert blue is not None
    assert {each.address for each in blue.instances} == {f"/run/{id}/score.sock" for id in world.engine.instances}
    world.reconciler.tick()
    assert all(each.status for each in there(world).status.conditions)


def test_a_failed_instance_of_a_running_deployment_is_replaced_after_a_while(
    world: ReconcilerWorld, model: str
) -> None:
    deployed(world, model)
    failed = only_instance(world)
    world.engine.fail(failed, EXIT_FLOW_CANNOT_START)
    world.reconciler.tick()
    world.reconciler.tick()
    assert failed in world.engine.instances
    assert there(world).status.provisioning_state is ProvisioningState.SUCCEEDED
    world.clock.advance(31.0)
    world.look_until(lambda: failed not in world.engine.instances)
    world.look_until(lambda: len(world.engine.instances) == 1)


def test_an_instance_of_no_deployment_is_stopped(world: ReconcilerWorld, model: str) -> None:
    deployed(world, model)
    with world.store.transaction() as tx:
        tx.remove(WORKSPACE.deployment("chat", "blue"))
    world.reconciler.tick()
    assert not world.engine.instances


def test_deleting_an_endpoint_leaves_nothing(world: ReconcilerWorld, model: str) -> None:
    deployed(world, model, count=2)
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
    deployed(world, model)
    world.put_deployment("green", model=model)
    world.settle()
    ended = world.delete(WORKSPACE.deployment("chat", "green"))
    world.settle()
    assert world.operation(ended).state is OperationState.SUCCEEDED
    assert world.deployment("green") is None
    assert world.gateway.deployment("chat", "green") is None
    assert len(world.engine.instances) == 1
    assert there(world).status.provisioning_state is ProvisioningState.SUCCEEDED


@pytest.mark.parametrize("state", ["building", "starting", "failed", "rolling", "files gone", "gateway down"])
def test_deletion_wins_in_every_state(world: ReconcilerWorld, model: str, tmp_path: Path, state: str) -> None:
    world.environments.slow = state == "building"
    world.engine.ready_at_once = state in ("rolling", "files gone", "gateway down")
    world.put_endpoint(traffic={"blue": 100})
    started = world.put_deployment(model=model)
    world.settle(looks=8)
    if state == "failed":
        world.engine.fail(only_instance(world), 1)
        world.look_until(lambda: world.operation(started).state.terminal)
    if state == "rolling":
        world.engine.ready_at_once = False
        second = world.put_model("flow", "2", write_flow(tmp_path / "flow2", code="x = 2\n"))
        started = world.put_deployment(model=second)
        world.look_until(lambda: len(world.engine.instances) == 2)
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


def test_one_bad_resource_does_not_stop_the_others(
    world: ReconcilerWorld, model: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.put_endpoint()
    broken = world.put_deployment("broken", model=model)
    good = world.put_deployment("good", model=model)
    start = world.engine.start

    def refuse(spec: InstanceSpec) -> None:
        if spec.deployment == "broken":
            raise OSError(28, "No space left on device")
        start(spec)

    monkeypatch.setattr(world.engine, "start", refuse)
    with caplog.at_level(logging.ERROR):
        world.look_until(lambda: world.operation(good).state.terminal)
    assert world.operation(good).state is OperationState.SUCCEEDED
    assert world.operation(broken).state is OperationState.IN_PROGRESS
    logged = [each for each in caplog.records if "deployments/broken" in each.getMessage()]
    assert len(logged) == 1
    world.look_until(lambda: world.operation(broken).state.terminal, looks=100)
    ended = world.operation(broken)
    assert ended.state is OperationState.FAILED
    assert ended.error is not None
    assert "OSError" in ended.error["message"]


def test_trouble_that_passes_leaves_no_trace(
    world: ReconcilerWorld, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put_endpoint()
    started = world.put_deployment(model=model)
    start, times = world.engine.start, iter((True, True))

    def refuse_twice(spec: InstanceSpec) -> None:
        if next(times, False):
            raise BlockingIOError(11, "Resource temporarily unavailable")
        start(spec)

    monkeypatch.setattr(world.engine, "start", refuse_twice)
    world.settle()
    assert world.operation(started).state is OperationState.SUCCEEDED
    assert there(world).status.error is None


def test_the_next_server_takes_over_what_runs(world: ReconcilerWorld, model: str) -> None:
    deployed(world, model, count=2)
    before = dict(world.engine.instances)
    world.new_reconciler()
    told = len(world.gateway.history)
    assert world.reconciler.tick() is False
    assert dict(world.engine.instances) == before
    assert world.gateway.history[told:] == [world.gateway.history[told - 1]]


class Died(BaseException):
    """The server was killed at this point."""


class Mortal:
    """Counts what is done to the world and dies after the chosen one."""

    def __init__(self, after: int) -> None:
        self.left = after

    def dying(self, act: Callable[..., object]) -> Callable[..., object]:
        def done(*arguments: object, **named: object) -> object:
            result = act(*arguments, **named)
            self.left -= 1
            if self.left == 0:
                raise Died
            return result

        return done


def live(world: ReconcilerWorld, mortal: Mortal, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Look until all is done. True when the server died on the way."""
    with monkeypatch.context() as patched:
        for owner, name in ((world.engine, "start"), (world.engine, "stop"), (world.gateway, "publish")):
            patched.setattr(owner, name, mortal.dying(getattr(owner, name)))
        patched.setattr(loop, "record_decision", mortal.dying(record_decision))
        try:
            world.settle()
        except Died:
            return True
    return False


@pytest.mark.parametrize("journey", ["create", "overwrite", "delete"])
def test_the_server_may_die_between_any_two_actions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, journey: str
) -> None:
    deaths = 0
    for after in range(1, 200):
        world = ReconcilerWorld(Home(tmp_path / f"{journey}-{after}"))
        first = world.put_model("flow", "1", write_flow(tmp_path / "flow"))
        second = world.put_model("flow", "2", write_flow(tmp_path / "flow2", code="x = 2\n"))
        operation = world.put_endpoint(traffic={"blue": 100})
        if journey == "create":
            operation = world.put_deployment(model=first, instance_count=2)
        else:
            deployed(world, first, count=2)
        if journey == "overwrite":
            operation = world.put_deployment(model=second)
        if journey == "delete":
            operation = world.delete(WORKSPACE.endpoint("chat"))
        died = live(world, Mortal(after), monkeypatch)
        world.new_reconciler()
        world.settle()
        assert world.operation(operation).state is OperationState.SUCCEEDED, after
        assert len(world.engine.instances) == (0 if journey == "delete" else 2), after
        assert len(blue_of(world.gateway.published)) == len(world.engine.instances), after
        world.close()
        deaths += died
        if not died:
            break
    assert deaths > 5


def test_without_a_hint_the_loop_finds_its_work(world: ReconcilerWorld, model: str) -> None:
    """No hint is ever given here: `run` looks by itself."""
    stop, waits = threading.Event(), []

    def wait(timeout_s: float) -> bool:
        waits.append(timeout_s)
        world.clock.advance(timeout_s)
        record = world.deployment()
        if record is None and len(waits) == 2:
            world.put_endpoint()
            world.put_deployment(model=model)
        if (record and record.status.provisioning_state.terminal) or len(waits) > 200:
            stop.set()
        return False

    world.hint.wait = wait  # type: ignore[method-assign]
    world.reconciler.run(stop)
    assert there(world).status.provisioning_state is ProvisioningState.SUCCEEDED
    assert waits[0] == 1.0
    assert 0.05 in waits


def test_a_look_that_fails_as_a_whole_does_not_end_the_loop(
    world: ReconcilerWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop, looks = threading.Event(), []

    def fail() -> object:
        looks.append(1)
        if len(looks) == 3:
            stop.set()
        raise OSError("The disk is gone.")

    monkeypatch.setattr(world.engine, "observe", fail)
    monkeypatch.setattr(world.hint, "wait", lambda timeout_s: False)
    world.reconciler.run(stop)
    assert len(looks) == 3


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


def test_the_states_on_the_way(world: ReconcilerWorld, model: str) -> None:
    world.engine.ready_at_once = False
    world.put_endpoint()
    world.put_deployment(model=model)
    world.reconciler.tick()
    assert there(world).status.provisioning_state is ProvisioningState.CREATING
    world.engine.make_ready()
    world.settle()
    world.put_deployment(environment_variables={"A": "1"})
    world.reconciler.tick()
    assert there(world).status.provisioning_state is ProvisioningState.UPDATING
    world.delete(WORKSPACE.deployment("chat", "blue"))
    world.reconciler.tick()
    assert there(world).status.provisioning_state is ProvisioningState.DELETING
