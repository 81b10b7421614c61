from __future__ import annotations

import dataclasses
import enum
import marshal
from typing import Any

from flowstead_runtime.connections.hiding import HIDDEN
from flowstead_runtime.connections.types import AzureOpenAIConnection
from flowstead_runtime.telemetry.snapshot import CHARACTERS, snapshot
from flowstead_runtime.tools.values import PromptText, Secret


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Model:
    name: str
    api_key: str = dataclasses.field(repr=False)


class Broken:
    def __repr__(self) -> str:
        raise ValueError("no")


def test_a_copy_does_not_follow_later_changes() -> None:
    value = {"a": [1, 2.5, None, True, "x"], "b": {"c": ("y",)}}
    seen = snapshot(value)
    value["a"].append("later")  # type: ignore[attr-defined]
    assert seen == {"a": [1, 2.5, None, True, "x"], "b": {"c": ["y"]}}


def test_whatever_it_is_it_becomes_plain() -> None:
    value: dict[Any, Any] = {
        1: PromptText("text", "guarded"),
        "colour": Colour.RED,
        "bytes": b"abc",
        "set": {1},
        "object": object,
        "broken": Broken(),
        "own": Model("m", "k"),
    }
    seen = snapshot(value)
    assert seen["1"] == "text"
    assert (seen["colour"], seen["bytes"], seen["set"]) == ("red", "<3 bytes>", [1])
    assert seen["broken"] == "<Broken: ValueError>"
    marshal.dumps(seen)


def test_secrets_are_left_out() -> None:
    connection = AzureOpenAIConnection(name="azure", api_key="key-of-azure-1")
    seen = snapshot({"connection": connection, "secret": Secret("key-of-mine"), "model": Model("m", "key-of-model")})
    assert seen == {
        "connection": "azure",
        "secret": HIDDEN,
        "model": {"name": "m", "api_key": HIDDEN},
    }


def test_large_values_are_cut() -> None:
    assert len(str(snapshot("x" * 10_000_000))) < 2 * CHARACTERS
    assert len(str(snapshot(["x" * 1000] * 10_000))) < 2 * CHARACTERS
    assert len(snapshot(list(range(1_000_000)))) < CHARACTERS
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    assert len(str(snapshot(deep))) < 200
    endless: list[Any] = []
    endless.append(endless)
    assert len(str(snapshot(endless))) < 200
