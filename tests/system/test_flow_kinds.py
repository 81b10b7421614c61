"""Flex flows and prompty files become endpoints like DAG flows."""

from __future__ import annotations

import json
from pathlib import Path

from flowstead_runtime.testing.fake_llm import FakeLlm
from tests.installation import Installation

FLEX = """\
class Greeter:
    def __init__(self, word: str = "Hello"):
        self.word = word

    def __call__(self, name: str) -> str:
        return f"{self.word} {name}"
"""

PROMPTY = """\
---
name: Short answers
model:
  api: chat
  configuration:
    type: openai
    model: gpt-4o-mini
    connection: llm_connection
inputs:
  question:
    type: string
---
system:
Answer in one sentence.
user:
{{question}}
"""


def test_a_flex_flow(flowstead: Installation, tmp_path: Path) -> None:
    (tmp_path / "flow.flex.yaml").write_text("entry: greeter:Greeter\ninit:\n  word:\n    type: string\n")
    (tmp_path / "greeter.py").write_text(FLEX)
    flowstead.run("deploy", str(tmp_path), "--endpoint", "flex", "--env", 'PF_FLOW_INIT_CONFIG={"word": "Good day"}')
    answer = flowstead.score("flex", {"name": "Ada"}, flowstead.keys("flex")["primaryKey"])
    assert (answer.status_code, answer.json()) == (200, "Good day Ada")


def test_a_prompty_file(flowstead: Installation, tmp_path: Path) -> None:
    flow = tmp_path / "flow"
    flow.mkdir()
    (flow / "short.prompty").write_text(PROMPTY)
    with FakeLlm() as provider:
        connections = tmp_path / "connections.json"
        connection = {"type": "open_ai", "api_key": "any-key-will-do", "base_url": f"{provider.url}/v1"}
        connections.write_text(json.dumps({"llm_connection": connection}))
        flowstead.run("deploy", str(flow), "--endpoint", "prompty", "--connections", str(connections))
        key = flowstead.keys("prompty")["primaryKey"]
        answer = flowstead.score("prompty", {"question": "Why? [[say: Because.]]"}, key)
    assert (answer.status_code, answer.json()) == (200, "Because.")
