"""Assistants: what a node gets from a definition, and what is said when it is wrong."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from flowstead_runtime.connections.sources import Connections
from flowstead_runtime.errors import FlowLoadError
from flowstead_runtime.tools.assistant import AssistantDefinition
from flowstead_runtime.tools.docstring import read_docstring
from flowstead_runtime.tools.python import bind
from flowstead_runtime.tools.resolved import Surroundings, ToolRequest

FUNCTION = '''
import enum

class Unit(enum.Enum):
    C = "celsius"

def weather(city: str, days: int = 2, unit: Unit = Unit.C, parts: list = None, key="k", **more):
    """Tell the weather.

    In words.

    :param city: Where.
    :type city: str
    :param days: How many.
    """
    return f"{city} {days} {key}"

weather.__tool = None
'''


def node(assistant: AssistantDefinition) -> None:
    """As an author writes it."""


def definition(folder: Path, *tools: Any, **more: Any) -> AssistantDefinition:
    (folder / "weather.py").write_text(FUNCTION)
    (folder / "a.yaml").write_text(json.dumps({"model": "m", "instructions": "i", "tools": tools, **more}))
    request = ToolRequest("n", "python", {}, folder, literals={"assistant": "a.yaml"})
    made: AssistantDefinition = bind(None, node, request, Surroundings(Connections({}))).constants["assistant"]
    return made


def function(**more: Any) -> dict[str, Any]:
    return {"type": "function", "tool_type": "python", "source": {"type": "code", "path": "weather.py"}, **more}


def test_its_tools_can_be_offered_and_called(tmp_path: Path) -> None:
    made = definition(tmp_path, {"type": "code_interpreter"}, function(predefined_inputs={"key": "K"}))
    assert made.serialize() == {"model": "m", "instructions": "i", "tools": made.tools}
    invoker = made._tool_invoker
    assert invoker is not None
    assert invoker is made.tool_invoker
    own, weather = invoker.to_openai_tools()
    assert own == {"type": "code_interpreter"}
    assert weather["function"] == {
        "name": "weather",
        "description": "Tell the weather.\n\nIn words.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Where."},
                "days": {"type": "number", "description": "How many."},
                "unit": {"type": "string", "enum": ["celsius"], "description": ""},
                "parts": {"type": "array", "description": ""},
            },
            "required": ["city"],
        },
    }
    assert invoker.invoke_tool("weather", {"city": "Rome"}) == "Rome 2 K"
    with pytest.raises(KeyError):
        invoker.invoke_tool("none", {})
    with pytest.raises(TypeError, match="of the provider's own"):
        invoker.invoke_tool("code_interpreter", {})


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("x", "a tool has the type 'None'"),
        ({"type": "wasm"}, "a tool has the type 'wasm'"),
        (function(tool_type="llm"), "has the tool_type 'llm'"),
        (function(source={"type": "code"}), "a function's source is"),
        (function(source={"type": "package_with_prompt", "tool": "x"}), "a function's source is"),
        (function(source={"type": "code", "path": "no.py"}), "there is no file 'no.py'"),
    ],
)
def test_a_mistake_names_node_and_input(tmp_path: Path, tool: Any, words: str) -> None:
    with pytest.raises(FlowLoadError, match=f"node 'n': .* of its input 'assistant': .*{words}"):
        definition(tmp_path, tool)


def test_a_definition_must_be_there_and_be_one(tmp_path: Path) -> None:
    with pytest.raises(FlowLoadError, match="must be a mapping whose 'tools' are a list"):
        definition(tmp_path, tools={})
    (tmp_path / "a.yaml").unlink()
    request = ToolRequest("n", "python", {}, tmp_path, literals={"assistant": "a.yaml"})
    with pytest.raises(FlowLoadError, match=r"there is no file 'a\.yaml'"):
        bind(None, node, request, Surroundings(Connections({})))


def test_docstrings_of_both_styles_are_read() -> None:
    google = read_docstring(
        inspect.cleandoc("""
        One line.

        Args:
            a (int): The first.
            b: The second,
                over two lines.

        Returns:
            Nothing.
        """)
    )
    assert google.description == "One line.\n"
    assert google.parameters == {"a": "The first.", "b": "The second,\nover two lines."}
    assert read_docstring(None).description == ""
    assert read_docstring("One line.").description == "One line."
