"""References between the parts of a flow."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from flowstead_runtime.errors import InputError
from flowstead_runtime.flow.references import (
    InputReference,
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
        ("${n.output.a[0]['k k']}", NodeReference("n", ("a", 0, "k k"), "a[0]['k k']")),
        ('${n.output["k"].x}', NodeReference("n", ("k", "x"), '["k"].x')),
        ("${n.output[1]}", NodeReference("n", (1,), "[1]")),
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


def test_an_unreadable_path_is_kept_as_the_section() -> None:
    reference = parse_reference("${n.output[}")
    assert isinstance(reference, NodeReference)
    assert reference.section == "output[}"[:-1]


def test_an_output_ignores_a_bracket_right_after_output() -> None:
    assert parse_output_reference("${n.output['k']}") == NodeReference("n")
    assert parse_output_reference("${n.output.a['k']}") == NodeReference("n", ("a", "k"), "a['k']")
    assert parse_output_reference("literal") is None


def follow_text(text: str, value: Any) -> Any:
    reference = parse_reference(text)
    assert isinstance(reference, NodeReference)
    return follow(reference, value)


def test_paths_lead_through_mappings_lists_and_attributes() -> None:
    value = {"a": [{"k": SimpleNamespace(deep=3)}]}
    assert follow_text("${n.output.a[0]['k'].deep}", value) == 3
    assert follow_text("${n.output}", value) is value


@pytest.mark.parametrize("value", [{}, {"a": []}, {"a": None}, None, "text", {"a": {"x": 1}}])
def test_a_path_that_leads_nowhere_names_itself_and_the_node(value: Any) -> None:
    with pytest.raises(InputError, match=r"Invalid property 'a\[0\]' when accessing the node 'n'"):
        follow_text("${n.output.a[0]}", value)
