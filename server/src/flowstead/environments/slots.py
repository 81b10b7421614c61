"""How many builds work at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

LOOK_EVERY_S = 0.25
"""How soon a build that waits or works notices that nobody wants it any more, seconds."""


class BuildCancelled(Exception):
    """Nobody wants the build any more, or the server is going down."""


class Slots:
    """Taken by builds in the order in which they come. Used by their threads."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def one(self, is_wanted: Callable[[], bool]) -> Iterator[None]:
        """Wait for a slot and hold it. Raises BuildCancelled."""
        self._take(is_wanted)
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    def _take(self, is_wanted: Callable[[], bool]) -> None:
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                while not self._free or self._waiting[0] is not ticket:
                    if not is_wanted():
                        raise BuildCancelled
                    self._changed.wait(LOOK_EVERY_S)
                self._free -= 1
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()


def _two() -> Slots:
    """Resolving waits for the network, installing for the disk, so more than two at a time gain nothing."""
    return Slots(2)


@dataclass(frozen=True)
class Builders:
    """Apart from each other, so that code of source packages, which may take its time, holds up only its like."""

    wheels: Slots = field(default_factory=_two)
    source: Slots = field(default_factory=_two)
