"""The OpenAPI description, against a golden file: other programs read it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from flowstead_runtime.flow.definition import FlowDefinition
from flowstead_runtime.flow.load import read_definition
from flowstead_runtime.flow.schema import openapi

GOLDEN = Path(__file__).with_name("golden") / "chat_flow_openapi.json"
CHAT = """\
inputs:
  question: {type: string, is_chat_input: true, description: what to ask}
  chat_history: {type: list, default: [], is_chat_history: true}
  n: {type: int, default: 3}
  none: {type: double, default: 0}
  flag: {type: bool, default: true}
  extra: {type: object, default: {a: 1}}
  picture: {type: image}
outputs:
  answer: {type: string, reference: "${inputs.question}", is_chat_output: true, description: the answer}
  words: {type: int, reference: "${inputs.n}"}
  score: {type: double, reference: "${inputs.none}", evaluation_only: true}
nodes: []
"""


def flow(folder: Path, yaml: str = CHAT) -> FlowDefinition:
    (folder / "my-chat").mkdir()
    (folder / "my-chat" / "flow.dag.yaml").write_text(yaml)
    (folder / "my-chat" / "samples.json").write_text('[{"question": "why?"}, {"question": "how?"}]')
    return read_definition(folder / "my-chat")


def test_a_chat_flow_is_described_as_recorded(tmp_path: Path) -> None:
    """`REFRESH_GOLDEN=1 pytest …` writes the file anew."""
    document = openapi(flow(tmp_path))
    if os.environ.get("REFRESH_GOLDEN"):
        GOLDEN.write_text(json.dumps(document, indent=2) + "\n")
    assert document == json.loads(GOLDEN.read_text())


def described_outputs(definition: FlowDefinition, included: list[str] | None) -> list[str]:
    answer = openapi(definition, included_outputs=included)["paths"]["/score"]["post"]["responses"]["200"]
    return list(answer["content"]["application/json"]["schema"]["properties"])


def test_only_answered_outputs_are_described_and_never_those_for_evaluation(tmp_path: Path) -> None:
    definition = flow(tmp_path)
    assert described_outputs(definition, None) == ["answer", "words"]
    assert described_outputs(definition, ["words", "score"]) == ["words"]
    assert described_outputs(definition, ["score"]) == []


def test_the_last_of_several_chat_inputs_counts(tmp_path: Path) -> None:
    a, b = "a: {type: string, is_chat_input: true, is_chat_history: true}", "b: {type: string, is_chat_input: true}"
    info = openapi(flow(tmp_path, f"inputs:\n  {a}\n  {b}\nnodes: []\n"))["info"]
    assert (info["x-chat-input"], info["x-chat-history"]) == ("b", "a")


def test_a_flow_without_inputs_needs_no_body(tmp_path: Path) -> None:
    body = openapi(flow(tmp_path, "nodes: []\n"))["paths"]["/score"]["post"]["requestBody"]
    assert body["required"] is False
    assert body["content"]["application/json"]["schema"] == {"type": "object"}
