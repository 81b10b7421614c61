"""Python nodes: the tool in a script of the flow, or in an installed package."""

from __future__ import annotations

import functools
import importlib.metadata
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

from flowstead_runtime.errors import ConnectionInvalid, FlowLoadError
from flowstead_runtime.tools.assistant import with_assistants
from flowstead_runtime.tools.builtin import BUILTIN_FUNCTIONS, BUILTIN_TOOLS, builtin_api, builtin_function
from flowstead_runtime.tools.decorator import STREAMING_OPTION, is_provider, is_tool
from flowstead_runtime.tools.imports import import_named, import_script, load_failure
from flowstead_runtime.tools.literals import convert_literals, parameters_of
from flowstead_runtime.tools.llm import resolve_api
from flowstead_runtime.tools.prompt import read_source
from flowstead_runtime.tools.resolved import Surroundings, Tool, ToolRequest, mode_of
from flowstead_runtime.tools.values import PromptTemplate

ENTRY_POINTS = "package_tools"
"""The entry point group whose functions give {tool id: description} for the tools of a package."""


def resolve_python(request: ToolRequest, surroundings: Surroundings) -> Tool:
    """Raises FlowLoadError or ConnectionInvalid."""
    builtin = BUILTIN_TOOLS.get(request.source.get("tool", ""))
    if builtin is not None:
        return builtin(request, surroundings)
    return bind(*function_of(request), request, surroundings)


def function_of(request: ToolRequest) -> tuple[type | None, Callable[..., Any]]:
    """The function of a python node's tool, and the class when it is a method. The tool is the one in a script of the
    flow, a built-in one, or one that an installed package declares, by its id `module[.Class].function`. Imports its
    module. Raises FlowLoadError."""
    if request.source.get("type", "code") == "code":
        path = (request.directory / request.source["path"]).resolve()
        module = import_script(path, who=f"node '{request.node}'", directory=request.directory.resolve())
        return find_tool(module, node=request.node)
    tool_id = request.source["tool"]
    if tool_id in BUILTIN_FUNCTIONS:
        return builtin_function(tool_id)
    if tool_id.startswith("promptflow.tools."):
        known = ", ".join(sorted({*BUILTIN_TOOLS, *BUILTIN_FUNCTIONS}))
        raise FlowLoadError(
            f"node '{request.node}': the built-in tool '{tool_id}' is not available in this version; available: {known}"
        )
    description = _declared_tools(request).get(tool_id)
    if description is None:
        raise FlowLoadError(
            f"node '{request.node}': no installed package has the tool '{tool_id}'. "
            "Add the package that provides it to the flow's requirements.txt."
        )
    module_name = description.get("module") or tool_id.rsplit(".", 1)[0]
    module = import_named(module_name, who=f"node '{request.node}'", directory=request.directory)
    class_name = description.get("class_name")
    owner = getattr(module, class_name, None) if class_name else None
    function = getattr(owner or module, description.get("function") or tool_id.rsplit(".", 1)[1], None)
    if not callable(function) or (class_name and owner is None):
        raise FlowLoadError(f"node '{request.node}': {module_name} does not hold the tool '{tool_id}'")
    return owner, function


def resolve_custom_llm(request: ToolRequest, surroundings: Surroundings) -> Tool:
    """A package's tool that takes the text of a template of the flow in its parameter of type PromptTemplate."""
    api = builtin_api(request)
    if api is not None:
        return resolve_api(api, request, surroundings)
    tool = resolve_python(request, surroundings)
    parameters = parameters_of(tool.call)
    name = next((n for n, p in parameters.items() if p.annotation is PromptTemplate), None)
    if name is None:
        raise FlowLoadError(
            f"node '{request.node}': the tool '{request.source['tool']}' has no parameter of type PromptTemplate"
        )
    return replace(tool, constants={**tool.constants, name: PromptTemplate(read_source(request))})


