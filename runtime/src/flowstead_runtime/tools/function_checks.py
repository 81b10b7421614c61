"""What `functions` and `tools` of a chat have to look like, said before the provider says it in its own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowstead_runtime.errors import ProviderFailed

_ERRORS = {"functions": "ChatAPIInvalidFunctions", "tools": "ChatAPIInvalidTools"}


def check_functions(parameter: str, given: Any) -> None:
    """parameter: `functions` or `tools`. Raises ProviderFailed naming the first thing that is wrong."""
    for number, each in enumerate(given):
        problem = _tool_problem(each, number) if parameter == "tools" else _function_problem(each, f"function {number}")
        if problem:
            example = "" if parameter == "functions" else '"type": "function", "function": '
            raise ProviderFailed(
                f"{problem}. A valid one begins {{{example}"
                '{"name": "f", "parameters": {"type": "object", "properties": {…}}.',
                _ERRORS[parameter],
            )


def _tool_problem(tool: Any, number: int) -> str:
    if not isinstance(tool, Mapping):
        return f"tool {number} '{tool}' is not a dict"
    missing = next((key for key in ("type", "function") if key not in tool), None)
    if missing:
        return f"tool {number} '{tool}' does not have '{missing}' property"
    return _function_problem(tool["function"], f"function {number}")


def _function_problem(function: Any, who: str) -> str:
    if not isinstance(function, Mapping):
        return f"{who} '{function}' is not a dict"
    missing = next((key for key in ("name", "parameters") if key not in function), None)
    if missing:
        return f"{who} '{function}' does not have '{missing}' property"
    name, parameters = function["name"], function["parameters"]
    if not isinstance(parameters, Mapping):
        return f"{who} '{name}' parameters '{parameters}' should be described as a JSON Schema object"
    missing = next((key for key in ("type", "properties") if key not in parameters), None)
    if missing:
        return f"{who} '{name}' parameters '{parameters}' does not have '{missing}' property"
    if parameters["type"] != "object":
        return f"{who} '{name}' parameters 'type' should be 'object'"
    if not isinstance(parameters["properties"], Mapping):
        return f"{who} '{name}' parameters 'properties' should be described as a JSON Schema object"
    return ""
