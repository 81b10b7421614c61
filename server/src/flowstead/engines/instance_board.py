"""The instances as the reconciler saw them last, for those who only want to look."""

from __future__ import annotations

from collections.abc import Sequence

from flowstead.engines.protocol import ObservedInstance


class InstanceBoard:
    """Written by one thread, read by any. An engine is one thread's, and health takes a second look to be known: so
    nobody else asks it."""

    def __init__(self) -> None:
        self._seen: tuple[ObservedInstance, ...] = ()

    def post(self, instances: Sequence[ObservedInstance]) -> None:
        self._seen = tuple(instances)

    def of(self, deployment_uid: str) -> Sequence[ObservedInstance]:
        """Those of one deployment, by their ids."""
        return sorted((each for each in self._seen if each.deployment_uid == deployment_uid), key=lambda each: each.id)
