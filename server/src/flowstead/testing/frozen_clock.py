"""A clock that stands still until it is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FrozenClock:
    """Keeps the protocol `Clock`; wall time and monotonic time move together, unless it is set."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._passed = 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    def advance(self, seconds: float) -> None:
        """Let that many seconds pass."""
        if seconds < 0:
            raise ValueError("Time does not go back.")
        self._passed += seconds

    def set_back(self, seconds: float) -> None:
        """As by who sets the machine's clock: monotonic time goes on."""
        self._start -= timedelta(seconds=seconds)
