"""Says that there may be work. Losing every hint costs latency, never correctness."""

from __future__ import annotations

import threading


class Hint:
    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """From any thread: look at once."""
        self._event.set()

    def wait(self, timeout_s: float) -> bool:
        """Sleep until somebody hints, at most that long. True for a hint; it is used up by that."""
        hinted = self._event.wait(timeout_s)
        self._event.clear()
        return hinted
