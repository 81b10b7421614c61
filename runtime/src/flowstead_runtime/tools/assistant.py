"""Assistants: a definition in a file of the flow, and the functions it names, ready to be offered and called.

A node gets one by an input that names the file, where its parameter is annotated `AssistantDefinition`. The calls to
the provider are the flow's own business.
"""

from __future__ import annotations

import enum
import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flowstead_runtime.errors import FlowDefinitionError, FlowLoadError
from flowstead_runtime.tools.docstring import read_docstring
from flowstead_runtime.tools.literals import parameters_of
from flowstead_runtime.tools.resolved import Tool, ToolRequest
from flowstead_runtime.yaml_file import plain, read_yaml_file

_PROVIDERS_OWN = ("code_interpreter", "retrieval")
_JSON_TYPES: Mapping[Any, str] = {
    int: "number",
    float: "number",
    bool: "boolean",
    str: "string",
    list: "array",
}

_SOURCES = {"code": "path", "package": "tool"}
"""What a function's source of each type must name."""

Resolve = Callable[[ToolRequest], Tool]


@dataclass(frozen=True)
class AssistantTool:
    """One tool of an assistant. definition: as the provider takes it; call: None for the provider's own tools."""

    name: str
    definition: Mapping[str, Any]
    call: Callable[..., Any] | None = None


class AssistantToolInvoker:
    """The tools of an assistant, by name."""

    def __init__(self, tools: Mapping[str, AssistantTool]) -> None:
        self._tools = tools

    def to_openai_tools(self) -> list[Mapping[str, Any]]:
        """What to tell the provider of them."""
        return [tool.definition for tool in self._tools.values()]

    def invoke_tool(self, func_name: str, kwargs: Mapping[str, Any]) -> Any:
        """What the function gives; of a coroutine function, a coroutine. Raises KeyError for a name that is no tool's,
        and whatever the function raises."""
        call = self._tools[func_name].call
        if call is None:
            raise TypeError(f"'{func_name}' is a tool of the provider's own")
        return call(**kwargs)


@dataclass
class AssistantDefinition:
    """An assistant's description, as its file holds it. tools: as written there."""

    model: str
    instructions: str
    tools: list[Any]
    _tool_invoker: AssistantToolInvoker | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def deserialize(cls, data: Mapping[str, Any]) -> AssistantDefinition:
        return cls(data.get("model", ""), data.get("instructions", ""), data.get("tools", []))

    def serialize(self) -> dict[str, Any]:
        return {"model": self.model, "instructions": self.instructions, "tools": self.tools}

    @property
    def tool_invoker(self) -> AssistantToolInvoker | None:
        return self._tool_invoker


def with_assistants(
    literals: Mapping[str, Any], parameters: Mapping[str, inspect.Parameter], request: ToolRequest, resolve: Resolve
) -> dict[str, Any]:
    """The literals, files of definitions replaced by what they define. resolve: makes a function's tool ready. Raises
    FlowLoadError naming node and input."""
    return {
        name: _definition(value, name, request, resolve) if _wants_one(parameters.get(name)) else value
        for name, value in literals.items()
    }


def _wants_one(parameter: inspect.Parameter | None) -> bool:
    return parameter is not None and getattr(parameter.annotation, "__name__", "") == AssistantDefinition.__name__


def _definition(written: Any, name: str, request: ToolRequest, resolve: Resolve) -> AssistantDefinition:
    who = f"node '{request.node}': the assistant definition of its input '{name}'"
    path = request.directory / str(written)
    if not path.is_file():
        raise FlowLoadError(f"{who}: there is no file '{written}' in the flow folder")
    try:
        document = plain(read_yaml_file(path, shown=str(written)))
    except FlowDefinitionError as error:
        raise FlowLoadError(f"{who}: {error.message}") from None
    if not isinstance(document, Mapping) or not isinstance(document.get("tools", []), list):
        raise FlowLoadError(f"{who}: {written} must be a mapping whose 'tools' are a list")
    made = AssistantDefinition.deserialize(document)
    tools = [_tool(item, who, request, resolve) for item in made.tools]
    made._tool_invoker = AssistantToolInvoker({tool.name: tool for tool in tools})
    return made


def _tool(item: Any, who: str, request: ToolRequest, resolve: Resolve) -> AssistantTool:
    kind = item.get("type") if isinstance(item, Mapping) else None
    if kind in _PROVIDERS_OWN:
        return AssistantTool(str(kind), item)
    if kind != "function":
        raise FlowLoadError(f"{who}: a tool has the type '{kind}'; it is function, {' or '.join(_PROVIDERS_OWN)}")
    if item.get("tool_type") != "python":
        raise FlowLoadError(f"{who}: a function has the tool_type '{item.get('tool_type')}'; it is python")
    source = item.get("source")
    wanted = _SOURCES.get(str(source.get("type"))) if isinstance(source, Mapping) else None
    if wanted is None or not source.get(wanted):
        raise FlowLoadError(f"{who}: a function's source is {{type: code, path: …}} or {{type: package, tool: …}}")
    if wanted == "path" and not (request.directory / source["path"]).is_file():
        raise FlowLoadError(f"{who}: there is no file '{source['path']}' in the flow folder")
    given = item.get("predefined_inputs") or {}
    tool = resolve(replace(request, source=source, literals=given, from_flow_inputs=frozenset()))
    call = functools.partial(tool.call, **tool.constants) if tool.constants else tool.call
    return AssistantTool(tool.call.__name__, _described(tool.call, frozenset(given)), call)


def _described(function: Callable[..., Any], given: frozenset[str]) -> dict[str, Any]:
    """The function as the provider is told of it. given: parameters that are filled already."""
    said = read_docstring(function.__doc__)
    parameters = {name: p for name, p in parameters_of(function).items() if name not in given}
    properties = {
        name: {**_json_type(parameter), "description": said.parameters.get(name, "")}
        for name, parameter in parameters.items()
    }
    required = [name for name, parameter in parameters.items() if parameter.default is inspect.Parameter.empty]
    described = {
        "name": function.__name__,
        "description": said.description,
        "parameters": {"type": "object", "properties": properties, "required": required},
    }
    return {"type": "function", "function": described}


def _json_type(parameter: inspect.Parameter) -> dict[str, Any]:
    wanted = parameter.annotation
    if wanted is inspect.Parameter.empty:
        wanted = type(parameter.default)
    if isinstance(wanted, type) and issubclass(wanted, enum.Enum):
        return {"type": "string", "enum": [member.value for member in wanted]}
    return {"type": _JSON_TYPES.get(wanted, "object")}
