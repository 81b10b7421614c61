"""What flow code takes from promptflow's tracing beside `trace` itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from flowstead_runtime.promptflow_api.tracing import trace

F = TypeVar("F", bound=Callable[..., Any])


class TraceType(StrEnum):
    """What a traced call is."""

    LLM = "LLM"
    FUNCTION = "Function"
    LANGCHAIN = "LangChain"
    FLOW = "Flow"
    EMBEDDING = "Embedding"
    RETRIEVAL = "Retrieval"


@dataclass
class Trace:
    """One traced call. start_time, end_time: seconds since 1970."""

    name: str
    type: TraceType
    inputs: dict[str, Any]
    output: Any = None
    start_time: float | None = None
    end_time: float | None = None
    error: str | None = None
    children: list[Trace] | None = None
    node_name: str | None = None
    parent_id: str = ""
    id: str = ""
    function: str = ""


def traced(func: F, **_: Any) -> F:
    """As `trace`; what else may be said of the call is not kept."""
    return trace(func)
