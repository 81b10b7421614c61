"""Which of a deployment's instances count. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from flowstead.engines.protocol import InstanceState, ObservedInstance

AT_WORK = (InstanceState.READY, InstanceState.WAKING, InstanceState.DORMANT)
"""States of an instance to which requests may be sent: one that sleeps holds them while it is woken by the first."""

_RANK = {
    InstanceState.READY: 0,
    InstanceState.WAKING: 1,
    InstanceState.DORMANT: 2,
    InstanceState.RESTARTING: 3,
    InstanceState.STARTING: 4,
    InstanceState.FAILED: 5,
}
"""States of an instance that takes one of the places of its deployment, the best first. A lost one takes none:
nothing would start it again."""


def by_deployment(instances: Iterable[ObservedInstance]) -> Mapping[str, Sequence[ObservedInstance]]:
    """A deployment's uid → its instances, in their order."""
    found: dict[str, list[ObservedInstance]] = {}
    for each in instances:
        found.setdefault(each.deployment_uid, []).append(each)
    return found


def kept(instances: Iterable[ObservedInstance], revision: str, count: int) -> Sequence[ObservedInstance]:
    """Those of the revision that fill its places, the best first; what is beyond count is surplus."""
    present = [each for each in instances if each.revision == revision and each.state in _RANK]
    return sorted(present, key=lambda each: (_RANK[each.state], each.id))[:count]


def routable(instances: Iterable[ObservedInstance], revision: str, count: int) -> Sequence[ObservedInstance]:
    """Those of the revision that the gateway is told of, in a stable order.

    A worker that is being started again stays: its supervisor holds the socket, the gateway's own health check keeps
    requests from it, and it is back sooner than a configuration could be changed twice. A lost one stays until there
    is another in its place: its worker may well go on answering.
    """
    own = [each for each in instances if each.revision == revision]
    places = kept(own, revision, count)
    ready = sum(each.state in AT_WORK for each in places)
    lost = sorted((each for each in own if each.state is InstanceState.LOST), key=lambda each: each.id)
    up = [each for each in places if each.state in (*AT_WORK, InstanceState.RESTARTING)]
    return sorted([*up, *lost[: max(0, count - ready)]], key=lambda each: each.id)


def ready(instances: Iterable[ObservedInstance]) -> Sequence[ObservedInstance]:
    return [each for each in instances if each.state in AT_WORK]


def running(instances: Iterable[ObservedInstance]) -> int:
    """How many take the machine's resources and are not on their way out. One that has failed runs nothing, and a lost
    one is on its way out as soon as another has its place."""
    up = (*AT_WORK, InstanceState.STARTING, InstanceState.RESTARTING)
    return sum(each.state in up for each in instances)


def places_left(count: int, came: int, wanted: int) -> int:
    """How many instances of the revision that serves by count of them are still needed when so many of the coming one,
    of which there shall be wanted, are ready: each takes one's place, and the last one that of all that are left."""
    return 0 if came >= wanted else max(0, count - came)


def taking_requests(
    instances: Sequence[ObservedInstance],
    serving: str,
    count: int,
    coming: str = "",
    wanted: int = 0,
    *,
    at_once: bool = False,
) -> Sequence[ObservedInstance]:
    """Those that the gateway is told of, in a stable order: the ready ones of the revision that is coming, then those
    of the one that serves, and where these are too few, ready ones that are on their way out.

    coming: while one is on its way into the places of another, "" for none, also after it has failed. at_once: none of
    it takes requests before all do."""
    new = ready(kept(instances, coming, wanted)) if coming and not at_once else []
    left = places_left(count, len(new), wanted) if coming else count
    old = routable(instances, serving, left)
    others = sorted(
        (each for each in ready(instances) if each.revision not in (serving, coming)), key=lambda each: each.id
    )
    missing = left - len(ready(old))
    return sorted([*new, *old, *others[: max(0, missing)]], key=lambda each: each.id)
