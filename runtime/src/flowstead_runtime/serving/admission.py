"""How many requests run at once, and how many may wait for how long."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from flowstead_runtime.errors import TooManyRequests
from flowstead_runtime.serving.exchange import Exchange, Handler
from flowstead_runtime.serving.overdue import Overdue
from flowstead_runtime.serving.types import Message, Timers

WATCHED_BYTES = 256 * 1024
"""How much of its body is read of a request that waits. A caller whose body is not over by then is still sending; that
it has left is seen when its turn comes."""

if TYPE_CHECKING:
    from flowstead_runtime.serving.serving import Serving


class Door(Protocol):
    """Where requests enter the instance. Whoever entered must leave."""

    def enter_now(self) -> bool:
        """Take a place if one is free and nobody waits for it."""

    async def enter(self) -> None:
        """Wait for a place. Raises TooManyRequests when the queue is full or the wait was in vain."""

    def leave(self) -> None:
        """Give the place back."""


class Admission:
    """The door of an instance that is one process. A place that is free goes to the one who has waited longest.
    limit None: the door only counts."""

    def __init__(self, limit: int | None, queue: int, wait_s: float, timers: Timers) -> None:
        self._limit = limit
        self._queue = queue
        self._wait_s = wait_s
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._overdue: Overdue[asyncio.Future[None]] = Overdue(wait_s, self._send_away, timers)
        self.running = 0

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return sum(not place.done() for place in self._waiting)

    def enter_now(self) -> bool:
        """Take a place if one is free."""
        if self._limit is not None and self.running >= self._limit:
            return False
        self.running += 1
        return True

    async def enter(self) -> None:
        """Wait for a place. Raises TooManyRequests when the queue is full or the wait was in vain."""
        if self.waiting >= self._queue:
            raise queue_full(self._limit, self._queue)
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._overdue.watch(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self.leave()
            raise
        finally:
            self._overdue.forget(place)

    def leave(self) -> None:
        """Give the place back, to the first who still waits."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self.running -= 1

    def _send_away(self, place: asyncio.Future[None]) -> None:
        if not place.done():
            place.set_exception(waited_in_vain(self._limit, self._wait_s))


def queue_full(limit: int | None, queue: int) -> TooManyRequests:
    return TooManyRequests(f"The instance runs {limit} requests and {queue} more wait; try again in a moment.")


def waited_in_vain(limit: int | None, wait_s: float) -> TooManyRequests:
    return TooManyRequests(
        f"No place became free within {wait_s * 1000:.0f} ms: the instance runs {limit} requests already; try again "
        "in a moment."
    )


def admit(serving: Serving, proceed: Handler) -> Handler:
    """Layer: no more requests behind it than the instance may run."""
    admission = serving.admission

    async def admitted(exchange: Exchange) -> None:
        if not admission.enter_now():
            with _watched(exchange):
                await admission.enter()
        try:
            await proceed(exchange)
        finally:
            admission.leave()

    return admitted


@contextlib.contextmanager
def _watched(exchange: Exchange) -> Iterator[None]:
    """While inside, a caller who hangs up cancels its request, so that the queue holds nobody who has left."""
    read: deque[Message] = deque()
    receive = exchange.receive

    async def receive_again() -> Message:
        return read.popleft() if read else await receive()

    async def watch() -> None:
        size, more = 0, True
        while more and size <= WATCHED_BYTES:
            message = await receive()
            read.append(message)
            size += len(message.get("body", b""))
            more = bool(message.get("more_body"))
        if not more and (read[-1]["type"] == "http.disconnect" or (await receive())["type"] == "http.disconnect"):
            exchange.hang_up()

    watching = asyncio.get_running_loop().create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        exchange.receive = receive_again