def find_tool(module: ModuleType, *, node: str) -> tuple[type | None, Callable[..., Any]]:
    """The script's one tool: a function marked `@tool`, or the class with a method so marked and the method; classes
    that are no ToolProvider count only when there is nothing else. Tools that the script imported from elsewhere do not
    count. Raises FlowLoadError when there is none or more than one."""
    own = [value for value in vars(module).values() if getattr(value, "__module__", None) == module.__name__]
    functions = [(None, value) for value in own if not isinstance(value, type) and is_tool(value)]
    classes = [value for value in own if isinstance(value, type)]
    found: list[tuple[type | None, Callable[..., Any]]] = [
        *functions,
        *(each for owner in classes if is_provider(owner) for each in _methods_of(owner)),
    ]
    found = found or [each for owner in classes for each in _methods_of(owner)]
    name = module.__name__
    if not found:
        raise FlowLoadError(
            f"node '{node}': {name} holds no tool; decorate its function with @tool (from promptflow.core import tool)"
        )
    if len(found) > 1:
        names = ", ".join(sorted(function.__qualname__ for _, function in found))
        raise FlowLoadError(f"node '{node}': {name} holds more than one tool ({names}); keep one in a script")
    return found[0]


def bind(owner: type | None, function: Callable[..., Any], request: ToolRequest, surroundings: Surroundings) -> Tool:
    """The tool with its literals converted and, for a method, its object made from the node's inputs."""
    literals: Mapping[str, Any] = request.literals
    if owner is not None:
        function, literals = _method(owner, function, request, surroundings)
    parameters = parameters_of(function)
    constants = _converted(literals, parameters, request, surroundings)
    optional = {name: p.default is not inspect.Parameter.empty for name, p in parameters.items()}
    return Tool(function, mode_of(function), constants=constants, parameters=optional, stream=_streaming(function))


def _methods_of(owner: type) -> list[tuple[type, Callable[..., Any]]]:
    """Those marked as tools, inherited ones included."""
    return [(owner, method) for _, method in inspect.getmembers(owner, is_tool)]


def _streaming(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """The function told to give its result piece by piece, where `@tool` says by which parameter."""
    parameter = getattr(function, STREAMING_OPTION, None)
    return functools.partial(function, **{parameter: True}) if parameter else None


def _method(
    owner: type, function: Callable[..., Any], request: ToolRequest, surroundings: Surroundings
) -> tuple[Callable[..., Any], Mapping[str, Any]]:
    wanted = parameters_of(owner.__init__) if owner.__init__ is not object.__init__ else {}  # type: ignore[misc]
    mine = {name: value for name, value in request.literals.items() if name in wanted}
    arguments = _converted(mine, wanted, request, surroundings)
    try:
        instance = owner(**arguments)
    except (ConnectionInvalid, FlowLoadError):
        raise
    except Exception as error:
        raise load_failure(error, who=f"node '{request.node}'", directory=request.directory.resolve()) from error
    rest = {name: value for name, value in request.literals.items() if name not in wanted}
    return getattr(instance, function.__name__), rest


def _converted(
    literals: Mapping[str, Any],
    parameters: Mapping[str, inspect.Parameter],
    request: ToolRequest,
    surroundings: Surroundings,
) -> dict[str, Any]:
    with_definitions = with_assistants(
        literals, parameters, request, lambda function: resolve_python(function, surroundings)
    )
    return convert_literals(
        with_definitions,
        parameters,
        node=request.node,
        connections=surroundings.connections,
        images=request.image_rules,
    )


def _declared_tools(request: ToolRequest) -> dict[str, Mapping[str, Any]]:
    declared: dict[str, Mapping[str, Any]] = {}
    for entry in importlib.metadata.entry_points(group=ENTRY_POINTS):
        try:
            found = entry.load()()
        except Exception as error:
            raise FlowLoadError(
                f"node '{request.node}': the tools of the package '{entry.value}' cannot be listed: {error}"
            ) from error
        declared.update(found)
    return declared
