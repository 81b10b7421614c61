"""Running a plan for one request.

Every node starts as soon as what it waits for is there. A coroutine that is the only thing to do is awaited where we
stand; several run side by side, blocking ones in threads. The first failure ends the request.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterable, Mapping
from types import CoroutineType
from typing import Any, Final, NoReturn

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

_Pending = tuple[int, Awaitable[Any]]
"""A node's number, and what gives its value."""


def execute(
    plan: Plan, inputs: Mapping[str, Any], pool: ThreadPool, *, stream: bool = False
) -> Coroutine[Any, Any, dict[str, Any]]:
    """The flow's outputs by name; a bypassed node's output is None. stream: nodes that may stream do. Raises
    NodeFailed, InputError for a path that leads nowhere, or what else of errors.py a tool raised."""
    return _Run(plan, inputs, pool, stream).run()


class _Run:
    __slots__ = ("_inputs", "_plan", "_pool", "_running", "_stream", "_values", "_waits")

    def __init__(self, plan: Plan, inputs: Mapping[str, Any], pool: ThreadPool, stream: bool) -> None:
        self._plan = plan
        self._inputs = inputs
        self._pool = pool
        self._stream = stream
        self._values: list[Any] = [None] * len(plan.steps)
        self._waits = [step.waits for step in plan.steps]
        self._running: dict[int, asyncio.Future[Any]] = {}

    async def run(self) -> dict[str, Any]:
        ready = list(self._plan.roots)
        try:
            while True:
                turn = self._begin_all(ready)
                if not turn:
                    if not self._running:
                        return self._outputs()
                    turn = await self._first_done()
                for index, pending in turn:
                    try:
                        value = await pending
                        if type(value) is CoroutineType:
                            # A synchronous wrapper around an asynchronous function.
                            value = await value
                        if self._plan.steps[index].dependents and is_cancelled():
                            # The tool has caught the cancellation; it was meant for the whole request.
                            raise asyncio.CancelledError
                    except BaseException as error:
                        self._fail(index, error)
                    self._running.pop(index, None)
                    self._values[index] = value
                    self._release(index, ready)
        except BaseException:
            _abandon(self._running.values())
            await self._close_streams()
            raise

    def _outputs(self) -> dict[str, Any]:
        return {
            name: literal if source is None else self._output(source) for name, source, literal in self._plan.outputs
        }

    async def _close_streams(self) -> None:
        """Let go of what nobody will read: an open stream holds a connection to its provider."""
        for value in self._values:
            close = getattr(value, "aclose", None)
            if close is not None and isinstance(value, AsyncIterator):
                with contextlib.suppress(Exception):
                    await close()

    def _begin_all(self, ready: list[int]) -> list[_Pending]:
        """Start the nodes that are ready, and those that become so at once. Gives what to await next when it is the
        only thing under way: it then needs no task of its own."""
        while ready:
            index = ready.pop()
            pending = self._begin(index)
            if pending is None:
                self._release(index, ready)
            elif ready or self._running:
                self._running[index] = asyncio.ensure_future(pending)
            else:
                return [(index, pending)]
        return list(self._running.items()) if len(self._running) == 1 else []

    def _begin(self, index: int) -> Awaitable[Any] | None:
        """Start the node. None when it is done (its value is set), else what to wait for."""
        step = self._plan.steps[index]
        if self._is_bypassed(step):
            self._values[index] = BYPASSED
            return None
        arguments = self._arguments(step)
        tool = step.tool
        mode = tool.mode
        call = tool.stream if self._stream and step.streams and tool.stream is not None else tool.call
        if mode is Mode.THREAD:
            return self._pool.submit(call, arguments)
        try:
            value = call(**arguments)
        except BaseException as error:
            raise_for(step.name, error)
        if mode is Mode.COROUTINE:
            awaitable: Awaitable[Any] = value
            return awaitable
        self._values[index] = value
        return None

    async def _first_done(self) -> list[_Pending]:
        """Those of the running nodes that are done, as soon as there is one."""
        done, _ = await asyncio.wait(self._running.values(), return_when=asyncio.FIRST_COMPLETED)
        return sorted(each for each in self._running.items() if each[1] in done)

    def _fail(self, index: int, error: BaseException) -> NoReturn:
        """Raise what the node's failure is to the caller."""
        if isinstance(error, asyncio.CancelledError) and is_cancelled():
            raise error
        raise_for(self._plan.steps[index].name, error)

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


def _abandon(running: Iterable[asyncio.Future[Any]]) -> None:
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
