"""Which outputs leave, and their encoding."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from flowstead_runtime.errors import FlowDefinitionError, OutputError
from flowstead_runtime.flow.definition import FlowOutput, ValueType
from flowstead_runtime.flow.running import RunResult
from flowstead_runtime.serving.encoding import encode_outputs, event, to_json
from flowstead_runtime.serving.outputs import make_hidden, select
from flowstead_runtime.serving.settings import ServingSettings, included_fields
from flowstead_runtime.serving.streams import is_stream

DECLARED = {
    "answer": FlowOutput(ValueType.STRING),
    "score": FlowOutput(ValueType.INT, evaluation_only=True),
}


@dataclasses.dataclass
class Point:
    x: int
    y: int


async def asynchronous() -> AsyncIterator[str]:
    yield "a"


def shown(values: Any, included: frozenset[str] | None = None) -> Any:
    return select(RunResult(values), make_hidden(DECLARED, included))[0].values


def test_evaluation_only_outputs_stay_back() -> None:
    assert shown({"answer": "a", "score": 1}) == {"answer": "a"}


def test_included_fields_replace_that_rule() -> None:
    assert shown({"answer": "a", "score": 1}, frozenset({"score"})) == {"score": 1}
    assert shown({"answer": "a"}, frozenset({"nothing"})) == {}


def test_bypassed_outputs_are_null_and_absent_ones_absent() -> None:
    assert shown({"answer": None}) == {"answer": None}
    assert shown({}) == {}


def test_a_bare_value_leaves_bare_and_a_dataclass_as_its_fields() -> None:
    bare, _ = select(RunResult("text", named=False), None)
    assert encode_outputs(bare.values, bare.named) == b'"text"'
    point, _ = select(RunResult(Point(1, 2), named=False), None)
    assert encode_outputs(point.values, point.named) == b'{"x":1,"y":2}'


def test_streams_are_told_apart() -> None:
    values = {"a": "text", "g": (c for c in "ab"), "i": iter([1]), "l": [1], "t": (1, 2)}
    assert [name for name, value in values.items() if is_stream(value)] == ["g", "i"]
    assert is_stream(asynchronous())
    found, _ = select(RunResult(iter("ab"), named=False), None)
    assert found.streams == ("output",)


def test_hidden_streams_are_handed_back_for_closing() -> None:
    stream = iter("ab")
    found, dropped = select(RunResult({"answer": "a", "score": stream}), make_hidden(DECLARED, None))
    assert (found.streams, dropped) == ((), [stream])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((1, 2), "[1,2]"),
        ({1: "a"}, '{"1":"a"}'),
        ("é 日本", '"é 日本"'),
        (None, "null"),
        (float("nan"), "NaN"),
        ([float("-inf")], "[-Infinity]"),
        ("\ud800", '"\\ud800"'),
    ],
)
def test_what_has_a_json_form(value: Any, text: str) -> None:
    assert to_json(value).decode() == text


NESTED: list[Any] = []
NESTED.append(NESTED)


@pytest.mark.parametrize(
    "value",
    [b"bytes", {1}, datetime.datetime(2026, 1, 1), object(), Point(1, 2), [NESTED]],
)
def test_what_has_none_is_refused_by_name(value: Any) -> None:
    with pytest.raises(OutputError, match="'bad'.*not JSON serializable"):
        encode_outputs({"good": 1, "bad": value}, named=True)


def test_an_event_is_one_frame_whatever_its_text() -> None:
    frame = event({"answer": "two\nlines\r\n"})
    assert frame.startswith(b"data: ")
    assert frame.endswith(b"\n\n")
    assert frame.count(b"\n") == 2
    assert json.loads(frame.removeprefix(b"data: ")) == {"answer": "two\nlines\r\n"}


def test_included_fields_are_a_json_list() -> None:
    assert included_fields({}) is None
    assert included_fields({"PROMPTFLOW_RESPONSE_INCLUDED_FIELDS": '["a"]'}) == frozenset({"a"})
    assert included_fields({"PF_RESPONSE_INCLUDED_FIELDS": "[]"}) == frozenset()
    for wrong in ("answer", '{"a": 1}', "[1]"):
        with pytest.raises(FlowDefinitionError, match="JSON list of output names"):
            included_fields({"PROMPTFLOW_RESPONSE_INCLUDED_FIELDS": wrong})


def test_the_version_is_the_builds_where_there_is_one() -> None:
    assert ServingSettings(build_info='{"build_number": "20260101.1"}').version == "20260101.1"
    for other in ("", "not json", "[]", "{}"):
        settings = ServingSettings(build_info=other)
        assert settings.version == settings.runtime_version
