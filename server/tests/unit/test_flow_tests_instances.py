"""Which instances are started, kept and stopped for trying flows out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from flowstead.engines.protocol import EXIT_FLOW_CANNOT_START
from flowstead.environments.protocol import BuildFailed, EnvironmentRequest
from flowstead.errors import ImageBuildFailure, TooManyTests, UserScriptInitFailed
from flowstead.flow_tests.instances import IDLE_S, FlowTests, Held, Preparing, Wanted
from flowstead.resources.home import Home
from flowstead.testing.frozen_clock import FrozenClock
from flowstead.testing.memory_engine import InMemoryEngine
from flowstead.testing.memory_environments import InMemoryEnvironments

HELLO = Wanted("uid-1", "hello", Path("/snapshots/1"), EnvironmentRequest(), {})


class World:
    def __init__(
        self, tmp_path: Path, environments: InMemoryEnvironments | None = None, most: int = 2, most_each: int = 2
    ) -> None:
        self.engine = InMemoryEngine()
        self.environments = environments or InMemoryEnvironments()
        self.clock = FrozenClock()
        self.tests = FlowTests(
            engine=self.engine,
            environments=self.environments,
            home=Home(tmp_path),
            clock=self.clock,
            salt=b"salt",
            random=Random(1),
            most=most,
            most_each=most_each,
        )

    def held(self, wanted: Wanted) -> Held:
        self.tests.hold(wanted, first=True)
        held = self.tests.hold(wanted, first=False)
        assert isinstance(held, Held)
        return held

    def alive(self) -> set[str]:
        return set(self.engine.instances)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def other(number: int) -> Wanted:
    return replace(HELLO, flow=f"uid-{number}", name=f"flow-{number}")


def test_an_instance_is_used_again(world: World) -> None:
    first = world.held(HELLO)
    world.tests.release(first.id)
    assert world.tests.hold(HELLO, first=True) == first
    spec = world.engine.instances[first.id].spec
    assert (spec.flow, spec.endpoint, spec.environment) == (
        Path("/snapshots/1"),
        "hello",
        {"FLOWSTEAD_TEST_INSTANCE": "1"},
    )


@pytest.mark.parametrize(
    "changed", [replace(HELLO, folder=Path("/snapshots/2")), replace(HELLO, variables={"A": "other"})]
)
def test_another_state_replaces_an_idle_instance_at_once(world: World, changed: Wanted) -> None:
    old = world.held(HELLO)
    world.tests.release(old.id)
    new = world.held(changed)
    assert world.alive() == {new.id}


def test_one_that_is_in_use_ends_when_its_test_is_over(world: World) -> None:
    old = world.held(HELLO)
    new = world.held(replace(HELLO, folder=Path("/snapshots/2")))
    assert world.alive() == {old.id, new.id}
    world.tests.release(old.id)
    assert world.alive() == {new.id}


def test_there_are_only_so_many(world: World) -> None:
    first, second = world.held(other(1)), world.held(other(2))
    with pytest.raises(TooManyTests):
        world.tests.hold(other(3), first=True)
    world.clock.advance(1)
    world.tests.release(second.id)
    world.clock.advance(1)
    world.tests.release(first.id)
    third = world.held(other(3))
    assert world.alive() == {first.id, third.id}, "the one that was used longest ago makes room"


def test_one_principal_does_not_take_all(tmp_path: Path) -> None:
    world = World(tmp_path, most=3, most_each=2)
    mine = [replace(other(number), by="me") for number in (1, 2, 3)]
    first = world.held(mine[0])
    world.held(mine[1])
    with pytest.raises(TooManyTests, match="You are trying out 2"):
        world.tests.hold(mine[2], first=True)
    world.held(replace(other(4), by="you"))
    world.tests.release(first.id)
    world.held(mine[2])


def test_one_that_does_not_answer_is_given_to_nobody_else(world: World) -> None:
    first = world.held(HELLO)
    world.tests.give_up(first.id)
    second = world.held(HELLO)
    assert second.id != first.id
    world.tests.release(first.id)
    assert world.alive() == {second.id}


def test_idle_ones_are_stopped_and_those_in_use_are_not(world: World) -> None:
    idle, used = world.held(other(1)), world.held(other(2))
    world.tests.release(idle.id)
    world.clock.advance(IDLE_S - 1)
    assert world.tests.look()
    assert world.alive() == {idle.id, used.id}
    world.clock.advance(1)
    world.tests.look()
    assert world.alive() == {used.id}


def test_what_another_server_has_left_is_stopped(world: World) -> None:
    left = world.held(HELLO)
    successor = FlowTests(
        engine=world.engine, environments=world.environments, home=Home(Path()), clock=world.clock, salt=b""
    )
    successor.look()
    assert left.id not in world.alive()
    assert not successor.look()


def test_a_deleted_flow_takes_its_instances_along(world: World) -> None:
    gone, stays = world.held(other(1)), world.held(other(2))
    world.tests.forget("uid-1")
    assert world.alive() == {stays.id}
    world.tests.release(gone.id)


def test_one_that_cannot_start_is_told_of_and_tried_anew(world: World) -> None:
    world.engine.ready_at_once = False
    wanted = replace(HELLO, variables={"MY_API_KEY": "very-secret"})
    assert world.tests.hold(wanted, first=True) == Preparing("StartingInstance")
    [id] = world.alive()
    world.engine.fail(id, EXIT_FLOW_CANNOT_START, ["the key is very-secret"])
    with pytest.raises(UserScriptInitFailed) as caught:
        world.tests.hold(wanted, first=False)
    assert "the key is ***" in str(caught.value)
    assert "test again" in caught.value.next_step
    assert world.tests.hold(wanted, first=True) == Preparing("StartingInstance")
    assert id not in world.alive()


def test_environments_are_waited_for_and_tried_again(tmp_path: Path) -> None:
    failure = BuildFailed("no such package", "the resolver's words")
    world = World(tmp_path, InMemoryEnvironments(failures={"nothing": failure}, slow=True))
    wanted = replace(HELLO, environment=EnvironmentRequest("nothing"))
    assert world.tests.hold(wanted, first=True) == Preparing("BuildingEnvironment")
    world.environments.finish("nothing")
    with pytest.raises(ImageBuildFailure, match="no such package"):
        world.tests.hold(wanted, first=False)
    assert world.tests.hold(wanted, first=True) == Preparing("BuildingEnvironment")
    assert world.environments.retried == ["nothing"]
