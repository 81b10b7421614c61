"""The loop: load → decide → act → record, for every resource, again and again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random, SystemRandom
from typing import Protocol

from flowstead.engines.instance_board import InstanceBoard
from flowstead.engines.protocol import Engine, InstanceState, ObservedInstance
from flowstead.environments.protocol import Environments
from flowstead.errors import DatabaseBusy, DiskFull, FlowsteadError, PassingTrouble
from flowstead.gateway.description import GatewayEndpoint
from flowstead.reconcile.act import WRITE_PATIENCE_S, Actor
from flowstead.reconcile.decide import decide_deployment, decide_endpoint, error_body, held_up, started_anew
from flowstead.reconcile.decision import Decision, DeploymentView, EndpointView, Fail
from flowstead.reconcile.describe import describe
from flowstead.reconcile.ends import InstanceEnds
from flowstead.reconcile.hint import Hint
from flowstead.reconcile.observe import (
    DeploymentObserver,
    Snapshot,
    Stopwatch,
    StoreReader,
    Surroundings,
    Worked,
    endpoint_name,
    log_directory,
    worked_on,
)
from flowstead.reconcile.record import explained, record_decision
from flowstead.reconcile.scaler import Scaler
from flowstead.resources.clock import Clock
from flowstead.resources.deployment import DeploymentStatus
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.home import Home
from flowstead.resources.host_trouble import disk_full, full_disks, trouble_of
from flowstead.resources.settings import DEFAULT_MAX_REQUEST_BYTES
from flowstead.store import Store
from flowstead.store.flow_sources import FlowSources
from flowstead.store.records import DeploymentRecord, EndpointRecord, Revision

logger = logging.getLogger(__name__)

IDLE_S = 1.0
"""How often the loop looks when nobody hints, seconds."""

BUSY_S = 0.05
"""How often it looks while somebody waits for something, seconds."""

SOON_S = 0.2
"""How often it looks while an instance is starting again that nobody waits for but its callers, seconds."""

BUSY_SHARE = 3.0
"""How many times as long as a look took it pauses then, so that a look at very many leaves others their turn."""

GIVE_UP_AFTER_S = 20.0
"""How long an error of this machine that nobody has thought of may last before a change fails with it."""

GIVE_UP_WAITING_AFTER_S = 600.0
"""How long a full disk or a locked database may last before the operation that waits for it is told to have failed
with it. What it was to do is done all the same when that is over."""

AGAIN_S = 15.0
"""How soon what has failed on such a machine is tried again, seconds: filling a disk once more helps nobody."""

QUIET_S = 60.0
"""How long nothing must have been heard of such trouble before it counts as over, seconds."""

LOOK_AGAIN_S = 10.0
"""How often the loop goes through everything though nothing has changed that would tell, seconds: files may be gone."""

PUBLISH_AGAIN_S = 0.5
"""How soon routes that the gateway did not take are offered again, seconds."""

LOG_LINES, LAST_WORDS = 30, 5
"""How many of an instance's last log lines an error holds, and the status while it is started again and again."""


_COMING = (InstanceState.STARTING, InstanceState.RESTARTING, InstanceState.WAKING)
"""Of an instance that has a process: it may answer any moment."""


class Gateway(Protocol):
    """What the reconciler asks of the gateway."""

    def keep_running(self) -> None:
        """Start it again when its supervisor is gone; nothing else would. Raises FlowsteadError."""

    def publish(self, endpoints: Sequence[GatewayEndpoint]) -> None:
        """Make these the routes. Returns when Envoy has taken them. Raises FlowsteadError when it has not."""


@dataclass
class _Trouble:
    """What a resource keeps running into. since, seen_at, retry_at, tried_at: on the monotonic clock. passing: it is
    the machine's."""

    text: str
    since: float
    seen_at: float
    retry_at: float
    tried_at: float
    passing: bool


