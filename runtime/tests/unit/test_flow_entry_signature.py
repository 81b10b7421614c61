"""A flex flow's inputs and outputs, by reading its code alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowstead_runtime.flow.definition import FlowDefinition, FlowInput, FlowOutput, ValueType
from flowstead_runtime.flow.entry_signature import with_entry_signature
from flowstead_runtime.flow.load import read_definition

CODE = """\
raise SystemExit("imported")
@dataclass
class Answer:
    text: str
    score: float = 0.0

class Chat:
    def __init__(self, model): ...
    def __call__(self, question: str, count: int = 3, past: "list | None" = None, *, flag: bool = True) -> Answer: ...

async def plain(question, limit: Optional[int] = MAX): ...
"""


def read(folder: Path, entry: str, code: str = CODE) -> FlowDefinition:
    (folder / "chat.py").write_text(code)
    (folder / "flow.flex.yaml").write_text(f"entry: chat:{entry}\ninputs:\n  question: {{type: string, default: hi}}\n")
    return with_entry_signature(read_definition(folder))


def test_a_class_says_it_by_its_call(tmp_path: Path) -> None:
    found = read(tmp_path, "Chat")
    assert found.inputs == {
        "question": FlowInput(ValueType.STRING, "hi"),
        "count": FlowInput(ValueType.INT, 3),
        "past": FlowInput(ValueType.LIST, ""),
        "flag": FlowInput(ValueType.BOOL, True),
    }
    assert found.outputs == {"text": FlowOutput(ValueType.STRING), "score": FlowOutput(ValueType.DOUBLE)}


def test_what_reading_cannot_tell_is_vague(tmp_path: Path) -> None:
    found = read(tmp_path, "plain")
    assert found.inputs == {"question": FlowInput(ValueType.STRING, "hi"), "limit": FlowInput(ValueType.INT, "")}
    assert found.outputs == {}


@pytest.mark.parametrize("code", ["def (", "", "Chat = 3"])
def test_code_that_cannot_be_read_leaves_what_the_yaml_says(tmp_path: Path, code: str) -> None:
    found = read(tmp_path, "Chat", code)
    assert found.inputs == {"question": FlowInput(ValueType.STRING, "hi")}
