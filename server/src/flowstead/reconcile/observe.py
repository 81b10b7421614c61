"""Loads what there is: the store's part in one short transaction, the rest without one."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Generic, TypeVar

from flowstead.access.outsiders import who_may_come
from flowstead.engines.liveness import AWAY_S
from flowstead.engines.protocol import ObservedInstance
from flowstead.environments.protocol import EnvironmentRequest, Environments
from flowstead.errors import FlowsteadError
from flowstead.reconcile.connections import why_unresolvable
from flowstead.reconcile.decision import DeploymentView, ServingView
from flowstead.reconcile.describe import by_endpoint
from flowstead.reconcile.instances import by_deployment
from flowstead.reconcile.revision import revision_of
from flowstead.reconcile.rights import denials, scorers
from flowstead.resources.clock import Clock
from flowstead.resources.deployment import DeploymentSpec
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.home import Home
from flowstead.resources.operation import Operation
from flowstead.store import Reading, Store
from flowstead.store.flow_sources import FlowSource, FlowSources
from flowstead.store.identities import Identities
from flowstead.store.records import AnyRecord, DeploymentRecord, EndpointRecord, Kind, Revision
from flowstead_runtime.secret_values import redact

Name = TypeVar("Name", bound=Hashable)
Worked = tuple[str, int, str]
"""uid, generation, and the phase at which its walk stands, "" for the generation itself."""


@dataclass(frozen=True)
class Snapshot:
    """One consistent state of the store. operations, secrets: by the resource's id; content: deployment id → hash
    of its model's files, None when the model is gone; serving: deployment id → the revision that serves, while it is
    not what is wanted or could not be brought up now; scorers: endpoint id → sessions of the principals who may score
    with a token; denied: deployment id → the role that its endpoint's identity lacks; unresolvable: deployment id → why
    its connections cannot be had."""

    endpoints: Sequence[EndpointRecord]
    deployments: Sequence[DeploymentRecord]
    operations: Mapping[str, Operation]
    secrets: Mapping[str, Mapping[str, str]] = field(repr=False)
    content: Mapping[str, str | None]
    serving: Mapping[str, Revision]
    scorers: Mapping[str, Sequence[str]]
    denied: Mapping[str, FlowsteadError]
    unresolvable: Mapping[str, FlowsteadError]

    @property
    def records(self) -> Sequence[AnyRecord]:
        return [*self.endpoints, *self.deployments]

    def children(self, endpoint: EndpointRecord) -> Sequence[DeploymentRecord]:
        return self._by_endpoint.get(endpoint.id.lower(), ())

    @cached_property
    def _by_endpoint(self) -> Mapping[str, Sequence[DeploymentRecord]]:
        return by_endpoint(self.deployments)

    @property
    def unfinished(self) -> bool:
        """Somebody waits for something."""
        return bool(self.operations) or any(
            record.deleting or record.observed_generation < record.generation for record in self.records
        )


@dataclass(frozen=True)
class _Details:
    """What belongs to a generation and cannot change within it."""

    secrets: Mapping[str, str] = field(repr=False)
    content: str | None


class StoreReader:
    """Reads all endpoints and deployments; their secrets and models only once for each generation."""

    def __init__(self, store: Store, external_issuer: str = "") -> None:
        """external_issuer: whose people may score too, when their roles say so; "" for nobody's."""
        self._store = store
        self._external_issuer = external_issuer
        self._details: dict[tuple[str, int], _Details] = {}
        self._serving: dict[str, Revision] = {}
        """Opened once, by the uid of deployments that are served by another revision than is wanted."""

    def read(self) -> Snapshot:
        with self._store.reading() as tx:
            endpoints = tx.list(Kind.ENDPOINT)
            deployments = tx.list(Kind.DEPLOYMENT)
            unsettled = [each.id for each in tx.unsettled()]
            running = {id: tx.running_operation(id) for id in unsettled}
            records: list[AnyRecord] = [*endpoints, *deployments]
            details = {each.id: self._detail(tx, each) for each in records}
            identities = Identities(tx)
            denied = denials(endpoints, deployments, identities)
            found = ((each.id, why_unresolvable(each.spec, details[each.id].secrets)) for each in deployments)
            unresolvable = {id: why for id, why in found if why is not None}
            serving = {
                each.id: self._serving_revision(tx, each)
                for each in deployments
                if _serves_another(each) or each.id in denied or each.id in unresolvable
            }
        self._forget(records, serving.keys())
        may_come = who_may_come(identities.principals, identities.granted_elsewhere, self._external_issuer)
        return Snapshot(
            endpoints,
            deployments,
            {id: operation for id, operation in running.items() if operation is not None},
            {id: each.secrets for id, each in details.items()},
            {each.id: details[each.id].content for each in deployments},
            {id: revision for id, revision in serving.items() if revision is not None},
            {each.id: scorers(each, may_come) for each in endpoints},
            denied,
            unresolvable,
        )

    def _detail(self, tx: Reading, record: AnyRecord) -> _Details:
        key = (record.uid, record.generation)
        found = self._details.get(key)
        if found is None or (record.kind is Kind.DEPLOYMENT and found.content is None):
            model = tx.find(Kind.MODEL_VERSION, record.spec.model) if record.kind is Kind.DEPLOYMENT else None
            content = model.spec.content_hash if model else None
            secrets = tx.instance_secrets(record) if record.kind is Kind.DEPLOYMENT else tx.secrets(record.id)
            found = self._details[key] = _Details(secrets, content)
        return found

    def _serving_revision(self, tx: Reading, record: DeploymentRecord) -> Revision | None:
        known = self._serving.get(record.uid)
        if known is None or known.name != record.status.serving_revision:
            known = tx.revisions.served_last(record)
            if known is None or known.name != record.status.serving_revision:
                return None
            self._serving[record.uid] = known
        return known

    def _forget(self, records: Iterable[AnyRecord], serving: Collection[str]) -> None:
        """serving: ids of the deployments whose serving revision is asked for; that of others may change."""
        alive = {(each.uid, each.generation) for each in records}
        for key in self._details.keys() - alive:
            del self._details[key]
        uids = {each.uid for each in records if each.id in serving}
        self._serving = {uid: revision for uid, revision in self._serving.items() if uid in uids}