class Reconciler:
    """Makes what exists what should exist. All methods belong to one thread; only the hint comes from others."""

    def __init__(
        self,
        *,
        store: Store,
        engine: Engine,
        environments: Environments,
        gateway: Gateway,
        home: Home,
        clock: Clock,
        hint: Hint,
        board: InstanceBoard | None = None,
        scaler: Scaler | None = None,
        random: Random | None = None,
        external_issuer: str = "",
        identity_url: str = "",
        max_request_bytes: int = DEFAULT_MAX_REQUEST_BYTES,
    ) -> None:
        """board: where everybody else sees the instances. scaler: None where nothing scales by itself. identity_url:
        where instances get tokens of their endpoint's identity, "" for nowhere. max_request_bytes: see InstanceSpec."""
        self._store, self._engine, self._gateway = store, engine, gateway
        self._home, self._clock, self._hint = home, clock, hint
        self._board = board or InstanceBoard()
        self._scaler = scaler
        self._reader = StoreReader(store, external_issuer)
        salt = store.lasting_key("revision")
        self._observer = DeploymentObserver(home, environments, FlowSources(home), salt)
        self._actor = Actor(
            store=store,
            engine=engine,
            board=self._board,
            home=home,
            random=random or SystemRandom(),
            identity_url=identity_url,
            max_request_bytes=max_request_bytes,
        )
        self._ends = InstanceEnds(store)
        self._unrouted, self._worked = Stopwatch[str](clock), Stopwatch[Worked](clock)
        self._published: tuple[GatewayEndpoint, ...] | None = None
        self._wanted: tuple[GatewayEndpoint, ...] = ()
        self._gateway_trouble, self._publish_at = "", float("-inf")
        self._trouble: dict[str, _Trouble] = {}
        self._seen: tuple[int, Sequence[ObservedInstance]] | None = None
        self._restless, self._looked_at = False, float("-inf")
        self._is_coming = False

    def run(self, stop: threading.Event) -> None:
        """Tick until stop is set; hint to be heard at once."""
        while not stop.is_set():
            busy, began = False, self._clock.monotonic()
            try:
                busy = self.tick()
            except Exception:
                logger.exception("The reconciler could not look at what there is; it tries again.")
            pause = BUSY_SHARE * (self._clock.monotonic() - began)
            often = BUSY_S if busy else SOON_S if self._is_coming else IDLE_S
            self._hint.wait(min(IDLE_S, max(often, pause)))

    def tick(self) -> bool:
        """One look at everything. True when somebody waits for something that is not there yet."""
        version = self._store.version()  # before anything is read: a commit after that is seen by the next look
        scales = self._scaler is not None and self._scaler.look()
        snapshot = None if self._is_as_before(version) and not scales else self._reader.read()
        instances = self._engine.observe()
        self._board.post(instances)
        self._is_coming = any(each.state in _COMING and each.pid is not None for each in instances)
        if snapshot is None and self._seen == (version, instances):
            self._publish(self._wanted)
            return False
        self._seen, self._restless = None, False
        self._looked_at = self._clock.monotonic()
        snapshot = snapshot or self._reader.read()
        if self._scaler is not None:
            self._scaler.watch(snapshot.deployments)
        self._publish(self._describe(snapshot, instances))
        around = self._look_around(snapshot, instances)
        self._ends.tell(snapshot.deployments, instances)
        self._stop_orphans(snapshot, instances)
        for deployment in snapshot.deployments:
            self._guarded(deployment, snapshot, partial(self._deployment, deployment, snapshot, around))
        for endpoint in snapshot.endpoints:
            self._guarded(endpoint, snapshot, partial(self._endpoint, endpoint, snapshot, around))
        self._forget_trouble(snapshot)
        waiting = snapshot.unfinished or self._unrouted.running or bool(self._trouble)
        if not (self._restless or waiting):
            self._seen = (version, instances)
        return snapshot.unfinished

    def _is_as_before(self, version: int) -> bool:
        """At the last look there was nothing to do, and of what the store holds nothing has changed since."""
        recent = self._clock.monotonic() - self._looked_at < LOOK_AGAIN_S
        taken = self._published is not None and not self._gateway_trouble
        return recent and taken and self._seen is not None and self._seen[0] == version

    def _deployment(self, record: DeploymentRecord, snapshot: Snapshot, around: Surroundings) -> None:
        if self._scaler is not None:
            record = self._scaler.scaled(record)
        view = self._observer.view(record, snapshot, around)
        self._actor.keep_build_log(view)
        secrets = snapshot.secrets[record.id]
        decision = decide_deployment(view)
        if decision.failure is not None:
            decision = self._explain(decision, decision.failure, view, secrets)
            decision = self._unless_passing(decision, view)
        self._actor.tell_preparation(view, decision.status)
        self._finish(decision, record, view, snapshot)

    def _endpoint(self, record: EndpointRecord, snapshot: Snapshot, around: Surroundings) -> None:
        view = EndpointView(
            record=record,
            now=around.now,
            worked_s=around.worked.get((record.uid, record.generation, ""), 0.0),
            published=self._is_published(record),
            children=len(snapshot.children(record)),
            operation=snapshot.operations.get(record.id),
            has_files=log_directory(self._home, record).exists(),
        )
        decision = decide_endpoint(view)
        self._finish(self._unless_passing(decision, view), record, None, snapshot)

    def _finish(
        self,
        decision: Decision,
        record: DeploymentRecord | EndpointRecord,
        view: DeploymentView | None,
        snapshot: Snapshot,
    ) -> None:
        if decision.actions or (decision.status is not None and not decision.done):
            self._restless = True
        for action in decision.actions:
            self._actor.carry_out(action, record, view, snapshot.secrets[record.id])
        content, target = snapshot.content.get(record.id), None
        if view is not None and content is not None and isinstance(view.artifact, Path):
            target = Revision(view.target, view.record.spec, content, snapshot.secrets[record.id])
        record_decision(self._store, record, decision, snapshot.operations.get(record.id), target, WRITE_PATIENCE_S)

    def _unless_passing(self, decision: Decision, view: DeploymentView | EndpointView) -> Decision:
        """A failure that a full disk has caused, or that nobody can tell from one, is none until it has lasted."""
        if decision.failure is None:
            return decision
        trouble = trouble_of(decision.failure.error, self._home)
        if trouble is None and full_disks(self._home):
            trouble = disk_full(self._home)
        if trouble is None and isinstance(view, DeploymentView) and view.held_up:
            trouble = DiskFull("The disk was full; what could not be done then is tried again.")
        if trouble is None:
            return decision
        known = self._trouble.get(view.record.id)
        if known is None or known.text != trouble.message:
            logger.warning("%s: %s %s\n%s", view.record.id, trouble.message, trouble.where, decision.failure.error)
        lasted = self._note_trouble(view.record, trouble.message, passing=True)
        if view.operation is None or lasted < GIVE_UP_WAITING_AFTER_S:
            return held_up(view, decision, trouble)
        status = decision.status and replace(decision.status, error=error_body(trouble))
        return replace(decision, status=status, failure=Fail(trouble))

    def _explain(self, decision: Decision, failure: Fail, view: DeploymentView, secrets: Mapping[str, str]) -> Decision:
        lines = self._engine.last_log_lines(failure.instance_id, LOG_LINES) if failure.instance_id else ()
        status = decision.status
        if not isinstance(status, DeploymentStatus):
            return decision
        error = explained(
            failure.error,
            of=f"{endpoint_name(view.record)}/{view.record.name}",
            phase=status.phase,
            log_lines=lines,
            serving=status.serving_revision if status.serving_revision != status.revision else None,
            secrets=secrets.values(),
            serves_connections=view.serving is not None and bool(view.serving.revision.spec.connections),
        )
        status = replace(status, error=error_body(error))
        return replace(decision, status=status, failure=replace(failure, error=error))

    def _describe(self, snapshot: Snapshot, instances: Sequence[ObservedInstance]) -> tuple[GatewayEndpoint, ...]:
        records = (snapshot.endpoints, snapshot.deployments)
        return describe(*records, instances, snapshot.secrets, snapshot.serving, snapshot.scorers)

    def _publish(self, wanted: tuple[GatewayEndpoint, ...]) -> None:
        """Tell the gateway when something has changed; what it did not take is told again. One that nobody
        supervises any more is started, and comes up with what it was told last."""
        self._wanted = wanted
        now = self._clock.monotonic()
        if now < self._publish_at:
            return
        try:
            self._gateway.keep_running()
            if wanted != self._published or self._gateway_trouble:  # it may have taken a part of what came between
                self._gateway.publish(wanted)
        except Exception as failure:
            self._publish_at = now + PUBLISH_AGAIN_S
            if str(failure) != self._gateway_trouble:
                logger.warning("The gateway did not take the routes: %s", failure)
            self._gateway_trouble = str(failure)
            return
        self._published, self._gateway_trouble = wanted, ""

    def _is_published(self, record: EndpointRecord) -> bool:
        """The gateway has the endpoint as it is wanted, or not at all when it is to go."""
        if self._published is None:
            return False
        wanted = next((each for each in self._wanted if each.name == record.name), None)
        return next((each for each in self._published if each.name == record.name), None) == wanted

    def _look_around(self, snapshot: Snapshot, instances: Sequence[ObservedInstance]) -> Surroundings:
        routed = self._routed(snapshot)
        every = frozenset[str]().union(*routed.values()) if routed is not None else None
        self._unrouted.keep({each.id for each in instances if every is not None and each.address not in every})
        self._worked.keep(worked_on(snapshot.records, snapshot.operations))
        failed = [each.id for each in instances if each.state is InstanceState.FAILED]
        return Surroundings(
            now=self._clock.now(),
            worked=self._worked.seconds(),
            instances=instances,
            routed=routed,
            unrouted_for=self._unrouted.seconds(),
            again=frozenset(self._to_be_tried_again()),
            last_words={id: "\n".join(self._engine.last_log_lines(id, LAST_WORDS)) for id in failed},
        )

    def _to_be_tried_again(self) -> Iterator[str]:
        now = self._clock.monotonic()
        for id, trouble in self._trouble.items():
            if trouble.passing and now - trouble.tried_at >= AGAIN_S:
                trouble.tried_at = now
                yield id

    def _routed(self, snapshot: Snapshot) -> Mapping[str, frozenset[str]] | None:
        if self._published is None:
            return None
        by_name = {
            (endpoint.name, deployment.name): frozenset(each.address for each in deployment.instances)
            for endpoint in self._published
            for deployment in endpoint.deployments
        }
        none = frozenset[str]()
        return {each.id: by_name.get((endpoint_name(each), each.name), none) for each in snapshot.deployments}

    def _stop_orphans(self, snapshot: Snapshot, instances: Sequence[ObservedInstance]) -> None:
        """Instances whose deployment is not known any more."""
        known = {each.uid for each in snapshot.deployments}
        for each in instances:
            if each.deployment_uid not in known and each.state is not InstanceState.STOPPING:
                logger.warning("Stopping the instance %s of a deployment that does not exist.", each.id)
                self._engine.stop(each.id)

    def _guarded(self, record: DeploymentRecord | EndpointRecord, snapshot: Snapshot, step: Callable[[], None]) -> None:
        """Take the step; what it raises stops neither the loop nor the other resources."""
        now = self._clock.monotonic()
        trouble = self._trouble.get(record.id)
        if trouble is not None and now < trouble.retry_at:
            return
        try:
            step()
        except Exception as failure:
            passing = trouble_of(failure, self._home)
            error = passing or (
                failure if isinstance(failure, FlowsteadError) else FlowsteadError(_unexpected(failure))
            )
            text = error.message if passing else f"{type(failure).__name__}: {failure}"
            if trouble is None or trouble.text != text:
                where = f"{passing.message} {passing.where}" if passing else ""
                logger.error(
                    "The reconciler has trouble with %s. %s", record.id, where, exc_info=None if passing else failure
                )
            lasted = self._note_trouble(record, text, passing=passing is not None)
            self._trouble[record.id].retry_at = now + IDLE_S
            if not isinstance(passing, DatabaseBusy):  # nothing could be written
                limit = GIVE_UP_WAITING_AFTER_S if passing else GIVE_UP_AFTER_S
                self._tell_trouble(record, snapshot, error, lasting=lasted >= limit)
        else:
            if trouble is not None and not (trouble.passing and now - trouble.seen_at < QUIET_S):
                self._trouble.pop(record.id, None)

    def _note_trouble(self, record: DeploymentRecord | EndpointRecord, text: str, *, passing: bool) -> float:
        """Returns how long the resource has had trouble, seconds."""
        now = self._clock.monotonic()
        before = self._trouble.get(record.id)
        since, tried_at = (before.since, before.tried_at) if before is not None else (now, now)
        self._trouble[record.id] = _Trouble(text, since, now, retry_at=now, tried_at=tried_at, passing=passing)
        return now - since

    def _tell_trouble(
        self,
        record: DeploymentRecord | EndpointRecord,
        snapshot: Snapshot,
        error: FlowsteadError,
        *,
        lasting: bool,
    ) -> None:
        """Put it into the status; when it lasts the operation fails with it. A deletion is never given up."""
        status = replace(record.status, error=error_body(error))
        operation = snapshot.operations.get(record.id)
        decision = Decision(status=status)
        if lasting and operation is not None and not record.deleting:
            failed = replace(status, provisioning_state=ProvisioningState.FAILED)
            decision = Decision(status=failed, failure=Fail(error))
        elif record.observed_generation < record.generation:
            # This says that the generation has been looked at, so what was said of the one before must go.
            if not isinstance(error, PassingTrouble):
                return
            decision = Decision(status=started_anew(record, operation, error))
        try:
            record_decision(self._store, record, decision, operation, patience_s=WRITE_PATIENCE_S)
        except Exception:
            logger.exception("The status of %s could not be written.", record.id)

    def _forget_trouble(self, snapshot: Snapshot) -> None:
        there = {each.id for each in snapshot.records}
        self._trouble = {id: trouble for id, trouble in self._trouble.items() if id in there}


def _unexpected(failure: Exception) -> str:
    return f"The server could not carry it out: {type(failure).__name__}. The server's log tells more."
