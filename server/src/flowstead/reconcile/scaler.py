"""Changes how many instances a deployment has by what it has to do, within what its settings and the quota allow."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from flowstead.reconcile.act import WRITE_PATIENCE_S
from flowstead.reconcile.autoscaler import Autoscaler, is_settled
from flowstead.reconcile.observe import endpoint_name
from flowstead.reconcile.scaling import LONGEST_WINDOW_S, Change, Look, Need, decide_count, kept_needs, need_of
from flowstead.resources.clock import Clock, iso
from flowstead.resources.deployment import wanted_instances
from flowstead.resources.scaling import Scaled, TargetUtilization
from flowstead.store import Reading, Store
from flowstead.store.records import DeploymentRecord

logger = logging.getLogger(__name__)

EVERY_S = 0.9
"""How often the gateway is asked at the most, seconds: each time that the reconciler looks while nobody waits."""

_NO_WINDOW_IS_LONGER = round(LONGEST_WINDOW_S / EVERY_S) + 1

InFlight = Callable[[], Mapping[tuple[str, str], float] | None]
"""(endpoint, deployment) → requests that were being answered, on the average since it was asked last; None when the
gateway was away."""

Fitting = Callable[[Reading, DeploymentRecord, int], int]
"""How many instances of so many the quota allows the deployment."""


@dataclass
class _History:
    """polled_at: on the monotonic clock."""

    looks: deque[Look] = field(default_factory=lambda: deque(maxlen=_NO_WINDOW_IS_LONGER))
    needs: Sequence[Need] = ()
    polled_at: float = float("-inf")


class Scaler:
    """All methods belong to the reconciler's thread. What it has seen is in memory: after a start of the server, or of
    the gateway, there are not fewer instances until it has looked for as long as that takes."""

    def __init__(
        self,
        *,
        store: Store,
        in_flight: InFlight,
        fitting: Fitting,
        clock: Clock,
        scale_in_after_s: float,
        autoscaler: Autoscaler | None = None,
    ) -> None:
        """autoscaler: None where no autoscale settings are."""
        self._autoscaler = autoscaler
        self._store, self._in_flight, self._fitting = store, in_flight, fitting
        self._clock, self._scale_in_after_s = clock, scale_in_after_s
        self._watched: Sequence[DeploymentRecord] = ()
        self._history: dict[tuple[str, int], _History] = {}
        self._changes: dict[tuple[str, int], Change] = {}
        self._looked_at = float("-inf")

    def watch(self, deployments: Sequence[DeploymentRecord]) -> None:
        """These are there, as they stand now."""
        if self._autoscaler is not None:
            self._autoscaler.watch(deployments)
        known = {(each.uid, each.generation) for each in deployments}
        self._changes = {key: change for key, change in self._changes.items() if key in known}
        self._watched = [each for each in deployments if _scales(each) is not None]
        there = {(each.uid, each.generation) for each in self._watched}
        self._history = {key: seen for key, seen in self._history.items() if key in there}

    def look(self) -> bool:
        """Ask the gateway, unless that was just now. True when a number is to be changed."""
        if self._autoscaler is not None:
            self._changes |= self._autoscaler.look()
        now = self._clock.monotonic()
        if not self._watched or now - self._looked_at < EVERY_S:
            return bool(self._changes)
        self._looked_at = now
        in_flight = self._in_flight()
        if in_flight is None:
            self._history.clear()  # what was not seen may have been anything
            return bool(self._changes)
        for record in self._watched:
            seen = self._history.setdefault((record.uid, record.generation), _History())
            seen.looks.append(Look(now, in_flight.get((endpoint_name(record), record.name), 0)))
            self._poll(record, seen, now)
        return bool(self._changes)

    def scaled(self, record: DeploymentRecord) -> DeploymentRecord:
        """The deployment as it stands after its change, if it has one, which is written down with its reason."""
        change = self._changes.pop((record.uid, record.generation), None)
        if change is None or not is_settled(record):
            return record
        before, count = record.status.scaled, wanted_instances(record.spec, record.status)
        with self._store.reading() as tx:
            allowed = max(count, self._fitting(tx, record, change.count)) if change.count > count else change.count
        refused = ""
        if allowed < change.count:
            refused = f"The load takes {change.count} instances, the workspace's quota of cores allows {allowed}."
        if allowed == count and before is not None and (before.refused, before.setting) == (refused, change.setting):
            return record
        after = replace(before or Scaled(allowed, 0), count=allowed, asked=record.spec.instance_count, refused=refused)
        kept = record.spec.scale is None and not change.setting
        after = replace(after, setting=change.setting, kept=kept)
        if allowed != count:
            now = self._clock.now()
            rests = iso(now + timedelta(seconds=change.rests_s)) if change.rests_s else after.rests_until
            after = replace(after, at=iso(now), reason=change.reason, under_way=True, rests_until=rests)
        return self._write(record, after, count)

    def _poll(self, record: DeploymentRecord, seen: _History, now: float) -> None:
        scale = _scales(record)
        if scale is None or now - seen.polled_at < scale.polling_interval_s - (1.0 - EVERY_S):
            return
        seen.polled_at = now
        concurrency = record.spec.request_settings.max_concurrent_requests_per_instance
        need = need_of(scale, concurrency, tuple(seen.looks), now)
        if need is None:
            return
        seen.needs = kept_needs((*seen.needs, need), now, self._scale_in_after_s)
        count = wanted_instances(record.spec, record.status)
        change = decide_count(scale, concurrency, count, seen.needs, now=now, scale_in_after_s=self._scale_in_after_s)
        if change is None and record.status.scaled is not None and record.status.scaled.refused:
            change = Change(count, "")  # what could not be done is not wanted any more
        if change is not None:
            self._changes[(record.uid, record.generation)] = change

    def _write(self, record: DeploymentRecord, after: Scaled, count: int) -> DeploymentRecord:
        status = replace(record.status, scaled=after)
        with self._store.transaction(patience_s=WRITE_PATIENCE_S) as tx:
            if not tx.put_status(record.id, status, generation=record.generation):
                return record
            if after.count != count:
                counts = ({"instance_count": count}, {"instance_count": after.count})
                tx.journal.record("system", "scale", record.id, before=counts[0], after=counts[1], detail=after.reason)
        logger.info("Scaling %s/%s: %s", endpoint_name(record), record.name, _said(record.status.scaled, after, count))
        return replace(record, status=status)


def _said(before: Scaled | None, after: Scaled, count: int) -> str:
    if after.count != count:
        return after.reason
    if after.setting != (before.setting if before is not None else ""):
        return f"from now on by {after.setting.rpartition('/')[2]}." if after.setting else "by no setting any more."
    return after.refused or "as many as are wanted."


def _scales(record: DeploymentRecord) -> TargetUtilization | None:
    """By what it scales; None for one that does not, or not now."""
    scale = record.spec.scale
    return scale if scale is not None and scale.automatic and is_settled(record) else None
