"""Envoy's own terms for taking over from one another. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

_SCALE, _SOCKETS = 10, 3
"""Envoy multiplies the base id by the one, and uses the names of sockets again after so many epochs."""


@dataclass(frozen=True)
class Handover:
    """How an Envoy leaves its place to the next. longest_s: how long it may live on for the requests and streams that
    it has, seconds; look_every_s: how often to see whether it has any left.

    Connections that rest end after 300 s, so nothing but a stream is ever cut at the end of `longest_s`."""

    longest_s: int = 600
    look_every_s: float = 2.0


@dataclass(frozen=True)
class Epoch:
    """base_id: names the shared memory of Envoys that take over from one another; number: counts them, from 0."""

    base_id: int
    number: int

    @property
    def next(self) -> Epoch:
        return replace(self, number=self.number + 1)

    @property
    def before(self) -> Epoch:
        return replace(self, number=self.number - 1)

    def asked_at(self, sockets: Path) -> Path:
        """The socket at which the next one asks this one. sockets: what the names of all begin with."""
        return self._socket(sockets, "parent")

    def heard_at(self, sockets: Path) -> Path:
        """The socket at which this one hears the one before."""
        return self._socket(sockets, "child")

    def _socket(self, sockets: Path, role: str) -> Path:
        return sockets.with_name(f"{sockets.name}_{role}_{self.base_id * _SCALE + self.number % _SOCKETS}")


def epoch_arguments(epoch: Epoch | None, sockets: Path, handover: Handover) -> tuple[str, ...]:
    """Without an epoch there is no hot restart. Counters begin anew with each Envoy: merged ones would tell of updates
    that the one before refused."""
    if epoch is None:
        return ("--disable-hot-restart",)
    return (
        *("--base-id", str(epoch.base_id)),
        *("--restart-epoch", str(epoch.number)),
        *("--socket-path", str(sockets)),
        *("--socket-mode", "600"),
        *("--drain-strategy", "immediate"),
        *("--drain-time-s", str(handover.longest_s)),
        *("--parent-shutdown-time-s", str(handover.longest_s)),
        "--skip-hot-restart-parent-stats",
    )
