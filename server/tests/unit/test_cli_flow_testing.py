"""What `flowstead flow test` reads of its command line, and shows of what happens."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from flowstead.cli.flow_testing import Chat, follow, read_inputs
from flowstead.errors import BadArgument, FlowsteadError, UserScriptInitFailed

Event = tuple[str, dict[str, Any]]
NODE = {"node": "a", "status": "Completed", "durationMs": 12.3, "tokens": {"total": 7}, "output": {"x": 1}}
CHAT = {"chat": {"input": "q", "history": "h", "output": "a"}}


def shown(events: list[Event], *, details: bool = False) -> list[str]:
    stream = io.StringIO()
    follow([*events, ("outputs", {"outputs": {}})], details=details, stream=stream)
    return stream.getvalue().splitlines()


def test_inputs_are_json_or_text_or_files(tmp_path: Path) -> None:
    file = tmp_path / "inputs.json"
    file.write_text('{"a": "of the file", "b": [1]}')
    found = read_inputs([str(file), "a=1", "c=some = text", 'd={"x": null}', "e="])
    assert found == {"a": 1, "b": [1], "c": "some = text", "d": {"x": None}, "e": ""}
    assert read_inputs(None) == {}


@pytest.mark.parametrize("written", ["nothing", "=x", "missing.json"])
def test_inputs_that_are_none_are_refused(written: str) -> None:
    with pytest.raises(BadArgument, match="--inputs"):
        read_inputs([written])


def test_a_file_of_inputs_must_hold_an_object(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(BadArgument, match="an object"):
        read_inputs([str(tmp_path / "list.json")])


def test_nodes_are_shown_as_they_end() -> None:
    events: list[Event] = [
        ("preparing", {"phase": "BuildingEnvironment"}),
        ("ready", {}),
        ("nodeStarted", {"node": "a", "inputs": {"t": "x"}}),
        ("log", {"node": "a", "stream": "stdout", "text": "hello"}),
        ("nodeFinished", NODE),
        ("nodeFinished", {"node": "b", "status": "Bypassed"}),
        ("nodeFinished", {"node": "c", "status": "Failed", "durationMs": 1, "tokens": {}, "error": "ValueError: no"}),
        ("nodeFinished", {"node": "d", "status": "NotRun"}),
    ]
    ended = ["- b  bypassed", "✗ c  1 ms", "    ValueError: no", "- d  not run"]
    first = ["  building the environment"]
    assert shown(events) == [*first, "    a: hello", "✓ a  12 ms  7 tokens", *ended]
    detailed = [*first, '▸ a  {"t": "x"}', "    a: hello", "✓ a  12 ms  7 tokens", '    {"x": 1}', *ended]
    assert shown(events, details=True) == detailed


def test_a_failure_keeps_its_code_and_gets_a_next_step() -> None:
    error = {"code": "UserScriptInitFailed", "message": "It failed.\nline 1\nline 2\nMend it."}
    with pytest.raises(UserScriptInitFailed) as caught:
        follow([("error", {"error": error})])
    assert (caught.value.details, caught.value.next_step) == ("line 1\nline 2", "Mend it.")
    with pytest.raises(FlowsteadError) as other:
        follow([("error", {"error": {"code": "UserError", "message": "Execution failure"}})])
    assert (other.value.code, other.value.next_step) == ("UserError", "Mend the flow and test it again.")
    with pytest.raises(FlowsteadError, match="went away"):
        follow([])


def test_a_conversation_carries_its_history() -> None:
    chat = Chat(CHAT)
    first = chat.inputs("one", {"style": "short"})
    assert (first, chat.output) == ({"style": "short", "q": "one", "h": []}, "a")
    chat.remember(first, {"a": "1"})
    turn = {"inputs": {"style": "short", "q": "one"}, "outputs": {"a": "1"}}
    assert chat.inputs("two", {}) == {"q": "two", "h": [turn]}


@pytest.mark.parametrize("flow", [None, {"chat": None}])
def test_what_is_no_chat_cannot_be_talked_to(flow: dict[str, Any] | None) -> None:
    with pytest.raises(BadArgument, match="no chat"):
        Chat(flow)
