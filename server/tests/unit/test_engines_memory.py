"""The engine in memory keeps the contract of engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowstead.engines.protocol import Engine, InstanceSpec, InstanceState
from flowstead.resources.deployment import RequestSettings
from flowstead.testing.engine_contract import EngineContract, MakeSpec
from flowstead.testing.memory_engine import InMemoryEngine


def make(id: str) -> InstanceSpec:
    return InstanceSpec(
        id=id,
        endpoint="chat",
        deployment="blue",
        deployment_uid="uid",
        revision="r1",
        flow=Path("/flow"),
        python=Path("/python"),
        environment={"API_KEY": "secret"},
        request_settings=RequestSettings(),
        log=Path(f"/log/{id}.log"),
    )


class TestInMemoryEngine(EngineContract):
    @pytest.fixture
    def engine(self) -> InMemoryEngine:
        return InMemoryEngine()

    @pytest.fixture
    def make_spec(self) -> MakeSpec:
        return make

    @pytest.fixture
    def reopen(self, engine: InMemoryEngine) -> Callable[[], Engine]:
        return lambda: engine


def test_a_test_moves_its_instances() -> None:
    engine = InMemoryEngine(ready_at_once=False, stops_at_once=False)
    for id in ("a", "b", "c"):
        engine.start(make(id))
    engine.make_ready("a")
    engine.fail("b", 78, ["one", "two"])
    engine.lose("c")
    assert [each.state for each in engine.observe()] == [
        InstanceState.READY,
        InstanceState.FAILED,
        InstanceState.LOST,
    ]
    assert engine.last_log_lines("b", 1) == ("two",)
    engine.restart("a")
    assert (engine.observe()[0].state, engine.observe()[0].restarts) == (InstanceState.RESTARTING, 1)
    engine.make_ready()
    engine.stop("a")
    assert engine.observe()[0].state is InstanceState.STOPPING
    engine.finish_stopping()
    assert [each.id for each in engine.observe()] == ["b", "c"]
