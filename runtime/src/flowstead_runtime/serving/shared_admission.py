"""The door of an instance that has several worker processes: each has its own queue, the places are counted for all."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from flowstead_runtime.serving.admission import queue_full, waited_in_vain
from flowstead_runtime.serving.overdue import Overdue
from flowstead_runtime.serving.places import Places
from flowstead_runtime.serving.types import Timers

STUCK_AFTER_S = 1.0
"""A request that has waited this much longer than it may is one of a worker whose event loop is blocked."""

_Waiting = tuple[int, "asyncio.Future[None]"]


class SharedAdmission:
    """A place that is free goes to the request that has waited longest, whichever worker it came to; workers call each
    other by their bells (`on_bell`). clock: nanoseconds, the one of `places`."""

    def __init__(
        self,
        places: Places,
        worker: int,
        limit: int,
        queue: int,
        wait_s: float,
        timers: Timers,
        clock: Callable[[], int],
    ) -> None:
        self._places = places
        self._worker = worker
        self._limit = limit
        self._queue = queue
        self._wait_s = wait_s
        self._patience_ns = int((wait_s + STUCK_AFTER_S) * 1e9)
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._overdue: Overdue[asyncio.Future[None]] = Overdue(wait_s, self._send_away, timers)

    def enter_now(self) -> bool:
        """Take a place if one is free and nobody waits for it."""
        places = self._places
        with places.locked():
            if places.running() >= self._limit or places.next_in_line(self._patience_ns) is not None:
                return False
            places.change_running(self._worker, 1)
        return True

    async def enter(self) -> None:
        """Wait for a place. Raises TooManyRequests when the queue is full or the wait was in vain."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._places.locked():
            if self._places.waiting() >= self._queue:
                raise queue_full(self._limit, self._queue)
            self._waiting.append((self._clock(), place))
            self._pass_on()
        self._overdue.watch(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self.leave()
            else:
                self.on_bell()
            raise
        finally:
            self._overdue.forget(place)

    def leave(self) -> None:
        """Give the place back."""
        with self._places.locked():
            self._places.change_running(self._worker, -1)
            self._pass_on()

    def on_bell(self) -> None:
        """A place may be free, or who waited has left: see whose turn it is."""
        with self._places.locked():
            self._pass_on()

    def _pass_on(self) -> None:
        """Give free places to whoever is first in line: to a request of ours, or by the bell of another worker, who
        then does the same. With the lock held."""
        self._tell_who_waits()
        while self._places.running() < self._limit:
            first = self._places.next_in_line(self._patience_ns)
            if first != self._worker:
                if first is not None:
                    self._places.ring(first)
                return
            self._places.change_running(self._worker, 1)
            self._waiting.popleft()[1].set_result(None)
            self._tell_who_waits()

    def _tell_who_waits(self) -> None:
        while self._waiting and self._waiting[0][1].done():
            self._waiting.popleft()
        count = sum(not place.done() for _, place in self._waiting)
        self._places.set_waiting(self._worker, count, self._waiting[0][0] if count else 0)

    def _send_away(self, place: asyncio.Future[None]) -> None:
        if not place.done():
            place.set_exception(waited_in_vain(self._limit, self._wait_s))
            self.on_bell()
