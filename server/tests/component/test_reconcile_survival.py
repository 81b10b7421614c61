"""The reconciler on a real store with fakes: dropped hints, dying servers, lost instances, trouble of the host."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from flowstead.engines.protocol import (
    EXIT_FLOW_CANNOT_START,
    InstanceSpec,
)
from flowstead.gateway.description import GatewayEndpoint, Upstream
from flowstead.reconcile import loop
from flowstead.reconcile.record import record_decision
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.home import Home
from flowstead.resources.operation import OperationState
from flowstead.testing.reconciler_world import WORKSPACE, ReconcilerWorld


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


def test_what_a_server_was_away_for_is_no_delay_of_what_it_waits_for(world: ReconcilerWorld, model: str) -> None:
    """It was stopped, say: the instance may have become ready meanwhile, and it asks only now."""
    world.engine.ready_at_once = False
    world.put_endpoint()
    started = world.put_deployment(model=model)
    world.look_until(lambda: bool(world.engine.instances))
    world.settle(looks=5)
    world.clock.advance(1000.0)
    world.reconciler.tick()
    assert world.operation(started).state is OperationState.IN_PROGRESS
    world.engine.make_ready()
    world.settle()
    assert world.operation(started).state is OperationState.SUCCEEDED


def test_a_lost_instance_is_replaced_and_a_restarting_one_is_not(world: ReconcilerWorld, model: str) -> None:
    world.bring_up(model, count=2)
    crashed, lost = world.engine.instances
    told = len(world.gateway.history)
    world.engine.restart(crashed)
    world.reconciler.tick()
    assert len(world.gateway.history) == told
    assert list(world.engine.instances) == [crashed, lost]
    record = world.there()
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
    assert all(each.status for each in world.there().status.conditions)


def test_a_lost_gateway_is_brought_back_though_nothing_has_changed(world: ReconcilerWorld, model: str) -> None:
    world.bring_up(model)
    told = len(world.gateway.history)
    world.gateway.lost = True
    world.reconciler.tick()
    assert not world.gateway.lost
    assert len(world.gateway.history) == told


def test_a_failed_instance_of_a_running_deployment_is_told_of_and_left_to_its_supervisor(
    world: ReconcilerWorld, model: str
) -> None:
    world.bring_up(model)
    failed = world.only_instance()
    world.engine.fail(failed, EXIT_FLOW_CANNOT_START)
    for _ in range(5):
        world.reconciler.tick()
        world.clock.advance(100.0)
    assert list(world.engine.instances) == [failed]
    status = world.there().status
    assert status.provisioning_state is ProvisioningState.SUCCEEDED
    (waiting,) = (each for each in status.conditions if not each.status)
    assert waiting.type == "InstancesReady"
    assert waiting.message.startswith("Waiting for 0 of 1 instances to be ready.")
    assert f"The instance {failed} has ended once, the last time with exit code {EXIT_FLOW_CANNOT_START};" in (
        waiting.message
    )


def test_one_bad_resource_does_not_stop_the_others(
    world: ReconcilerWorld, model: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.put_endpoint()
    broken = world.put_deployment("broken", model=model)
    good = world.put_deployment("good", model=model)
    start = world.engine.start

    def refuse(spec: InstanceSpec) -> None:
        if spec.deployment == "broken":
            raise OSError(5, "Input/output error")
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
    assert world.there().status.error is None


def test_the_next_server_takes_over_what_runs(world: ReconcilerWorld, model: str) -> None:
    world.bring_up(model, count=2)
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
        first = world.put_flow()
        second = world.put_flow("2", code="x = 2\n")
        operation = world.put_endpoint(traffic={"blue": 100})
        if journey == "create":
            operation = world.put_deployment(model=first, instance_count=2)
        else:
            world.bring_up(first, count=2)
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
    assert world.there().status.provisioning_state is ProvisioningState.SUCCEEDED
    assert waits[0] == 1.0
    assert 0.05 in waits


def test_the_loop_looks_often_while_an_instance_comes_back(world: ReconcilerWorld, model: str) -> None:
    """It is ready for the server soon after it is for its callers."""
    world.bring_up(model)
    [one] = world.engine.instances
    stop, waits = threading.Event(), list[float]()

    def wait(timeout_s: float) -> bool:
        waits.append(timeout_s)
        world.clock.advance(timeout_s)
        if len(waits) == 3:
            world.engine.restart(one)
        if len(waits) == 6:
            world.engine.make_ready()
        if len(waits) == 9:
            stop.set()
        return False

    world.hint.wait = wait  # type: ignore[method-assign]
    world.reconciler.run(stop)
    assert waits == [1.0] * 3 + [loop.SOON_S] * 3 + [1.0] * 3


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
