"""The threads that synchronous tools run in."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import threading
from collections import deque
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import Any

LIMIT = 4096
"""No bound that a flow should meet: requests are counted before they come here. It keeps a runaway fan-out from taking
every thread that the system has."""

STACK_BYTES = 2 * 1024 * 1024
"""Address space, of which only the touched pages cost memory. With less, endless recursion through `__getattr__` or a
sort key overflows the stack and ends the process before Python's recursion limit makes an exception of it
(docs/decisions/0004-stacks-of-tool-threads.md)."""

_Work = tuple[
    "asyncio.Future[Any]", asyncio.AbstractEventLoop, contextvars.Context, Callable[..., Any], Mapping[str, Any]
]
_Result = tuple["asyncio.Future[Any]", Any, BaseException | None]


class ThreadPool:
    """Grows whenever a call finds no idle thread, up to `limit` or what the system allows; calls beyond that wait
    their turn. Its threads are daemons: a tool that never returns holds up nothing. To be used from one event loop,
    which does all the bookkeeping."""

    def __init__(self, limit: int = LIMIT, stack_bytes: int = STACK_BYTES) -> None:
        self._limit = limit
        self._stack_bytes = stack_bytes
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._finished: deque[_Result] = deque()
        self._delivering = False
        self._threads = 0
        self._busy = 0
        self._names = itertools.count(1)

    @property
    def threads(self) -> int:
        return self._threads

    def submit(self, call: Callable[..., Any], arguments: Mapping[str, Any]) -> asyncio.Future[Any]:
        """`call(**arguments)` in a thread, with a copy of the caller's context. Cancelling the future keeps
        the call from starting; one that runs already goes on and its result is dropped."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._busy += 1
        if self._busy > self._threads and self._threads < self._limit:
            self._start_thread()
        self._queue.put((future, loop, contextvars.copy_context(), call, arguments))
        return future

    def close(self) -> None:
        """Let the idle threads end. The busy ones end with their calls."""
        for _ in range(self._threads):
            self._queue.put(None)
        self._threads = 0

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name=f"tool-{next(self._names)}", daemon=True)
        before = threading.stack_size(self._stack_bytes)
        try:
            thread.start()
        except RuntimeError:
            # The system gives no more; those that are there will come to it.
            if not self._threads:
                self._busy -= 1
                raise
        else:
            self._threads += 1
        finally:
            threading.stack_size(before)

    def _work(self) -> None:
        while (work := self._queue.get()) is not None:
            future, loop, context, call, arguments = work
            value, error = None, None
            if not future.cancelled():
                try:
                    value = context.run(call, **arguments)
                except BaseException as raised:
                    error = raised
            self._finished.append((future, value, error))
            if not self._delivering:
                # One wake-up of the event loop does for all that finish before it comes.
                self._delivering = True
                try:
                    loop.call_soon_threadsafe(self._deliver)
                except RuntimeError:
                    return  # the event loop is closed, nobody waits any more
            del work, future, context, call, arguments, value, error

    def _deliver(self) -> None:
        self._delivering = False  # first: what finishes from now on may be too late for the loop below
        while self._finished:
            self._settle(*self._finished.popleft())

    def _settle(self, future: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
        self._busy -= 1
        if future.done():
            return
        if error is None:
            future.set_result(value)
        elif isinstance(error, StopIteration):
            # A future refuses to carry this one.
            future.set_exception(RuntimeError(f"StopIteration: {error}"))
        else:
            future.set_exception(error)
