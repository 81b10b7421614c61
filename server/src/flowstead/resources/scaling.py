"""How many instances a deployment has when the number is not fixed: its own settings, and what was made of them."""

from __future__ import annotations

from dataclasses import dataclass

SHORTEST_IDLE_S = 5.0
"""Longer than the gateway keeps a connection to an instance that it does not use (4 s)."""

WAKING_S = 60.0
"""How long a request is held at most while an instance that has gone to sleep is started for it, beyond its own
time-out."""


@dataclass(frozen=True)
class TargetUtilization:
    """scaleSettings of that type, by Azure's names, and idle_s, ours: how long nobody may have asked an instance before
    it goes to sleep, when there may be none. target_percent: of the requests that an instance runs at once."""

    min_instances: int = 1
    max_instances: int = 1
    polling_interval_s: float = 1.0
    target_percent: int = 70
    idle_s: float = 300.0

    @property
    def sleeps(self) -> bool:
        """Instances end when they have nothing to do. One place stays, whose supervisor wakes it."""
        return self.min_instances == 0

    def bounded(self, count: int) -> int:
        """The nearest number that is allowed."""
        return min(max(count, self.min_instances, 1), self.max_instances)


@dataclass(frozen=True)
class Scaled:
    """What was decided of the number of instances. asked: the instance_count of the specification that it was decided
    for; another one counts more than what was decided."""

    count: int
    asked: int
