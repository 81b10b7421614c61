"""Things that have taken a given time: one timer for all of them.

Each thing waits equally long, so the oldest is always due first, and entering or leaving costs a dictionary operation
instead of a timer of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from flowstead_runtime.serving.types import Timer, Timers

T = TypeVar("T")


class Overdue(Generic[T]):
    """Calls `on_due(thing)` for each thing that was watched for `delay_s` and not forgotten."""

    def __init__(self, delay_s: float, on_due: Callable[[T], object], timers: Timers) -> None:
        self._delay_s = delay_s
        self._on_due = on_due
        self._timers = timers
        self._due_at: dict[T, float] = {}
        self._timer: Timer | None = None

    def watch(self, thing: T) -> float:
        """Begin to watch; returns when it will be due, on the timers' clock."""
        due_at = self._timers.time() + self._delay_s
        self._due_at[thing] = due_at
        if self._timer is None:
            self._timer = self._timers.call_at(due_at, self._check)
        return due_at

    def forget(self, thing: T) -> None:
        """Stop watching; a thing that is not watched is no error."""
        self._due_at.pop(thing, None)

    def _check(self) -> None:
        self._timer = None
        now = self._timers.time()
        while self._due_at:
            thing, due_at = next(iter(self._due_at.items()))
            if due_at > now:
                self._timer = self._timers.call_at(due_at, self._check)
                return
            del self._due_at[thing]
            self._on_due(thing)
