"""The tools that promptflow-tools brings, by the ids under which flows name them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from flowstead_runtime.tools.builtin.embedding import resolve_embedding
from flowstead_runtime.tools.llm import CHAT, LLM_COMPLETION, VISION, Api
from flowstead_runtime.tools.resolved import Surroundings, Tool, ToolRequest

BUILTIN_TOOLS: Mapping[str, Callable[[ToolRequest, Surroundings], Tool]] = {
    "promptflow.tools.embedding.embedding": resolve_embedding,
}
"""Those that are resolved in a way of their own."""

_HERE = "flowstead_runtime.tools.builtin"
BUILTIN_FUNCTIONS: Mapping[str, str] = {
    "promptflow.tools.aoai.chat": f"{_HERE}.calls:azure_chat",
    "promptflow.tools.aoai.completion": f"{_HERE}.calls:azure_completion",
    "promptflow.tools.aoai.AzureOpenAI.chat": f"{_HERE}.calls:AzureOpenAI.chat",
    "promptflow.tools.aoai.AzureOpenAI.completion": f"{_HERE}.calls:AzureOpenAI.completion",
    "promptflow.tools.openai.chat": f"{_HERE}.calls:chat",
    "promptflow.tools.openai.completion": f"{_HERE}.calls:completion",
    "promptflow.tools.openai.OpenAI.chat": f"{_HERE}.calls:OpenAI.chat",
    "promptflow.tools.openai.OpenAI.completion": f"{_HERE}.calls:OpenAI.completion",
    "promptflow.tools.azure_content_safety.analyze_text": f"{_HERE}.content_safety:analyze_text",
    "promptflow.tools.open_model_llm.OpenModelLLM.call": f"{_HERE}.open_model:OpenModelLLM.call",
    "promptflow.tools.serpapi.SerpAPI.search": f"{_HERE}.serp:SerpAPI.search",
    "promptflow.tools.serpapi.search": f"{_HERE}.serp:search",
    "promptflow.tools.template_rendering.render_template_jinja2": f"{_HERE}.calls:render_template_jinja2",
}
"""Those that are plain functions and methods, which flow code may call as well."""

_WITH_PROMPT: Mapping[str, Api | None] = {
    "promptflow.tools.llm.llm": None,
    "promptflow.tools.llm_vision.llm_vision": VISION,
    "promptflow.tools.aoai_gpt4v.AzureOpenAI.chat": VISION,
    "promptflow.tools.openai_gpt4v.OpenAI.chat": VISION,
}


def builtin_api(request: ToolRequest) -> Api | None:
    """What a node with a prompt of its own calls when its tool is a built-in one for LLMs, else None."""
    tool_id = request.source["tool"]
    if tool_id not in _WITH_PROMPT:
        return None
    wanted = _WITH_PROMPT[tool_id]
    return wanted or (LLM_COMPLETION if request.literals.get("api") == "completion" else CHAT)


def builtin_function(tool_id: str) -> tuple[type | None, Callable[..., Any]]:
    """The class, if it is a method, and the function."""
    module, _, path = BUILTIN_FUNCTIONS[tool_id].partition(":")
    owner_name, _, name = path.rpartition(".")
    found = importlib.import_module(module)
    owner: type | None = getattr(found, owner_name) if owner_name else None
    return owner, getattr(owner or found, name)
