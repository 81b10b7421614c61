"""ASGI's shapes, as this package uses them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class Timer(Protocol):
    def cancel(self) -> None: ...


class Timers(Protocol):
    """Time and timers as an event loop has them. Tests give their own."""

    def time(self) -> float:
        """Seconds on a clock that never goes back."""

    def call_at(self, when: float, callback: Callable[[], object], /) -> Timer:
        """Call back once, at `when` on that clock."""
