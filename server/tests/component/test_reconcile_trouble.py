"""The reconciler on a real store with fakes, on a machine that is in its way for a while: a full disk, a locked
database, a clock that is set. Nothing is lost, nothing fails for good, and nobody has to help."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from flowstead.engines.protocol import InstanceEnd, InstanceSpec
from flowstead.environments.protocol import BuildFailed
from flowstead.errors import DiskFull, GatewayUpdateFailed, HostExhausted
from flowstead.gateway.description import GatewayEndpoint
from flowstead.reconcile import ends, loop
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.home import Home
from flowstead.resources.host_trouble import trouble_of
from flowstead.resources.operation import Operation, OperationState
from flowstead.store.database import PATIENCE_S
from flowstead.testing.memory_environments import InMemoryEnvironments
from flowstead.testing.reconciler_world import WORKSPACE, ReconcilerWorld

FULL = OSError(28, "No space left on device", "/home/run/instance.json")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ReconcilerWorld]:
    world = ReconcilerWorld(Home(tmp_path / "home"))
    yield world
    world.close()


@pytest.fixture
def model(world: ReconcilerWorld) -> str:
    return world.put_flow()


class Refusing:
    """The engine cannot start instances while `failure` is set."""

    def __init__(self, world: ReconcilerWorld, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failure: Exception | None = None
        self._start = world.engine.start
        monkeypatch.setattr(world.engine, "start", self.start)

    def start(self, spec: InstanceSpec) -> None:
        if self.failure is not None:
            raise self.failure
        self._start(spec)


def state(world: ReconcilerWorld, operation: Operation) -> OperationState:
    return world.operation(operation).state


def test_an_operation_waits_for_space_and_goes_on(
    world: ReconcilerWorld, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = Refusing(world, monkeypatch)
    world.put_endpoint()
    started = world.put_deployment(model=model)
    refusing.failure = FULL
    world.settle(looks=100, step_s=1.0)
    assert state(world, started) is OperationState.IN_PROGRESS
    refusing.failure = None
    world.settle(step_s=1.0)
    assert state(world, started) is OperationState.SUCCEEDED
    assert world.there().status.error is None


@pytest.mark.parametrize(("failure", "code"), [(FULL, "DiskFull"), (OSError(11, "again"), "HostExhausted")])
def test_what_has_failed_by_it_is_done_when_it_is_over(
    world: ReconcilerWorld, model: str, monkeypatch: pytest.MonkeyPatch, failure: OSError, code: str
) -> None:
    refusing = Refusing(world, monkeypatch)
    world.bring_up(model)
    serving = world.only_instance()
    refusing.failure = failure
    changed = world.put_deployment(model=world.put_flow("2", code="x = 2\n"))
    world.look_until(lambda: world.operation(changed).state.terminal, looks=700, step_s=1.0)
    ended = world.operation(changed)
    assert ended.error is not None
    assert ended.error["code"] == code
    assert world.only_instance() == serving
    world.settle(looks=5)
    refusing.failure = None
    world.look_until(lambda: world.there().status.provisioning_state is ProvisioningState.SUCCEEDED, step_s=1.0)
    world.look_until(lambda: serving not in world.engine.instances)
    assert world.there().status.error is None
    assert state(world, changed) is OperationState.FAILED, "what was told stays told"


def test_the_disk_is_told_in_the_status_and_named_in_the_log(
    world: ReconcilerWorld, model: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refusing = Refusing(world, monkeypatch)
    world.put_endpoint()
    world.bring_up(model)
    refusing.failure = OSError(28, "No space left on device", str(world.home.root / "instance.json"))
    world.put_deployment(instance_count=2)
    world.settle(looks=5, step_s=1.0)
    error = world.there().status.error
    assert error is not None
    assert "The server's disk is full" in error["message"]
    assert str(world.home.root) not in error["message"]
    assert f"while {world.home.root / 'instance.json'} was written" in caplog.text
    assert "MB are free" in error["message"]
    assert "flowstead gc" in error["message"]


def test_a_build_that_found_the_disk_full_is_no_fault_of_the_requirements(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = ReconcilerWorld(Home(tmp_path / "home"))
    requirements = "big==1\n"
    words = f"error: failed to write {tmp_path}: No space left on device (os error 28)"
    full = BuildFailed("uv could not build it.", words)
    world.environments = InMemoryEnvironments(failures={requirements: full})
    world.new_reconciler()
    world.put_endpoint()
    started = world.put_deployment(model=world.put_flow(requirements=requirements))
    world.settle(looks=30, step_s=1.0)
    assert state(world, started) is OperationState.IN_PROGRESS
    error = world.there().status.error
    assert error is not None
    assert error["code"] == "DiskFull"
    assert str(tmp_path) not in error["message"]
    assert words in caplog.text
    world.environments.finish_all()
    world.settle()
    assert state(world, started) is OperationState.SUCCEEDED
    world.close()


def test_an_instance_that_could_not_run_on_a_full_disk_gets_another_chance(
    world: ReconcilerWorld, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.engine.ready_at_once = False
    world.put_endpoint()
    started = world.put_deployment(model=model)
    world.look_until(lambda: bool(world.engine.instances))
    failed = world.only_instance()
    monkeypatch.setattr(loop, "full_disks", lambda _home: ["/"])
    world.engine.fail(failed, 1, ["it said nothing"])
    world.settle(looks=5)
    assert state(world, started) is OperationState.IN_PROGRESS
    monkeypatch.setattr(loop, "full_disks", lambda _home: [])
    world.engine.make_ready(failed)  # its supervisor has started it again
    world.settle(looks=100)
    assert state(world, started) is OperationState.SUCCEEDED
    assert list(world.engine.instances) == [failed]


def test_routes_that_could_not_be_written_fail_nothing(
    world: ReconcilerWorld, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.bring_up(model)
    publish = world.gateway.publish

    def refuse(_endpoints: object) -> None:
        raise GatewayUpdateFailed("It cannot be written.") from FULL

    monkeypatch.setattr(world.gateway, "publish", refuse)
    monkeypatch.setattr(loop, "full_disks", lambda _home: ["/"])
    moved = world.put_endpoint(traffic={})
    changed = world.put_deployment(model=world.put_flow("2", code="x = 2\n"))
    world.settle(looks=100, step_s=1.0)
    assert {state(world, moved), state(world, changed)} == {OperationState.IN_PROGRESS}
    monkeypatch.setattr(loop, "full_disks", lambda _home: [])
    monkeypatch.setattr(world.gateway, "publish", publish)
    world.settle(step_s=1.0)
    assert {state(world, moved), state(world, changed)} == {OperationState.SUCCEEDED}


def test_a_locked_database_holds_up_what_is_written_and_nothing_else(
    world: ReconcilerWorld, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "WRITE_PATIENCE_S", 0.01)
    monkeypatch.setattr(ends, "WRITE_PATIENCE_S", 0.01)
    world.bring_up(model, count=2)
    more = world.put_deployment(instance_count=3)
    other = sqlite3.connect(world.home.database, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    gone, crashed = (each.id for each in world.engine.observe()[:2])
    world.engine.lose(gone)
    world.engine.end(crashed, InstanceEnd(0.0, 3, "", "The process ended with exit code 3."))
    began = time.monotonic()
    for _ in range(60):
        world.reconciler.tick()
        world.clock.advance(1.0)
    assert time.monotonic() - began < PATIENCE_S, "nothing is waited for as long as others wait"
    ready = [each for each in world.engine.observe() if each.state.value == "Ready"]
    assert len(ready) >= 2, "what was lost is replaced meanwhile"
    other.execute("ROLLBACK")
    other.close()
    world.settle(step_s=1.0)
    assert state(world, more) is OperationState.SUCCEEDED


@pytest.mark.parametrize("hours", [1, -1])
@pytest.mark.parametrize("when", ["built", "started", "ready"])
def test_a_clock_that_is_set_fails_nothing_and_holds_nothing_up(
    world: ReconcilerWorld, model: str, monkeypatch: pytest.MonkeyPatch, hours: int, when: str
) -> None:
    now = world.clock.now
    world.environments.slow = when == "built"
    world.engine.ready_at_once = when != "started"
    world.put_endpoint(traffic={"blue": 100})
    started = world.put_deployment(model=model)
    _looks(world, 3)
    monkeypatch.setattr(world.clock, "now", _jumped(now, hours))
    _looks(world, 3)
    assert state(world, started) is not OperationState.FAILED
    world.environments.slow = False
    world.environments.finish_all()
    world.engine.make_ready()
    world.engine.ready_at_once = True
    before = world.clock.monotonic()
    world.settle()
    assert state(world, started) is OperationState.SUCCEEDED
    assert world.clock.monotonic() - before < 5.0
    gone = world.delete(WORKSPACE.endpoint("chat"))
    world.settle()
    assert state(world, gone) is OperationState.SUCCEEDED


@pytest.mark.parametrize("hours", [1, -1])
def test_a_start_has_its_time_whatever_the_clock_says(
    world: ReconcilerWorld, model: str, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    world.engine.ready_at_once = False
    world.put_endpoint()
    started = world.put_deployment(model=model)
    world.look_until(lambda: bool(world.engine.instances))
    world.settle(looks=20, step_s=5.0)
    monkeypatch.setattr(world.clock, "now", _jumped(world.clock.now, hours))
    world.settle(looks=40, step_s=5.0)
    assert state(world, started) is OperationState.IN_PROGRESS, "it is not late yet"
    world.settle(looks=10, step_s=5.0)
    ended = world.operation(started)
    assert ended.error is not None
    assert ended.error["code"] == "ResourceNotReady"


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (OSError(122, "Disk quota exceeded"), "DiskFull"),
        (sqlite3.OperationalError("x"), None),
        (ValueError("no"), None),
        (DiskFull(), "DiskFull"),
        (HostExhausted(), "HostExhausted"),
    ],
)
def test_what_counts_as_trouble_of_the_machine(tmp_path: Path, failure: Exception, code: str | None) -> None:
    home = Home(tmp_path)
    found = trouble_of(failure, home)
    assert (found and found.code) == code
    try:
        raise RuntimeError("elsewhere") from failure
    except RuntimeError as outer:
        again = trouble_of(outer, home)
    assert (again and again.code) == code


def _jumped(now: Callable[[], datetime], hours: int) -> Callable[[], datetime]:
    return lambda: now() + timedelta(hours=hours)


def _looks(world: ReconcilerWorld, count: int) -> None:
    for _ in range(count):
        world.reconciler.tick()
        world.clock.advance(0.5)


def test_routes_that_were_taken_in_part_and_are_not_wanted_any_more_are_taken_back(
    world: ReconcilerWorld, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.bring_up(model)
    as_it_was, publish = world.gateway.published, world.gateway.publish

    def in_part(endpoints: Sequence[GatewayEndpoint]) -> None:
        publish(endpoints)
        raise FULL

    with monkeypatch.context() as full:
        full.setattr(world.gateway, "publish", in_part)
        world.put_endpoint(traffic={"blue": 0})
        world.settle(looks=5)
        assert world.gateway.published != as_it_was
        world.put_endpoint(traffic={"blue": 100})
        world.settle(looks=5)
    world.settle(step_s=1.0)
    assert world.gateway.published == as_it_was
