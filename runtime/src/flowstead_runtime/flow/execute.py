"""Running a plan for one request.

Every node starts as soon as what it waits for is there. A coroutine that is the only thing to do is awaited where we
stand; several run side by side, blocking ones in threads. The first failure ends the request.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Mapping
from types import CoroutineType
from typing import Any, Final

from flowstead_runtime.flow.failures import raise_for
from flowstead_runtime.flow.plan import Plan, Source, Step
from flowstead_runtime.flow.references import follow, invalid_property
from flowstead_runtime.flow.threads import ThreadPool
from flowstead_runtime.tools.resolved import Mode


class _Bypassed:
    def __repr__(self) -> str:
        return "<bypassed>"


BYPASSED: Final = _Bypassed()
"""The value of a node that did not run."""


async def execute(plan: Plan, inputs: Mapping[str, Any], pool: ThreadPool, *, stream: bool = False) -> dict[str, Any]:
    """The flow's outputs by name; a bypassed node's output is None. stream: nodes that may stream do. Raises
    NodeFailed, InputError for a path that leads nowhere, or what else of errors.py a tool raised."""
    run = _Run(plan, inputs, pool, stream)
    try:
        await run.run()
        return run.outputs()
    except BaseException:
        await run.close_streams()
        raise


class _Run:
    __slots__ = ("_inputs", "_plan", "_pool", "_running", "_stream", "_values", "_waits")

    def __init__(self, plan: Plan, inputs: Mapping[str, Any], pool: ThreadPool, stream: bool) -> None:
        self._plan = plan
        self._inputs = inputs
        self._pool = pool
        self._stream = stream
        self._values: list[Any] = [None] * len(plan.steps)
        self._waits = [step.waits for step in plan.steps]
        self._running: dict[asyncio.Future[Any], int] = {}

    async def run(self) -> None:
        ready = list(self._plan.roots)
        try:
            while ready or self._running:
                while ready:
                    index = ready.pop()
                    pending = self._begin(index)
                    if pending is None:
                        self._release(index, ready)
                    elif ready or self._running:
                        self._running[asyncio.ensure_future(pending)] = index
                    else:
                        await self._settle(index, pending, ready)
                if self._running:
                    await self._wait(ready)
        finally:
            if self._running:
                _abandon(self._running)

    def outputs(self) -> dict[str, Any]:
        return {
            name: literal if source is None else self._output(source) for name, source, literal in self._plan.outputs
        }

    async def close_streams(self) -> None:
        """Let go of what nobody will read: an open stream holds a connection to its provider."""
        for value in self._values:
            close = getattr(value, "aclose", None)
            if close is not None and isinstance(value, AsyncIterator):
                with contextlib.suppress(Exception):
                    await close()

    def _begin(self, index: int) -> Awaitable[Any] | None:
        """Start the node. None when it is done (its value is set), else what to wait for."""
        step = self._plan.steps[index]
        if self._is_bypassed(step):
            self._values[index] = BYPASSED
            return None
        arguments = self._arguments(step)
        tool = step.tool
        mode = tool.mode
        if mode is Mode.THREAD:
            return self._pool.submit(tool.call, arguments)
        try:
            call = tool.stream if self._stream and step.streams and tool.stream is not None else tool.call
            value = call(**arguments)
        except BaseException as error:
            raise_for(step.name, error)
        if mode is Mode.COROUTINE:
            awaitable: Awaitable[Any] = value
            return awaitable
        self._values[index] = value
        return None

    async def _wait(self, ready: list[int]) -> None:
        """Until at least one running node is done."""
        if len(self._running) == 1:
            future, index = next(iter(self._running.items()))
            await self._settle(index, future, ready)
            del self._running[future]
            return
        done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        for future in sorted(done, key=self._running.__getitem__):
            index = self._running[future]
            await self._settle(index, future, ready)
            del self._running[future]

    async def _settle(self, index: int, pending: Awaitable[Any], ready: list[int]) -> None:
        step = self._plan.steps[index]
        try:
            value = await pending
            if type(value) is CoroutineType:
                # A synchronous wrapper around an asynchronous function.
                value = await value
            if step.dependents and is_cancelled():
                # The tool has caught the cancellation; it was meant for the whole request.
                raise asyncio.CancelledError
        except asyncio.CancelledError as error:
            if is_cancelled():
                raise
            raise_for(step.name, error)
        except BaseException as error:
            raise_for(step.name, error)
        self._values[index] = value
        self._release(index, ready)

    def _release(self, index: int, ready: list[int]) -> None:
        for dependent in self._plan.steps[index].dependents:
            self._waits[dependent] -= 1
            if not self._waits[dependent]:
                ready.append(dependent)

    def _is_bypassed(self, step: Step) -> bool:
        condition = step.condition
        if condition is None:
            values = self._values
            return bool(step.bypass) and all(values[node] is BYPASSED for node in step.bypass)
        source = condition.source
        if source is None:
            return bool(condition.literal != condition.equals)
        if source.input is None and self._values[source.node] is BYPASSED:
            return True
        return bool(self._value(source) != condition.equals)

    def _arguments(self, step: Step) -> dict[str, Any]:
        arguments = dict(step.constants)
        for name, source in step.arguments:
            if source.input is not None:
                arguments[name] = self._inputs[source.input]
            elif self._values[source.node] is not BYPASSED:
                arguments[name] = self._value(source)
            elif not source.may_omit:
                arguments[name] = None
        return arguments

    def _value(self, source: Source) -> Any:
        if source.input is not None:
            return self._inputs[source.input]
        value = self._values[source.node]
        return value if source.reference is None else follow(source.reference, value)

    def _output(self, source: Source) -> Any:
        if source.input is None and self._values[source.node] is BYPASSED:
            if source.reference is not None:
                raise invalid_property(source.reference)
            return None
        return self._value(source)


def is_cancelled() -> bool:
    """Whether it is the request that is being cancelled, and not something inside the flow's code."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _abandon(running: Mapping[asyncio.Future[Any], int]) -> None:
    """Cancel what runs and let nothing of it be reported as never retrieved."""
    for future in running:
        future.cancel()
        _ABANDONED.add(future)
        future.add_done_callback(_forget)


_ABANDONED: set[asyncio.Future[Any]] = set()
"""Keeps cancelled tasks alive until they have ended; the event loop itself only holds them weakly."""


def _forget(future: asyncio.Future[Any]) -> None:
    _ABANDONED.discard(future)
    if not future.cancelled():
        future.exception()
