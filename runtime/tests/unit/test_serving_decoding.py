"""From a body to inputs, by the recorded rules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstead_runtime.errors import InputError, InternalFailure, PayloadTooLarge, RuntimeFailure
from flowstead_runtime.flow.definition import FlowDefinition, FlowInput, FlowKind, ValueType
from flowstead_runtime.serving.decoding import make_decoder, read_body
from flowstead_runtime.serving.exchange import CallerGone
from flowstead_runtime.serving.types import Message

TEXT = FlowInput(ValueType.STRING)
ONE = {"text": TEXT}
TWO = {"text": TEXT, "count": FlowInput(ValueType.INT, default=3)}
OPTIONAL = {"text": FlowInput(ValueType.STRING, default="")}


def decode(inputs: Mapping[str, FlowInput], body: bytes | str) -> Mapping[str, Any]:
    definition = FlowDefinition("f", FlowKind.DAG, Path(), Path("flow.dag.yaml"), inputs=inputs)
    raw = body.encode() if isinstance(body, str) else body
    return make_decoder(definition)(raw, None)


def test_the_runtime_s_own_trouble_with_a_file_does_not_name_it() -> None:
    assert str(InternalFailure.of(OSError(28, "No space left", "/home/x"))) == "OSError: No space left"
    assert str(InternalFailure.of(ValueError())) == "ValueError"


def test_a_flow_without_inputs_ignores_the_body() -> None:
    assert decode({}, b"\xff not even text") == {}


def test_fields_are_taken_defaults_filled_and_the_rest_dropped() -> None:
    assert decode(TWO, '{"text": "x", "other": 1}') == {"text": "x", "count": 3}
    assert decode(TWO, '{"text": "x", "count": "0"}') == {"text": "x", "count": 0}


@pytest.mark.parametrize("body", ["just text é", '{"broken": ', "", "   "])
def test_text_is_the_only_inputs_value(body: str) -> None:
    assert decode(ONE, body) == {"text": body}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"text": ' * 100_000, "nested too deeply"),
        ('{"text": ' + "9" * 5000 + "}", "a number that cannot be read"),
    ],
)
def test_json_that_python_does_not_read_is_text(body: str, why: str) -> None:
    assert decode(ONE, body) == {"text": body}
    with pytest.raises(InputError, match=f"more than 1 input fields: .*{why}"):
        decode(TWO, body)


def test_text_for_several_inputs_is_refused() -> None:
    with pytest.raises(InputError, match="more than 1 input"):
        decode(TWO, "just text")


def test_missing_inputs_are_named_in_order() -> None:
    with pytest.raises(InputError, match=r"\['b', 'a'\] are missing"):
        decode({"b": TEXT, "a": TEXT}, '{"x": 1, "y": 2}')


@pytest.mark.parametrize("default", ["", 0, False, []])
def test_a_default_that_is_empty_is_a_default(default: Any) -> None:
    assert decode({"v": FlowInput(ValueType.OBJECT, default=default)}, "{}") == {"v": default}


@pytest.mark.parametrize("body", ["[1, 2]", '"hello"', "null"])
def test_json_without_fields_lacks_required_inputs(body: str) -> None:
    with pytest.raises(InputError, match=r"\['text'\] are missing"):
        decode(ONE, body)


@pytest.mark.parametrize("body", ["5", "1.5", "true"])
def test_numbers_have_no_fields(body: str) -> None:
    with pytest.raises(InputError, match="must be a JSON object"):
        decode(OPTIONAL, body)


def test_null_is_an_empty_object() -> None:
    assert decode(OPTIONAL, "null") == {"text": ""}


@pytest.mark.parametrize("body", ["[1, 2]", '"hello"'])
def test_a_list_or_text_fails_where_nothing_is_required(body: str) -> None:
    with pytest.raises(InternalFailure, match="must be a JSON object"):
        decode(OPTIONAL, body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"text": "\xff\xfe"}', "not UTF-8"),
        (b"\xff\xfe\xfa", "not UTF-8"),
    ],
)
def test_bodies_that_cannot_be_read_are_the_callers_fault(body: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        decode(ONE, body)


@pytest.mark.parametrize("depth", range(100, 1200, 50))
def test_nesting_that_only_just_parses_breaks_nothing(depth: int) -> None:
    inputs = {"items": FlowInput(ValueType.LIST), "text": TEXT, "other": FlowInput(ValueType.OBJECT)}
    nested = "[" * depth + "]" * depth
    try:
        assert decode(inputs, f'{{"items": {nested}, "text": {nested}, "other": {nested}}}')["text"] == nested
    except InputError as failure:
        assert "nested too deeply" in failure.message


@given(
    st.binary(max_size=200) | st.text(max_size=50).map(lambda text: f'{{"text": {text}}}'.encode("utf-8", "replace"))
)
def test_no_body_breaks_the_decoder(body: bytes) -> None:
    try:
        assert set(decode(TWO, body)) == {"text", "count"}
    except RuntimeFailure as failure:
        assert failure.status == 400


class Body:
    """`receive` for a body in parts; after the last, the caller hangs up."""

    def __init__(self, *parts: bytes) -> None:
        self.messages: list[Message] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        if parts:
            self.messages[-1]["more_body"] = False
        self.messages.append({"type": "http.disconnect"})

    async def __call__(self) -> Message:
        return self.messages.pop(0)


def run(coroutine: Any) -> Any:
    """Drive a coroutine that never really waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waited")


def test_a_body_arrives_whole_or_in_parts() -> None:
    assert run(read_body(Body(b"abc"), 3)) == b"abc"
    assert run(read_body(Body(b"a", b"", b"bc"), 3)) == b"abc"


@pytest.mark.parametrize("parts", [(b"abcd",), (b"ab", b"cd"), (b"ab", b"cd", b"never read")])
def test_a_body_over_the_limit_is_refused(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(PayloadTooLarge, match="limit of 3 bytes"):
        run(read_body(Body(*parts), 3))


def test_an_announced_length_over_the_limit_is_refused_unread() -> None:
    body = Body(b"abcd")
    with pytest.raises(PayloadTooLarge):
        run(read_body(body, 3, announced=4))
    assert len(body.messages) == 2


def test_a_caller_who_hangs_up_has_sent_no_body() -> None:
    with pytest.raises(CallerGone):
        run(read_body(Body(), 3))
