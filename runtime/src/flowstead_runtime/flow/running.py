"""What serving asks of a loaded flow, whatever its kind."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from flowstead_runtime.flow.definition import FlowDefinition


class RunContext(NamedTuple):
    """One request. deadline: absolute, on the event loop's clock, None for none.
    stream: the caller asked for text/event-stream, so LLM nodes that feed only a flow output stream."""

    request_id: str
    deadline: float | None = None
    stream: bool = False
    attributes: Mapping[str, str] = MappingProxyType({})


class RunResult(NamedTuple):
    """value: the outputs by name (DAG: always a dict; flex and prompty may be bare), not yet selected or encoded.
    An output may be an iterator or async iterator; who takes the result drains or closes it.
    named: value is a mapping of outputs by name, not a bare value."""

    value: Any
    named: bool = True


class Flow(Protocol):
    """A flow that is loaded: code imported, connections resolved, plan made."""

    @property
    def definition(self) -> FlowDefinition: ...

    async def run(self, inputs: Mapping[str, Any], context: RunContext) -> RunResult:
        """Run once. inputs: already decoded and converted (`types.convert_inputs`). Raises errors of `errors.py`.
        When it is cancelled no further node starts and async nodes are cancelled; a running sync call is dropped."""

    async def close(self) -> None:
        """Let go of threads and clients."""
