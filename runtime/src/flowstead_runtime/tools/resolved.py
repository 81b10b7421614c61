"""What a node asks for, and what it gets: the two ends of tool resolution."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from flowstead_runtime.connections.sources import ConnectionSource
from flowstead_runtime.tools.multimedia import BASIC, ImageRules


class Mode(Enum):
    """How a tool's function is called."""

    THREAD = "thread"
    """It may block: in a thread of the pool."""
    COROUTINE = "coroutine"
    """It gives an awaitable: on the event loop."""
    DIRECT = "direct"
    """It neither blocks nor awaits (making a generator, rendering a template): called right on the event loop."""


def mode_of(function: Callable[..., Any]) -> Mode:
    """How a function of the flow's author is to be called."""
    if inspect.iscoroutinefunction(function):
        return Mode.COROUTINE
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return Mode.DIRECT
    return Mode.THREAD


@dataclass(frozen=True)
class ToolRequest:
    """One node, as far as its tool is concerned. literals: inputs given as values, null and "" left out;
    from_flow_inputs: the names of the inputs that the flow's own inputs fill; directory: the flow's; module: where an
    llm node says that its API comes from."""

    node: str
    type: str
    source: Mapping[str, str]
    directory: Path
    literals: Mapping[str, Any] = field(default_factory=dict)
    from_flow_inputs: frozenset[str] = frozenset()
    connection: str = ""
    api: str = ""
    module: str = ""
    images: ImageRules | None = None

    @property
    def image_rules(self) -> ImageRules:
        """How images among the literals are written and found."""
        return self.images or ImageRules(BASIC, self.directory, confined=True)


@dataclass(frozen=True)
class Tool:
    """A function ready to be called by name. constants: arguments that are the same for every request; parameters: the
    names it declares and whether each may be left out, None when unknown; stream: called instead of `call`, in the same
    mode, when its result may be a stream; function: promptflow's name for a tool that is built in; variables: the names
    that its template takes."""

    call: Callable[..., Any]
    mode: Mode
    constants: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, bool] | None = None
    stream: Callable[..., Any] | None = None
    function: str = ""
    variables: frozenset[str] = frozenset()

    def may_omit(self, name: str) -> bool:
        """Whether the argument may be left out, its default used."""
        return self.parameters is not None and self.parameters.get(name, False)


@dataclass(frozen=True)
class Surroundings:
    """What resolving needs beside the node. clients: LLM clients by connection name, shared by the flow's nodes."""

    connections: ConnectionSource
    clients: dict[str, Any] = field(default_factory=dict)
