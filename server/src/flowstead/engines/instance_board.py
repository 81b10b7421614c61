"""The instances as the reconciler saw them last, for those who only want to look."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flowstead.engines.protocol import ObservedInstance


class InstanceBoard:
    """Written by one thread, read by any. An engine is one thread's, and health takes a second look to be known: so
    nobody else asks it. looks: how often the reconciler has looked."""

    def __init__(self) -> None:
        self._seen: tuple[ObservedInstance, ...] = ()
        self.looks = 0

    def post(self, instances: Sequence[ObservedInstance]) -> None:
        self._seen = tuple(instances)
        self.looks += 1

    @property
    def interpreters(self) -> frozenset[Path]:
        """What they run by."""
        return frozenset(each.python for each in self._seen if each.python is not None)

    @property
    def ids(self) -> frozenset[str]:
        """Of all instances."""
        return frozenset(each.id for each in self._seen)

    def of(self, deployment_uid: str) -> Sequence[ObservedInstance]:
        """Those of one deployment, by their ids."""
        return sorted((each for each in self._seen if each.deployment_uid == deployment_uid), key=lambda each: each.id)
