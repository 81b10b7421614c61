"""promptflow's tools as flow code imports them: ours, raising promptflow's exceptions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from flowstead_runtime.errors import RuntimeFailure
from flowstead_runtime.promptflow_api.exceptions import user_error
from flowstead_runtime.tools.builtin import calls, content_safety, open_model, serp

P = ParamSpec("P")
R = TypeVar("R")


def for_flow_code(function: Callable[P, R]) -> Callable[P, R]:
    """The same function, its failures as promptflow's exceptions."""

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except RuntimeFailure as failure:
            raise user_error(failure) from failure

    return called


azure_chat = for_flow_code(calls.azure_chat)
azure_completion = for_flow_code(calls.azure_completion)
chat = for_flow_code(calls.chat)
completion = for_flow_code(calls.completion)
llm = for_flow_code(calls.llm)
llm_vision = for_flow_code(calls.llm_vision)
embedding = for_flow_code(calls.embedding)
render_template_jinja2 = for_flow_code(calls.render_template_jinja2)
analyze_text = for_flow_code(content_safety.analyze_text)
search = for_flow_code(serp.search)


class AzureOpenAI(calls.AzureOpenAI):
    chat = for_flow_code(calls.AzureOpenAI.chat)
    completion = for_flow_code(calls.AzureOpenAI.completion)


class OpenAI(calls.OpenAI):
    chat = for_flow_code(calls.OpenAI.chat)
    completion = for_flow_code(calls.OpenAI.completion)


class OpenModelLLM(open_model.OpenModelLLM):
    call = for_flow_code(open_model.OpenModelLLM.call)


class SerpAPI(serp.SerpAPI):
    search = for_flow_code(serp.SerpAPI.search)
