"""Prompt nodes: a template rendered with the node's inputs."""

from __future__ import annotations

from typing import Any

from flowstead_runtime.errors import FlowLoadError
from flowstead_runtime.tools.resolved import Mode, Surroundings, Tool, ToolRequest
from flowstead_runtime.tools.template import Template, guard_arguments
from flowstead_runtime.tools.values import PromptText

_RESERVED = "template"


def resolve_prompt(request: ToolRequest, surroundings: Surroundings) -> Tool:
    """Raises FlowLoadError for a template that cannot be compiled."""
    template = read_template(request)
    if _RESERVED in template.variables:
        raise FlowLoadError(f"node '{request.node}': a prompt template cannot use the name '{_RESERVED}'")
    from_caller = request.from_flow_inputs

    def render(**arguments: Any) -> str:
        text = template.render(arguments)
        guarded = guard_arguments(arguments, from_caller)
        # Twice, for filters are to see the caller's words as they are.
        return text if guarded == arguments else PromptText(text, template.render(guarded))

    return Tool(
        render,
        Mode.DIRECT,
        constants=request.literals,
        function="render_template_jinja2",
        variables=template.variables,
    )


def read_template(request: ToolRequest, *, images: bool = False) -> Template:
    """The node's template file, compiled. images: as for `Template`. Raises FlowLoadError."""
    path = request.source["path"]
    return Template(read_source(request), who=f"node '{request.node}'", path=path, images=images)


def read_source(request: ToolRequest) -> str:
    """The text of the node's source file. Raises FlowLoadError."""
    path = request.source["path"]
    try:
        return (request.directory / path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FlowLoadError(f"node '{request.node}': {path} cannot be read: {error}") from None
