# ruff: noqa: S101  these are tests
"""What every engine has to keep, as tests: subclass `EngineContract` and give it an engine.

class TestMyEngine(EngineContract):
    @pytest.fixture
    def engine(self): ...
    @pytest.fixture
    def make_spec(self): ...
    @pytest.fixture
    def reopen(self): ...
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

from flowstead.engines.protocol import Engine, InstanceSpec, InstanceState, ObservedInstance

MakeSpec: TypeAlias = Callable[[str], InstanceSpec]
"""id → the specification of an instance that becomes ready by itself."""


Seen = TypeVar("Seen")


class EngineContract:
    """Needs the fixtures `engine` and `make_spec`, and `reopen`: it gives another engine on the same home, as a
    server that was started again would have it."""

    deadline_s = 30.0
    """How long an instance may take to get into a state."""

    def test_nothing_runs_at_first(self, engine: Engine) -> None:
        assert list(engine.observe()) == []

    def test_a_started_instance_becomes_ready(self, engine: Engine, make_spec: MakeSpec) -> None:
        spec = make_spec("first")
        engine.start(spec)
        seen = self.wait_for(engine, "first", InstanceState.READY)
        assert (seen.endpoint, seen.deployment, seen.deployment_uid, seen.revision, seen.log) == (
            spec.endpoint,
            spec.deployment,
            spec.deployment_uid,
            spec.revision,
            spec.log,
        )
        assert seen.address
        assert seen.health_address
        assert seen.pid is not None

    def test_starting_it_again_changes_nothing(self, engine: Engine, make_spec: MakeSpec) -> None:
        engine.start(make_spec("same"))
        before = self.wait_for(engine, "same", InstanceState.READY)
        engine.start(make_spec("same"))
        after = self.wait_for(engine, "same", InstanceState.READY)
        assert (after.pid, after.restarts) == (before.pid, before.restarts)
        assert len(engine.observe()) == 1

    def test_instances_are_told_apart(self, engine: Engine, make_spec: MakeSpec) -> None:
        for id in ("one", "two"):
            engine.start(make_spec(id))
        seen = [self.wait_for(engine, id, InstanceState.READY) for id in ("one", "two")]
        assert len({each.address for each in seen}) == 2
        assert len({each.pid for each in seen}) == 2

    def test_a_stopped_instance_is_gone(self, engine: Engine, make_spec: MakeSpec) -> None:
        engine.start(make_spec("short"))
        self.wait_for(engine, "short", InstanceState.READY)
        engine.stop("short")
        self.wait_until_gone(engine, "short")

    def test_an_instance_can_be_stopped_before_it_is_ready(self, engine: Engine, make_spec: MakeSpec) -> None:
        engine.start(make_spec("early"))
        engine.stop("early")
        self.wait_until_gone(engine, "early")

    def test_stopping_can_be_repeated(self, engine: Engine, make_spec: MakeSpec) -> None:
        engine.start(make_spec("twice"))
        engine.stop("twice")
        engine.stop("twice")
        self.wait_until_gone(engine, "twice")
        engine.stop("twice")
        engine.stop("was-never-there")

    def test_an_id_can_be_used_again_once_it_is_gone(self, engine: Engine, make_spec: MakeSpec) -> None:
        engine.start(make_spec("again"))
        engine.stop("again")
        self.wait_until_gone(engine, "again")
        engine.start(make_spec("again"))
        self.wait_for(engine, "again", InstanceState.READY)

    def test_the_next_server_finds_and_stops_it(
        self, engine: Engine, make_spec: MakeSpec, reopen: Callable[[], Engine]
    ) -> None:
        engine.start(make_spec("adopted"))
        before = self.wait_for(engine, "adopted", InstanceState.READY)
        other = reopen()
        after = self.wait_for(other, "adopted", InstanceState.READY)
        assert after.pid == before.pid
        other.stop("adopted")
        self.wait_until_gone(other, "adopted")

    def test_the_log_of_an_unknown_instance_is_empty(self, engine: Engine) -> None:
        assert list(engine.last_log_lines("was-never-there", 10)) == []

    def wait_for(self, engine: Engine, id: str, state: InstanceState) -> ObservedInstance:
        """The instance, once it is in that state."""

        def arrived(instances: Sequence[ObservedInstance]) -> ObservedInstance | None:
            return next((each for each in instances if each.id == id and each.state is state), None)

        return self._poll(engine, arrived, f"{id} to be {state}")

    def wait_until_gone(self, engine: Engine, id: str) -> None:
        def gone(instances: Sequence[ObservedInstance]) -> bool | None:
            return True if all(each.id != id for each in instances) else None

        self._poll(engine, gone, f"{id} to be gone")

    def _poll(self, engine: Engine, look: Callable[[Sequence[ObservedInstance]], Seen | None], wanted: str) -> Seen:
        deadline = time.monotonic() + self.deadline_s
        while True:
            instances = engine.observe()
            seen = look(instances)
            if seen is not None:
                return seen
            assert time.monotonic() < deadline, f"Waited for {wanted}; there is {list(instances)}."
            time.sleep(0.02)
