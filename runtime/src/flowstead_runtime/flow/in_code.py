"""`Flow` and `AsyncFlow`: other flows, as flow code loads and calls them.

They run on an event loop of their own, in one thread for the process: blocking code may call them anywhere, and the
clients that a flow keeps belong to one loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

from flowstead_runtime.errors import RuntimeFailure
from flowstead_runtime.flow.definition import FlowKind
from flowstead_runtime.flow.inputs import convert_inputs
from flowstead_runtime.flow.load import find_definition_file, kind_of
from flowstead_runtime.flow.open import open_flow
from flowstead_runtime.flow.running import Flow as OpenFlow
from flowstead_runtime.flow.running import RunContext
from flowstead_runtime.promptflow_api.exceptions import UserErrorException, user_error
from flowstead_runtime.promptflow_api.prompty import AsyncPrompty, Prompty
from flowstead_runtime.tools import clients

T = TypeVar("T")
_lock = threading.Lock()
_loops: list[asyncio.AbstractEventLoop] = []


@dataclass(frozen=True)
class LineResult:
    """What a call of a flow gave."""

    output: Any


class _FlowInCode:
    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def load(cls, source: str | os.PathLike[str], **settings: Any) -> Self | Prompty:
        """source: a flow's folder or definition file; of a prompty, `settings` replace those of the file. Raises
        promptflow's UserErrorException."""
        try:
            path = find_definition_file(Path(source))
            if kind_of(path) is not FlowKind.PROMPTY:
                return cls(path)
        except RuntimeFailure as failure:
            raise user_error(failure) from failure
        prompty: type[Prompty] = AsyncPrompty if issubclass(cls, AsyncFlow) else Prompty
        return prompty.load(path, **settings)

    @property
    def path(self) -> Path:
        """The definition file."""
        return self._path

    @property
    def code(self) -> Path:
        """The flow's folder."""
        return self._path.parent

    @cached_property
    def _flow(self) -> OpenFlow:
        # What a caller sends may reach it, and whether this process is hosted is not known here.
        return open_flow(self._path, connections=clients.connections(), environ=os.environ, confined=True)

    async def _run(self, inputs: dict[str, Any]) -> Any:
        flow = self._flow
        arguments = convert_inputs(flow.definition, inputs)
        return (await flow.run(arguments, RunContext(request_id="", stream=True))).value


class Flow(_FlowInCode):
    """A flow, called with its inputs by name: its outputs by name, or whatever a flex flow gives. An output that comes
    piece by piece is an iterator. Raises promptflow's exceptions."""

    def __call__(self, *args: Any, **inputs: Any) -> Any:
        _refuse_positional(args)
        return self.invoke(inputs).output

    def invoke(self, inputs: dict[str, Any], **_: Any) -> LineResult:
        """As a call, the outputs wrapped."""
        _refuse_to_wait_for_itself()
        try:
            value = _submit(self._run(inputs)).result()
        except RuntimeFailure as failure:
            raise user_error(failure) from failure
        return LineResult(_outputs(value, _pieces))


class AsyncFlow(_FlowInCode):
    """As `Flow`; a call gives an awaitable, an output that comes piece by piece is an async iterator."""

    async def __call__(self, *args: Any, **inputs: Any) -> Any:
        _refuse_positional(args)
        return (await self.invoke(inputs)).output

    async def invoke(self, inputs: dict[str, Any], **_: Any) -> LineResult:
        """As a call, the outputs wrapped."""
        try:
            value = await asyncio.wrap_future(_submit(self._run(inputs)))
        except RuntimeFailure as failure:
            raise user_error(failure) from failure
        return LineResult(_outputs(value, _pieces_awaited))


load_flow = Flow.load


def _refuse_positional(args: tuple[Any, ...]) -> None:
    if args:
        raise UserErrorException("Flow can only be called with keyword arguments.")


def _refuse_to_wait_for_itself() -> None:
    with contextlib.suppress(RuntimeError):  # no loop runs here
        if asyncio.get_running_loop() in _loops:
            raise UserErrorException("A coroutine of a flow that is called from code must call others by AsyncFlow.")


def _submit(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Run it on the loop of these flows, with the caller's context variables."""
    with _lock:
        if not _loops:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="flows-in-code", daemon=True).start()
            _loops.append(loop)
    return asyncio.run_coroutine_threadsafe(work, _loops[0])


def _outputs(value: Any, pieces: Any) -> Any:
    """The outputs, those that come piece by piece on the other loop as the caller can read them."""
    if isinstance(value, dict):
        return {name: pieces(item) if hasattr(item, "__anext__") else item for name, item in value.items()}
    return pieces(value) if hasattr(value, "__anext__") else value


def _pieces(stream: AsyncIterator[Any]) -> Iterator[Any]:
    while (piece := _submit(_next(stream)).result()) is not _END:
        yield piece


async def _pieces_awaited(stream: AsyncIterator[Any]) -> AsyncIterator[Any]:
    while (piece := await asyncio.wrap_future(_submit(_next(stream)))) is not _END:
        yield piece


_END = object()


async def _next(stream: AsyncIterator[Any]) -> Any:
    return await anext(stream, _END)
