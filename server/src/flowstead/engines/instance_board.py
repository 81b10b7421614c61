"""The instances as the reconciler saw them last, for those who only want to look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from flowstead.engines.protocol import InstanceState, ObservedInstance


class InstanceBoard:
    """Written by one thread, read by any. An engine is one thread's, and health takes a second look to be known: so
    nobody else asks it. looks: how often the reconciler has looked."""

    def __init__(self) -> None:
        self._seen: tuple[ObservedInstance, ...] = ()
        self._started: frozenset[tuple[str, str]] = frozenset()
        self.looks = 0

    def post(self, instances: Sequence[ObservedInstance]) -> None:
        self._seen, self._started = tuple(instances), frozenset()
        self.looks += 1

    def starting(self, deployment_uid: str, instance_id: str) -> None:
        """It is known from now on; only the next look tells more of it. It may ask for a token before that."""
        self._started |= {(deployment_uid, instance_id)}

    def knows(self, deployment_uid: str, instance_id: str) -> bool:
        """Whether the deployment has that instance."""
        wanted = (deployment_uid, instance_id)
        return wanted in self._started or any((each.deployment_uid, each.id) == wanted for each in self._seen)

    @property
    def interpreters(self) -> frozenset[Path]:
        """What they run by."""
        return frozenset(each.python for each in self._seen if each.python is not None)

    @property
    def ids(self) -> frozenset[str]:
        """Of all instances."""
        return frozenset(each.id for each in self._seen)

    @property
    def all(self) -> Sequence[ObservedInstance]:
        return self._seen

    def count(self, *states: InstanceState) -> Mapping[str, int]:
        """Deployment's uid → how many of its instances are in one of those states, of all that have one."""
        return Counter(each.deployment_uid for each in self._seen if each.state in states)

    def of(self, deployment_uid: str) -> Sequence[ObservedInstance]:
        """Those of one deployment, by their ids."""
        return sorted((each for each in self._seen if each.deployment_uid == deployment_uid), key=lambda each: each.id)
