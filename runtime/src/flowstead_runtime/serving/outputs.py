"""Which of the flow's outputs leave, and in which shape."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from flowstead_runtime.flow.definition import FlowOutput
from flowstead_runtime.flow.running import RunResult
from flowstead_runtime.serving.exchange import Exchange, Handler
from flowstead_runtime.serving.streams import close, is_stream

if TYPE_CHECKING:
    from flowstead_runtime.serving.serving import Serving

BARE = "output"
"""The name of a value that is no mapping of outputs, where a name is needed."""


class Outputs(NamedTuple):
    """values: by name. named: they leave as an object, else the one value leaves bare. streams: names of those that
    come piece by piece."""

    values: Mapping[str, Any]
    named: bool
    streams: tuple[str, ...]


def select_outputs(serving: Serving, proceed: Handler) -> Handler:
    """Layer: drops the outputs that are not for the caller."""
    hidden = make_hidden(serving.definition.outputs, serving.settings.included_fields)

    def selected(exchange: Exchange) -> Awaitable[None]:
        exchange.outputs, dropped = select(exchange.result, hidden)
        return _close_first(exchange, dropped) if dropped else proceed(exchange)

    async def _close_first(exchange: Exchange, dropped: Iterable[Any]) -> None:
        for each in dropped:
            await close(each, serving.stream_threads)
        await proceed(exchange)

    return selected


def make_hidden(declared: Mapping[str, FlowOutput], included: frozenset[str] | None) -> Callable[[str], bool] | None:
    """Whether an output is kept back: all but the included ones when that is set, else the evaluation-only ones.
    None when nothing is."""
    if included is not None:
        return lambda name: name not in included
    evaluation_only = frozenset(name for name, each in declared.items() if each.evaluation_only)
    return evaluation_only.__contains__ if evaluation_only else None


def select(result: RunResult, hidden: Callable[[str], bool] | None) -> tuple[Outputs, list[Any]]:
    """The outputs to answer with, and the streams among the dropped ones, for closing."""
    value, named = result.value, result.named
    if not named and dataclasses.is_dataclass(value) and not isinstance(value, type):
        value, named = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}, True
    if not named:
        return Outputs({BARE: value}, False, (BARE,) if is_stream(value) else ()), []
    dropped: list[Any] = []
    if hidden is not None:
        dropped = [each for name, each in value.items() if hidden(name) and is_stream(each)]
        value = {name: each for name, each in value.items() if not hidden(name)}
    return Outputs(value, True, tuple([name for name, each in value.items() if is_stream(each)])), dropped
