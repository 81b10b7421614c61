"""From a node to its tool: one table by the node's type."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flowstead_runtime.errors import ConnectionInvalid
from flowstead_runtime.tools.llm import resolve_llm
from flowstead_runtime.tools.prompt import resolve_prompt
from flowstead_runtime.tools.python import resolve_custom_llm, resolve_python
from flowstead_runtime.tools.resolved import Surroundings, Tool, ToolRequest

RESOLVERS: Mapping[str, Callable[[ToolRequest, Surroundings], Tool]] = {
    "python": resolve_python,
    "prompt": resolve_prompt,
    "llm": resolve_llm,
    "custom_llm": resolve_custom_llm,
}


def resolve(request: ToolRequest, surroundings: Surroundings) -> Tool:
    """Imports the node's code and makes its tool ready. Raises FlowLoadError, or ConnectionInvalid naming the node."""
    try:
        return RESOLVERS[request.type](request, surroundings)
    except ConnectionInvalid as error:
        raise ConnectionInvalid(f"node '{request.node}': {error.message}") from None
