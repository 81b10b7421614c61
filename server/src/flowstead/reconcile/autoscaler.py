"""Looks at what autoscale settings ask for, by the figures of their rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flowstead.observe.spans import Span
from flowstead.reconcile.autoscaling import Measured, decide_autoscale, measured
from flowstead.reconcile.scaling import Change
from flowstead.resources.autoscale import MetricTrigger, Profile
from flowstead.resources.autoscale_profiles import active_profile
from flowstead.resources.clock import Clock
from flowstead.resources.deployment import is_driven, wanted_instances
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.scaling import Scaled
from flowstead.store import Store
from flowstead.store.records import AutoscaleSettingRecord, DeploymentRecord, Kind

EVERY_S = 15.0
"""How often the rules are looked at, seconds; Azure does every 30 to 60. A new setting or profile is at once."""

Spans = Callable[[str, Sequence[str]], Sequence[Span]]
"""(metric, uids of deployments) → what was measured of them together."""


@dataclass(frozen=True)
class _Driven:
    """A deployment with its setting. siblings: uids of all of its endpoint's."""

    record: DeploymentRecord
    setting: AutoscaleSettingRecord
    siblings: Sequence[str]

    @property
    def key(self) -> tuple[str, int]:
        return (self.record.uid, self.record.generation)


class Autoscaler:
    """All methods belong to the reconciler's thread. slot_s: how long a stretch of the spans is, seconds."""

    def __init__(self, *, store: Store, spans: Spans, clock: Clock, slot_s: int = 60) -> None:
        self._store, self._spans, self._clock, self._slot_s = store, spans, clock, slot_s
        self._settings: Mapping[str, AutoscaleSettingRecord] = {}
        self._version = -1
        self._driven: Sequence[_Driven] = ()
        self._released: Sequence[DeploymentRecord] = ()
        self._since: Mapping[tuple[str, str], float] = {}
        self._decided_by: dict[tuple[str, int], tuple[str, str]] = {}
        self._looked_at = float("-inf")

    def watch(self, deployments: Sequence[DeploymentRecord]) -> None:
        """These are there, as they stand now."""
        version = self._store.version()
        if version != self._version:
            with self._store.reading() as tx:
                enabled = [each for each in tx.list(Kind.AUTOSCALE_SETTING) if each.spec.enabled]
            self._settings, self._version = {each.spec.target.lower(): each for each in enabled}, version
        siblings: dict[str, list[str]] = {}
        for each in deployments if self._settings else ():
            siblings.setdefault(each.parent_id.lower(), []).append(each.uid)
        settled = [each for each in deployments if is_settled(each)]
        self._driven = [
            _Driven(each, self._settings[each.id.lower()], siblings[each.parent_id.lower()])
            for each in settled
            if each.id.lower() in self._settings and each.spec.scale is None
        ]
        driven = {each.record.uid for each in self._driven}
        self._released = [each for each in settled if each.uid not in driven and is_driven(each.status)]
        now, keys = self._clock.now().timestamp(), {each.key for each in self._driven}
        watched = [(each.record.uid, each.setting.uid) for each in self._driven]
        self._since = {key: self._since.get(key, now) for key in watched}
        self._decided_by = {key: by for key, by in self._decided_by.items() if key in keys}

    def look(self) -> Mapping[tuple[str, int], Change]:
        """What is to be changed, by the deployment's uid and generation."""
        changes = {(each.uid, each.generation): _release(each) for each in self._released}
        if not self._driven:
            return changes
        due = self._clock.monotonic() - self._looked_at >= min(EVERY_S, self._slot_s)
        if due:
            self._looked_at = self._clock.monotonic()
        now = self._clock.now()
        for each in self._driven:
            profile = active_profile(each.setting.spec.profiles, now)
            by = (each.setting.etag, profile.name if profile is not None else "")
            if not due and self._decided_by.get(each.key) == by:
                continue
            self._decided_by[each.key] = by
            change = self._decide(each, profile, now)
            if change is not None:
                changes[each.key] = replace(change, setting=each.setting.id)
        return changes

    def _decide(self, driven: _Driven, profile: Profile | None, now: datetime) -> Change | None:
        record, scaled = driven.record, driven.record.status.scaled
        count = wanted_instances(record.spec, record.status)
        rests = scaled is not None and _rests(scaled, now)
        change = None
        if profile is not None:
            found = {rule.trigger: self._measured(driven, rule.trigger, now) for rule in profile.rules}
            change = decide_autoscale(profile, count, found, rests=rests)
        told = scaled is not None and scaled.setting == driven.setting.id and (rests or not scaled.refused)
        if change is None and not told:
            return Change(count, "")  # that it drives it is to be said, or that no more are wanted
        return change

    def _measured(self, driven: _Driven, trigger: MetricTrigger, now: datetime) -> Measured:
        of_deployment = trigger.resource.lower() == driven.record.id.lower()
        uids = [driven.record.uid] if of_deployment else driven.siblings
        since = self._since[driven.record.uid, driven.setting.uid]
        spans = self._spans(trigger.metric, uids)
        return measured(trigger, spans, now=now.timestamp(), slot_s=self._slot_s, since=since)


def _rests(scaled: Scaled, now: datetime) -> bool:
    """A change that is still to come was made by a clock that has been set back since: its rest might never end."""
    if not scaled.rests_until:
        return False
    return datetime.fromisoformat(scaled.at) <= now < datetime.fromisoformat(scaled.rests_until)


def is_settled(record: DeploymentRecord) -> bool:
    """It may be scaled now: it is neither being changed, nor has it failed, is stopped or goes."""
    if record.deleting or record.spec.stopped or record.observed_generation != record.generation:
        return False
    return record.status.provisioning_state is ProvisioningState.SUCCEEDED


def _release(record: DeploymentRecord) -> Change:
    """No setting drives it any more; it keeps its number."""
    return Change(wanted_instances(record.spec, record.status), "")
