"""The tools that promptflow-tools brings, by the ids under which flows name them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flowstead_runtime.tools.builtin.embedding import resolve_embedding
from flowstead_runtime.tools.resolved import Surroundings, Tool, ToolRequest

BUILTIN_TOOLS: Mapping[str, Callable[[ToolRequest, Surroundings], Tool]] = {
    "promptflow.tools.embedding.embedding": resolve_embedding,
}
