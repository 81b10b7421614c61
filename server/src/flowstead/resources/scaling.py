"""How many instances a deployment has when the number is not fixed: its own settings, and what was made of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

SHORTEST_IDLE_S = 5.0
"""Longer than the gateway keeps a connection to an instance that it does not use (4 s)."""

WAKING_S = 60.0
"""How long a request is held at most while an instance that has gone to sleep is started for it, beyond its own
time-out."""

SCALE_IN_AFTER_S = 300
"""How long fewer instances must have been enough before there are fewer, seconds; as long as Kubernetes and Azure wait.
An instance too many costs less than a request refused."""


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
    def automatic(self) -> bool:
        """There is more than one number to choose from."""
        return self.max_instances > max(1, self.min_instances)

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
    for; another one counts more than what was decided. at: when the number changed last, ISO 8601, "" for never;
    reason: why, in words. refused: why there are not as many as there should be, "" when there are. under_way: what
    follows from the change is not done yet. setting: ARM id of the autoscale setting that decides it, "" for none;
    kept: one that is not there any more decided it, and it stays until somebody says another. rests_until: nothing is
    to be changed before by the setting's rules, ISO 8601, "" for no rest."""

    count: int
    asked: int
    at: str = ""
    reason: str = ""
    refused: str = ""
    under_way: bool = False
    setting: str = ""
    kept: bool = False
    rests_until: str = ""

    @property
    def at_rest(self) -> Scaled:
        return replace(self, under_way=False)
