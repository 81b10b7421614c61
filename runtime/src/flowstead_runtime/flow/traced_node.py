"""A node in a span of its own."""

from __future__ import annotations

from dataclasses import replace

from flowstead_runtime import tracing
from flowstead_runtime.tools.prompt import read_source
from flowstead_runtime.tools.resolved import Tool, ToolRequest
from flowstead_runtime.tracing import Traced


def traced_node(tool: Tool, request: ToolRequest) -> Tool:
    """The node's tool, its calls in spans; the tool itself while telemetry is off."""
    if not tracing.is_on():
        return tool
    what = Traced(
        request.node,
        tool.function or getattr(tool.call, "__qualname__", request.node),
        node=request.node,
        builtin=bool(tool.function),
        template=read_source(request) if tool.variables else "",
        template_input="template" if request.type == "prompt" else "prompt",
        variables=tool.variables,
    )
    stream = tracing.traced(tool.stream, what) if tool.stream is not None else None
    return replace(tool, call=tracing.traced(tool.call, what), stream=stream)
