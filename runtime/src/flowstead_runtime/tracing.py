"""Where spans come into the code below telemetry: nodes and functions marked `@trace` ask here to be traced when they
are loaded. Until telemetry is switched on they get back what they gave, so that a call costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

_ORIGINAL = "__original_function"
"""The attribute under which promptflow's own decorator keeps the function as well."""


class SpanType(StrEnum):
    """What a span is about, as promptflow calls it."""

    FLOW = "Flow"
    FUNCTION = "Function"
    LLM = "LLM"
    EMBEDDING = "Embedding"


@dataclass(frozen=True)
class Traced:
    """What a call is shown as.

    function: the qualified name of what is called, "" for a DAG flow, which is no function. node: the node's name when
    the call is a node. builtin: it is one of promptflow's tools, whose way of calling a provider is the runtime's own
    business. template: the text of its prompt, shown as the input `template_input` too; variables: the names of the
    arguments that fill it. ignored: arguments that are not shown."""

    name: str
    function: str
    type: SpanType = SpanType.FUNCTION
    node: str = ""
    builtin: bool = False
    template: str = ""
    template_input: str = "prompt"
    variables: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()

    @cached_property
    def attributes(self) -> dict[str, str | int]:
        """Those of all its spans, made once."""
        made: dict[str, str | int] = {"framework": "promptflow", "span_type": self.type.value}
        if self.function:
            made["function"] = self.function
        if self.node:
            made["node_name"] = self.node
        return made


Wrap = Callable[[Callable[..., Any], Traced], Callable[..., Any]]
"""Makes of a function one that does the same in a span. A coroutine function stays one."""

_wrap: list[Wrap] = []
_quiet: list[bool] = []


def switch_on(wrap: Wrap) -> None:
    """From here on, what is loaded is traced."""
    _wrap[:] = [wrap]


def switch_off() -> None:
    """What is loaded from here on is not traced."""
    _wrap.clear()


@contextmanager
def quiet() -> Iterator[None]:
    """Meanwhile nothing is traced or measured, in no thread: for the time before an instance serves."""
    _quiet.append(True)
    try:
        yield
    finally:
        _quiet.pop()


def is_quiet() -> bool:
    return bool(_quiet)


def is_on() -> bool:
    return bool(_wrap)


def traced(function: Callable[..., Any], what: Traced) -> Callable[..., Any]:
    """The function in a span; the function itself while telemetry is off."""
    if not _wrap:
        return function
    wrapped = _wrap[0](function, what)
    setattr(wrapped, _ORIGINAL, function)
    return wrapped


def original(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, or the bound method, without the span that `@trace` gave it."""
    found: Any = getattr(function, _ORIGINAL, None)
    if found is None:
        return function
    owner = getattr(function, "__self__", None)
    bound: Callable[..., Any] = found if owner is None else found.__get__(owner)
    return bound
