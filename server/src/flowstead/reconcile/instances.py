"""Which of a deployment's instances count. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flowstead.engines.protocol import InstanceState, ObservedInstance

_RANK = {
    InstanceState.READY: 0,
    InstanceState.RESTARTING: 1,
    InstanceState.STARTING: 2,
    InstanceState.FAILED: 3,
}
"""States of an instance that takes one of the places of its deployment, the best first. A lost one takes none:
nothing would start it again."""


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
    ready = sum(each.state is InstanceState.READY for each in places)
    lost = sorted((each for each in own if each.state is InstanceState.LOST), key=lambda each: each.id)
    up = [each for each in places if each.state in (InstanceState.READY, InstanceState.RESTARTING)]
    return sorted([*up, *lost[: max(0, count - ready)]], key=lambda each: each.id)
