"""Reading flex flows, and which arguments their entries get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowstead_runtime.errors import FlowDefinitionError, InputError
from flowstead_runtime.flow.definition import FlowDefinition, FlowInput, FlowKind, ValueType
from flowstead_runtime.flow.entry import given_init
from flowstead_runtime.flow.inputs import convert_inputs
from flowstead_runtime.flow.load import read_definition

DECLARED = """\
entry: chat:Chat
inputs:
  question: {type: string, is_chat_input: true}
  top: {type: int, default: 3}
outputs:
  answer: {type: string, is_chat_output: true}
init:
  model: {type: AzureOpenAIModelConfiguration}
  tone: {type: string, default: kind}
environment_variables: {A: 1}
sample:
  inputs: {question: hi}
  init: {tone: rude}
"""


def write(folder: Path, yaml: str, name: str = "flow.flex.yaml") -> Path:
    (folder / name).write_text(yaml)
    (folder / "chat.py").write_text("raise SystemExit('imported')")
    return folder


def problem_of(folder: Path) -> FlowDefinitionError:
    with pytest.raises(FlowDefinitionError) as caught:
        read_definition(folder)
    return caught.value


def test_a_flow_is_read_without_importing_it(tmp_path: Path) -> None:
    definition = read_definition(write(tmp_path, DECLARED))
    assert (definition.kind, definition.entry, definition.name) == (FlowKind.FLEX, "chat:Chat", tmp_path.name)
    assert definition.is_chat
    assert definition.outputs["answer"].is_chat_output
    assert definition.environment_variables == {"A": "1"}
    assert definition.flex is not None
    assert definition.flex.init == {"model": None, "tone": "kind"}
    assert (definition.flex.sample_inputs, definition.flex.sample_init) == ({"question": "hi"}, {"tone": "rude"})


def test_an_entry_makes_a_flex_flow_whatever_the_files_name(tmp_path: Path) -> None:
    assert read_definition(write(tmp_path, "entry: chat:run", "flow.dag.yaml")).kind is FlowKind.FLEX


@pytest.mark.parametrize("entry", ["chat", "chat:a:b", ":run", "'chat:'", "[chat, run]", "''"])
def test_an_entry_must_name_a_module_and_what_to_call(tmp_path: Path, entry: str) -> None:
    problem = problem_of(write(tmp_path, f"inputs: {{}}\nentry: {entry}\n"))
    assert "must name a module and what to call in it" in problem.message
    assert problem.line == 2


def test_an_input_of_an_unknown_type_is_left_to_the_signature(tmp_path: Path) -> None:
    definition = read_definition(write(tmp_path, "entry: a:b\ninputs: {x: {type: integer}, y: {type: int}}\n"))
    assert list(definition.inputs) == ["y"]


def test_code_moves_the_folder_and_stays_inside(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    definition = read_definition(write(tmp_path, "entry: a:b\ncode: src\n"))
    assert (definition.directory, definition.name) == (tmp_path / "src", tmp_path.name)
    assert "'..' is not a folder inside" in problem_of(write(tmp_path, "entry: a:b\ncode: ..\n")).message
    assert "'/etc' is not a folder inside" in problem_of(write(tmp_path, "entry: a:b\ncode: /etc\n")).message


def test_an_include_from_elsewhere_is_refused_until_it_is_merged(tmp_path: Path) -> None:
    write(tmp_path, "entry: a:b\nadditional_includes: [../shared.py]\n")
    assert "'../shared.py' lies outside the flow folder" in problem_of(tmp_path).message
    (tmp_path / "shared.py").write_text("")
    assert read_definition(tmp_path).additional_includes == ("../shared.py",)


def arguments(definition: FlowDefinition, data: Any, **signature: Any) -> Mapping[str, Any]:
    """signature: defaults by input, None for none, as reading the entry's signature gives them."""
    inputs = {name: FlowInput(ValueType.OBJECT, default) for name, default in signature.items()}
    return convert_inputs(replace(definition, inputs=inputs), data)


def test_only_what_the_yaml_declares_is_converted(tmp_path: Path) -> None:
    definition = read_definition(write(tmp_path, "entry: a:b\ninputs: {n: {type: int}}\n"))
    assert arguments(definition, {"n": "7", "m": "7", "z": 1}, n=None, m=None) == {"n": 7, "m": "7"}
    with pytest.raises(InputError, match="'n' does not match the expected type 'int'"):
        arguments(definition, {"n": "x"}, n=None)


def test_the_signature_says_what_is_required(tmp_path: Path) -> None:
    definition = read_definition(write(tmp_path, "entry: a:b\ninputs: {k: {type: string, default: yaml}}\n"))
    with pytest.raises(InputError, match=r"Required input fields \['q', 'k'\] are missing"):
        arguments(definition, {}, q=None, k=None)
    # A default of the YAML goes before the signature's own; one that only the signature has is left to the call.
    assert arguments(definition, {"q": 1}, q=None, k="code", other="x") == {"q": 1, "k": "yaml"}


def test_an_empty_default_leaves_the_input_to_the_code(tmp_path: Path) -> None:
    definition = read_definition(write(tmp_path, "entry: a:b\ninputs: {k: {type: int, default: ''}}\n"))
    assert arguments(definition, {}, k="5") == {}
    assert arguments(definition, {"k": "7"}, k="5") == {"k": "7"}


def test_a_declared_input_without_default_must_be_given(tmp_path: Path) -> None:
    definition = read_definition(write(tmp_path, "entry: a:b\ninputs: {k: {type: string}}\n"))
    with pytest.raises(InputError, match="'k' is not provided in input data"):
        arguments(definition, {}, k="code")


def test_the_sample_stands_in_for_an_empty_request(tmp_path: Path) -> None:
    definition = read_definition(write(tmp_path, "entry: a:b\nsample: {inputs: {x: s, gone: 1}}\n"))
    assert arguments(definition, {}, x="", y="") == {"x": "s"}
    assert arguments(definition, {"y": 2}, x="", y="") == {"y": 2}


def test_a_default_is_not_shared_between_requests(tmp_path: Path) -> None:
    definition = read_definition(write(tmp_path, "entry: a:b\ninputs: {l: {type: list, default: [1]}}\n"))
    arguments(definition, {}, l="[]")["l"].append(2)
    assert arguments(definition, {}, l="[]") == {"l": [1]}


@pytest.mark.parametrize("data", [[1, 2], "hello", 5])
def test_a_body_that_is_no_object_is_the_callers_mistake(tmp_path: Path, data: Any) -> None:
    definition = read_definition(write(tmp_path, "entry: a:b\n"))
    with pytest.raises(InputError, match="must be a JSON object"):
        arguments(definition, data, x="default")


def test_init_comes_as_a_json_object() -> None:
    assert given_init(None) == given_init("") == given_init("null") == {}
    assert given_init('{"a": 1}') == {"a": 1}
    for text in ("{not json", "[1]", "5"):
        with pytest.raises(FlowDefinitionError, match="PF_FLOW_INIT_CONFIG must hold a JSON object"):
            given_init(text)
