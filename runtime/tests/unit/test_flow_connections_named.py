"""Which connections a flow names, by reading alone."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from flowstead_runtime.flow.connections_named import connections_named
from flowstead_runtime.flow.load import read_definition
from flowstead_runtime.flow.scripts import parsed

EXPLODES = 'raise SystemExit("imported")\n'
DAG = """\
environment_variables:
  FROM_YAML: ${in_yaml.api_key}
inputs:
  text: {type: string}
outputs:
  said: {type: string, reference: "${chat.output}"}
nodes:
- name: chat
  type: llm
  source: {type: code, path: chat.jinja2}
  inputs: {text: "${inputs.text}", deployment_name: gpt}
  connection: my_llm
  api: chat
- name: search
  type: python
  source: {type: code, path: search.py}
  inputs: {text: "${inputs.text}", conn: my_search, other: mine, word: just_a_word, where: "${inputs.text}"}
- name: judge
  type: python
  source: {type: package, tool: promptflow.tools.azure_content_safety.analyze_text}
  inputs: {connection: my_safety, text: "${inputs.text}"}
- name: sum_up
  type: python
  aggregation: true
  source: {type: code, path: search.py}
  inputs: {conn: only_in_bulk}
"""
SEARCH = (
    EXPLODES
    + """\
from promptflow.core import tool
@tool
def search(text: str, conn: "core.CognitiveSearchConnection | None", other: Mine, word: Optional[str] = None): ...
"""
)


def named(
    folder: Path, files: Mapping[str, str], variables: Mapping[str, str] | None = None, **options: Any
) -> dict[str, bool]:
    for name, text in files.items():
        (folder / name).write_text(text)
    return {each.name: each.required for each in connections_named(read_definition(folder), variables or {}, **options)}


def test_a_dag_names_them_in_nodes_and_variables(tmp_path: Path) -> None:
    files = {"flow.dag.yaml": DAG, "chat.jinja2": "system:\n{{text}}", "search.py": SEARCH}
    expected = {"my_llm": True, "my_search": True, "mine": False, "my_safety": True, "in_yaml": True}
    assert named(tmp_path, files) == expected
    (first, *_) = connections_named(read_definition(tmp_path), {})
    assert first.by == ("node 'chat'",)


def test_a_variable_of_the_process_takes_the_place_of_the_flows_own(tmp_path: Path) -> None:
    files = {"flow.dag.yaml": DAG, "chat.jinja2": "system:\n{{text}}", "search.py": SEARCH}
    found = named(tmp_path, files, {"FROM_YAML": "given", "MINE": "${elsewhere.api_key}"})
    assert "in_yaml" not in found
    assert found["elsewhere"] is False


FLEX = """\
entry: chat:Chat
init:
  llm: {type: AzureOpenAIConnection, default: my_llm}
  model: {type: object, default: {connection: of_model, azure_deployment: gpt}}
  word: {type: string, default: just_a_word}
"""
CHAT = (
    EXPLODES
    + """\
class Chat:
    def __init__(self, llm: connections.AzureOpenAIConnection, model: AzureOpenAIModelConfiguration, word: str): ...
    def __call__(self, text: str) -> str: ...
"""
)
PROMPTY = """\
---
model:
  api: chat
  configuration: {type: openai, model: gpt, connection: of_prompty}
inputs:
  text: {type: string}
---
user:
{{text}}
"""


def test_a_flex_flow_names_them_in_its_init_and_its_prompties(tmp_path: Path) -> None:
    files = {"flow.flex.yaml": FLEX, "chat.py": CHAT, "ask.prompty": PROMPTY}
    assert named(tmp_path, files) == {"my_llm": True, "of_model": True, "of_prompty": False}
    given = named(tmp_path, files, init={"llm": "another"})
    assert given == {"another": True, "of_model": True, "of_prompty": False}


def test_a_prompty_names_one(tmp_path: Path) -> None:
    assert named(tmp_path, {"ask.prompty": PROMPTY}) == {"of_prompty": True}
    assert named(tmp_path, {"ask.prompty": PROMPTY.replace("of_prompty", "'${env:WHICH}'")}) == {}


@pytest.mark.parametrize(
    "code", ["def search(:", "\0", "x = " + "(" * 5000, "def f(a: " + "|".join("A" * 5000) + "): ..."]
)
def test_code_that_cannot_be_parsed_names_none(tmp_path: Path, code: str) -> None:
    files = {"flow.dag.yaml": DAG, "chat.jinja2": "system:\n{{text}}", "search.py": code}
    assert "my_search" not in named(tmp_path, files)


def test_one_that_the_flow_itself_describes_need_not_be_in_the_workspace(tmp_path: Path) -> None:
    yaml = """\
environment_variables:
  my_llm: '{"type": "OpenAIConnection", "value": {"api_key": ""}}'
nodes:
- {name: a, type: llm, source: {type: code, path: a.jinja2}, connection: my_llm, api: chat}
- {name: b, type: llm, source: {type: code, path: a.jinja2}, connection: other, api: chat}
"""
    (tmp_path / "flow.dag.yaml").write_text(yaml)
    (tmp_path / "a.jinja2").write_text("user:\n")
    found = connections_named(read_definition(tmp_path), {})
    assert [(each.name, each.required) for each in found] == [("my_llm", False), ("other", True)]


def test_a_script_is_parsed_once_however_many_nodes_run_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []

    def noted(file: Path) -> ast.Module | None:
        looked_at.append(file.name)
        return parsed(file)

    monkeypatch.setattr("flowstead_runtime.flow.connections_named.parsed", noted)
    nodes = "".join(
        f"- {{name: n{i}, type: python, source: {{path: search.py}}, inputs: {{conn: c{i}}}}}\n" for i in range(9)
    )
    assert len(named(tmp_path, {"flow.dag.yaml": f"nodes:\n{nodes}", "search.py": SEARCH})) == 9
    assert looked_at == ["search.py"]


def test_only_so_much_is_parsed_for_one_flow(tmp_path: Path) -> None:
    padding = "#" * 250_000
    nodes = "".join(
        f"- {{name: n{i}, type: python, source: {{path: s{i}.py}}, inputs: {{conn: c{i}}}}}\n" for i in range(6)
    )
    scripts = {f"s{i}.py": SEARCH + padding for i in range(6)}
    found = named(tmp_path, {"flow.dag.yaml": f"nodes:\n{nodes}", **scripts})
    assert list(found) == ["c0", "c1", "c2", "c3"]
