"""References between the parts of a flow."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from flowstead_runtime.errors import InputError, InternalFailure
from flowstead_runtime.flow.references import (
    InputReference,
    Key,
    NodeReference,
    follow,
    parse_output_reference,
    parse_reference,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("${inputs.x}", InputReference("x")),
        ("${flow.x}", InputReference("x")),
        ("${inputs.x.y}", InputReference("x.y")),
        ("${n.output}", NodeReference("n")),
        ("${n}", NodeReference("n")),
        ("${n.output.a.b}", NodeReference("n", ("a", "b"), "a.b")),
        ("${n.output.a[0]['k k']}", NodeReference("n", ("a", 0, Key("k k")), "a[0]['k k']")),
        ('${n.output.["k"].x}', NodeReference("n", ("k", "x"), '["k"].x')),
        ("${n.output.a-b}", NodeReference("n", ("a", "b"), "a-b")),
        ("${n.output.['a['b']['5]}", NodeReference("n", (Key("a['b"), "5"), "['a['b']['5]")),
        ("${n.output.[" + "1" * 19 + "]}", NodeReference("n", ("1" * 19,), "[" + "1" * 19 + "]")),
        ("${n.output[1]}", NodeReference("n", (), "", "output[1]")),
        ("${n.output[1].x}", NodeReference("n", ("x",), "x", "output[1]")),
        ("${n.inputs}", NodeReference("n", (), "", "inputs")),
        ("text ${n.output}", None),
        ("${n.output} text", None),
        ("${}", None),
        ("$", None),
        (5, None),
        (None, None),
    ],
)
def test_only_a_whole_reference_is_one(text: Any, found: Any) -> None:
    assert parse_reference(text) == found


def test_keys_that_never_end_are_passed_over_in_one_go() -> None:
    """A hundred thousand of them took hours."""
    found = parse_reference("${n.output.k" + "['" * 100_000 + "}")
    assert isinstance(found, NodeReference)
    assert found.path == ("k",)


def test_an_output_ignores_a_bracket_right_after_output() -> None:
    assert parse_output_reference("${n.output['k']}") == NodeReference("n")
    assert parse_output_reference("${n.output.a['k']}") == NodeReference("n", ("a", Key("k")), "a['k']")
    assert parse_output_reference("literal") is None


def follow_text(text: str, value: Any) -> Any:
    reference = parse_reference(text)
    assert isinstance(reference, NodeReference)
    return follow(reference, value)


def test_paths_lead_through_mappings_lists_and_attributes() -> None:
    value = {"a": [{"k": SimpleNamespace(deep=3)}]}
    assert follow_text("${n.output.a[0]['k'].deep}", value) == 3
    assert follow_text("${n.output}", value) is value


@pytest.mark.parametrize("value", [{}, {"a": []}, None, "text", {"a": {"x": 1}}])
def test_a_path_that_leads_nowhere_names_itself_and_the_node(value: Any) -> None:
    with pytest.raises(InputError, match=r"Invalid property 'a\[0\]' when accessing the node 'n'"):
        follow_text("${n.output.a[0]}", value)


def test_a_path_into_what_has_no_parts_is_a_mistake_of_the_flow() -> None:
    with pytest.raises(InternalFailure, match="not subscriptable"):
        follow_text("${n.output.a[0]}", {"a": None})


def test_only_the_output_of_a_node_can_be_used() -> None:
    with pytest.raises(InputError, match=r"section 'output\[0\]' of reference .* the node 'n'"):
        follow_text("${n.output[0]}", [1])