def _serves_another(record: DeploymentRecord) -> bool:
    """What serves is not what is wanted, or may not be: it was not looked at yet, or could not be brought up."""
    status = record.status
    if status.serving_revision is None or record.deleting:
        return False
    changed = record.observed_generation < record.generation or status.serving_revision != status.revision
    return changed or status.provisioning_state is ProvisioningState.FAILED


class Stopwatch(Generic[Name]):
    """Since when something has been true, by name. Begins anew with each server, and does not count for how long a
    server was away, stopped or suspended: which only makes waits longer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: dict[Name, float] = {}
        self._kept_at = clock.monotonic()

    def keep(self, names: set[Name]) -> None:
        """These are true now, all others are not."""
        now = self._clock.monotonic()
        away_s = max(0.0, now - self._kept_at - AWAY_S)
        self._kept_at = now
        self._since = {name: min(now, self._since.get(name, now) + away_s) for name in names}

    @property
    def running(self) -> bool:
        return bool(self._since)

    def seconds(self) -> Mapping[Name, float]:
        now = self._clock.monotonic()
        return {name: now - since for name, since in self._since.items()}


def worked_on(records: Iterable[AnyRecord], operations: Mapping[str, Operation]) -> set[Worked]:
    """What is not finished, to be measured how long it takes."""
    names: set[Worked] = set()
    for record in records:
        settled = record.observed_generation == record.generation and record.status.provisioning_state.terminal
        if settled and record.id not in operations and not record.deleting:
            continue
        names.add((record.uid, record.generation, ""))
        if record.kind is Kind.DEPLOYMENT:
            names.add((record.uid, record.generation, record.status.phase))
    return names


@dataclass(frozen=True)
class Surroundings:
    """What is the same for all deployments in one look. routed: deployment id → addresses that the gateway has
    taken, None when it has taken nothing yet. worked: how long, in seconds, on what is not finished.
    again: resources for which what has failed shall be tried again now, since this machine was in the way.
    last_words: instance id → last log lines of those that have failed."""

    now: datetime
    worked: Mapping[Worked, float]
    instances: Sequence[ObservedInstance]
    routed: Mapping[str, frozenset[str]] | None
    unrouted_for: Mapping[str, float]
    again: frozenset[str]
    last_words: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def by_deployment(self) -> Mapping[str, Sequence[ObservedInstance]]:
        return by_deployment(self.instances)


class DeploymentObserver:
    """Puts together what `decide` sees of a deployment."""

    def __init__(self, home: Home, environments: Environments, sources: FlowSources, salt: bytes) -> None:
        self._home = home
        self._environments = environments
        self._sources = sources
        self._salt = salt

    def view(self, record: DeploymentRecord, snapshot: Snapshot, around: Surroundings) -> DeploymentView:
        none: frozenset[str] = frozenset()
        source = self._source(snapshot.content[record.id], record.spec)
        view = DeploymentView(
            record=record,
            now=around.now,
            worked_s=around.worked.get((record.uid, record.generation, ""), 0.0),
            stood_s=around.worked.get((record.uid, record.generation, record.status.phase), 0.0),
            target=record.status.revision,
            artifact=source.directory if isinstance(source, FlowSource) else source,
            environment=None,
            denied=snapshot.denied.get(record.id),
            connections=snapshot.unresolvable.get(record.id),
            instances=tuple(around.by_deployment.get(record.uid, ())),
            operation=snapshot.operations.get(record.id),
            routed=None if around.routed is None else around.routed.get(record.id, none),
            unrouted_for=around.unrouted_for,
            last_words={
                id: redact(words, snapshot.secrets[record.id].values()) for id, words in around.last_words.items()
            },
            has_files=log_directory(self._home, record).exists(),
        )
        again = record.id in around.again
        return self._with_serving(self._with_environment(view, source, snapshot, again=again), snapshot)

    def _source(self, content_hash: str | None, spec: DeploymentSpec) -> FlowSource | FlowsteadError:
        return self._sources.find(content_hash, spec.model, any_files=spec.base.inference is not None)

    def _with_serving(self, view: DeploymentView, snapshot: Snapshot) -> DeploymentView:
        revision = snapshot.serving.get(view.record.id)
        can_start = view.denied is None and view.connections is None and not _has_failed(view)
        if revision is None or (revision.name == view.target and can_start):
            return view
        source = self._source(revision.content_hash, revision.spec)
        if not isinstance(source, FlowSource):
            return replace(view, serving=ServingView(revision, source))
        environment = self._environments.ensure(_request(source, revision.spec), retry_failed=False)
        return replace(view, serving=ServingView(revision, source.directory, environment))

    def _with_environment(
        self, view: DeploymentView, source: FlowSource | FlowsteadError, snapshot: Snapshot, *, again: bool
    ) -> DeploymentView:
        record = view.record
        if record.deleting or _has_failed(view) or not isinstance(source, FlowSource):
            return view
        request = _request(source, record.spec)
        environment = self._environments.ensure(request, retry_failed=view.first_look or again)
        target = view.target
        if not view.settled:
            # A running deployment keeps its revision when Flowstead itself is upgraded; a change renews it.
            target = revision_of(
                record.spec,
                content_hash=snapshot.content[record.id] or "",
                environment_key=self._environments.key(request),
                secrets=snapshot.secrets[record.id],
                salt=self._salt,
            )
        return replace(view, environment=environment, target=target)


def _request(source: FlowSource, spec: DeploymentSpec) -> EnvironmentRequest:
    return EnvironmentRequest.of(spec.base, source.requirements)


def _has_failed(view: DeploymentView) -> bool:
    return view.settled and view.record.status.provisioning_state is not ProvisioningState.SUCCEEDED


def log_directory(home: Home, record: AnyRecord) -> Path:
    """Where the logs of an endpoint's or a deployment's instances lie."""
    if record.kind is Kind.ENDPOINT:
        return _log_directory(home, record.name)
    return _log_directory(home, endpoint_name(record), record.name)


@lru_cache(4096)  # asked several times at every look
def _log_directory(home: Home, *names: str) -> Path:
    return (home.logs / "endpoints").joinpath(*names)


def endpoint_name(record: DeploymentRecord) -> str:
    return record.parent_id.rpartition("/")[2]
