"""The way of a deployment and of an endpoint, as lists: what has to hold, in this order. Pure.

Each phase looks at what there is and answers Proceed, Act or Fail; it may be asked again at any time, by this server
or the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from flowstead.engines.endings import how_it_stands, why_it_failed
from flowstead.engines.liveness import start_limit_s
from flowstead.engines.protocol import InstanceState, ObservedInstance
from flowstead.environments.protocol import BuildFailed, Building, Built
from flowstead.errors import FlowsteadError, GatewayUpdateFailed, ImageBuildFailure, ResourceNotReady
from flowstead.reconcile.decision import (
    Act,
    Action,
    DeploymentView,
    EndpointView,
    Fail,
    Outcome,
    Proceed,
    RemoveFiles,
    RemoveRows,
    StartInstance,
    StopInstance,
)
from flowstead.reconcile.describe import changes_at_once, serving_instances
from flowstead.reconcile.instances import AT_WORK, kept, places_left, ready, running
from flowstead.resources.deployment import wanted_instances
from flowstead.resources.scaling import WAKING_S
from flowstead.resources.sizes import with_reserve

DRAIN_S = 1.0
"""How long an instance runs on after the gateway has dropped it, seconds: what Envoy had already sent on its way
arrives. The instance itself ends only after its requests."""

GATEWAY_S = 30.0
"""How long the gateway may take to accept new routes, seconds: it is started again within two when it dies."""

REMOVAL_S = 10.0
"""How long a deletion waits for a gateway that does not answer, seconds. Where there is no gateway there is no
request either."""

STARTS_A_LOOK = 4
"""How many instances of a deployment are started before others have their turn: each takes a tenth of a second."""

View = TypeVar("View")


@dataclass(frozen=True)
class Phase(Generic[View]):
    """name: also the type of its condition in the status."""

    name: str
    check: Callable[[View], Outcome]


def environment_built(view: DeploymentView) -> Outcome:
    if isinstance(view.environment, Building):
        return Act("its environment to be built")
    if isinstance(view.environment, BuildFailed):
        failed = view.environment
        return Fail(ImageBuildFailure(failed.message, hint=failed.next_step, details=failed.output))
    return Proceed()


def artifact_in_place(view: DeploymentView) -> Outcome:
    return Fail(view.artifact) if isinstance(view.artifact, FlowsteadError) else Proceed()


def identity_granted(view: DeploymentView) -> Outcome:
    return Proceed() if view.denied is None else Fail(view.denied)


def connections_resolvable(view: DeploymentView) -> Outcome:
    return Proceed() if view.connections is None else Fail(view.connections)


def instances_started(view: DeploymentView) -> Outcome:
    """As many as there is room for: while they take the places of others, both together never exceed the reserve."""
    spent = [each for each in view.instances if _is_spent(view, each)]
    present = [each for each in view.instances if each not in spent]
    wanted = view.wanted
    missing = min(wanted - len(kept(present, view.target, wanted)), _room(view, present), STARTS_A_LOOK)
    actions: tuple[Action, ...] = (*map(_stop_spent, spent), *[StartInstance(view.target)] * missing)
    return Act("its instances to be started", actions) if actions else Proceed()


def instances_ready(view: DeploymentView) -> Outcome:
    wanted = view.wanted
    places = kept(view.instances, view.target, wanted)
    failed = next((each for each in places if each.state is InstanceState.FAILED), None)
    if failed is not None and not view.settled:
        return Fail(why_it_failed(failed), failed.id)
    ready = sum(each.state in AT_WORK for each in places)
    if ready >= wanted:
        return Proceed()
    waited, limit = _seconds_at(view, "InstancesReady"), start_limit_s(view.record.spec.readiness_probe)
    late = next((each for each in places if each.state not in AT_WORK), None)
    if not view.settled and waited > limit and late is not None:
        return Fail(ResourceNotReady(f"An instance was not ready after {limit:.0f} s."), late.id)
    if not view.settled and waited > limit + GATEWAY_S:
        return Fail(_route_not_taken())
    stands = (how_it_stands(each, view.last_words.get(each.id, "")) for each in places)
    return Act(f"{ready} of {wanted} instances to be ready", explanation="\n".join(each for each in stands if each))


def route_switched(view: DeploymentView) -> Outcome:
    if view.record.status.serving_revision != view.target:
        return Act("the gateway to route to the new instances", serve=view.target)
    if view.routed == frozenset(each.address for each in serving_instances(view.record, view.instances)):
        return Proceed()
    if not view.settled and _seconds_at(view, "RouteSwitched") > GATEWAY_S:
        return Fail(_route_not_taken())
    return Act("the gateway to route to the new instances")


def old_instances_drained(view: DeploymentView) -> Outcome:
    stopping = InstanceState.STOPPING
    if all(each.state is stopping or _is_drained(view, each) for each in _old(view)):
        return Proceed()
    return Act("old instances to finish their requests")


def old_instances_stopped(view: DeploymentView) -> Outcome:
    old = _old(view)
    if not old:
        return Proceed()
    longest_s = view.record.spec.request_settings.request_timeout_s
    if view.record.spec.stopped and _seconds_at(view, "OldInstancesStopped") > longest_s:
        # Streams that are still open are cut: who stops a deployment means it.
        return Act("old instances to end", _stop_again(view))
    return Act("old instances to end", _stop_all(old, patient=True))


DEPLOYMENT_PHASES: tuple[Phase[DeploymentView], ...] = (
    Phase("EnvironmentBuilt", environment_built),
    Phase("ArtifactInPlace", artifact_in_place),
    Phase("IdentityGranted", identity_granted),
    Phase("ConnectionsResolvable", connections_resolvable),
    Phase("InstancesStarted", instances_started),
    Phase("InstancesReady", instances_ready),
    Phase("RouteSwitched", route_switched),
    Phase("OldInstancesDrained", old_instances_drained),
    Phase("OldInstancesStopped", old_instances_stopped),
)


def deployment_unrouted(view: DeploymentView) -> Outcome:
    if view.routed is not None and not view.routed:
        return Proceed()
    return _wait_for_removal(view)


DEPLOYMENT_STOP: tuple[Phase[DeploymentView], ...] = (
    Phase("RouteSwitched", deployment_unrouted),
    Phase("OldInstancesDrained", old_instances_drained),
    Phase("OldInstancesStopped", old_instances_stopped),
)
"""The way of a deployment that is stopped: all its instances are old ones."""


def all_instances_stopped(view: DeploymentView) -> Outcome:
    return Act("its instances to end", _stop_again(view)) if view.instances else Proceed()


def files_removed(view: DeploymentView | EndpointView) -> Outcome:
    return Act("its files to be removed", (RemoveFiles(),)) if view.has_files else Proceed()


def rows_removed(view: DeploymentView | EndpointView) -> Outcome:
    return Act("its rows to be removed", (RemoveRows(),))


DEPLOYMENT_DELETION: tuple[Phase[DeploymentView], ...] = (
    Phase("RouteRemoved", deployment_unrouted),
    Phase("InstancesStopped", all_instances_stopped),
    Phase("FilesRemoved", files_removed),
    Phase("RowsRemoved", rows_removed),
)


def route_published(view: EndpointView) -> Outcome:
    if view.published:
        return Proceed()
    if not view.settled and view.worked_s > GATEWAY_S:
        return Fail(_route_not_taken())
    return Act("the gateway to take its route and keys")


ENDPOINT_PHASES: tuple[Phase[EndpointView], ...] = (Phase("RoutePublished", route_published),)


def endpoint_unrouted(view: EndpointView) -> Outcome:
    return Proceed() if view.published else _wait_for_removal(view)


def deployments_removed(view: EndpointView) -> Outcome:
    return Act(f"{view.children} of its deployments to be removed") if view.children else Proceed()


ENDPOINT_DELETION: tuple[Phase[EndpointView], ...] = (
    Phase("RouteRemoved", endpoint_unrouted),
    Phase("DeploymentsRemoved", deployments_removed),
    Phase("FilesRemoved", files_removed),
    Phase("RowsRemoved", rows_removed),
)


def serving_kept_up(view: DeploymentView, starting: int = 0) -> tuple[Action, ...]:
    """What it takes that the revision which serves goes on doing so until the target does, or after that has failed.
    starting: instances that are started in this look already."""
    serving = None if view.record.spec.stopped else view.serving
    if serving is None or not isinstance(serving.environment, Built) or not isinstance(serving.artifact, Path):
        return ()
    name, wanted = serving.revision.name, _serving_places(view)
    missing = wanted - len(kept(view.instances, name, wanted))
    if _is_coming(view):  # what was superseded on its way serves in its stead
        missing -= sum(each.revision not in (name, view.target) for each in ready(view.instances))
    room = _room(view, view.instances) - starting
    return (StartInstance(name),) * min(missing, room, STARTS_A_LOOK)


def is_useless(view: DeploymentView, instance: ObservedInstance) -> bool:
    """After a failure: it does not serve, and nothing goes to it any more."""
    serving = view.record.status.serving_revision or ""
    if view.serving is not None:
        useful = kept(view.instances, serving, wanted_instances(view.serving.revision.spec, view.record.status))
    else:
        up = (*AT_WORK, InstanceState.RESTARTING)
        useful = [each for each in view.instances if each.revision == serving and each.state in up]
    if instance.state is InstanceState.STOPPING or instance in useful:
        return False
    may_be_answering = bool(serving) and instance.state not in (InstanceState.STARTING, InstanceState.FAILED)
    return _is_drained(view, instance) if may_be_answering else is_unrouted(view, instance)


def stop_after_failure(view: DeploymentView) -> tuple[Action, ...]:
    """What can't come to serve is stopped, what serves goes on."""
    return tuple(_stop_spent(each) for each in view.instances if is_useless(view, each))


def _is_spent(view: DeploymentView, instance: ObservedInstance) -> bool:
    """It is of no use any more and can be stopped at once."""
    if instance.state is InstanceState.STOPPING:
        return False
    if instance.state is InstanceState.LOST:
        # Its worker may go on answering until another is ready in its place.
        return _is_drained(view, instance)
    serving, wanted = view.record.status.serving_revision, view.wanted
    if instance.revision not in (view.target, serving):
        # Superseded on its way. Once the target serves, the last two phases take care of what is old, unless it has a
        # place that the target needs.
        in_the_way = serving != view.target or len(kept(view.instances, view.target, wanted)) < wanted
        return in_the_way and _is_drained(view, instance)
    if instance.revision == serving != view.target:
        # One of the target has its place.
        useful = kept(view.instances, instance.revision, _serving_places(view))
        return instance not in useful and _is_drained(view, instance)
    # Of an attempt before this one. In a running deployment its supervisor starts it again, ever later.
    return instance.revision == view.target and instance.state is InstanceState.FAILED and view.first_look


def _is_coming(view: DeploymentView) -> bool:
    """The target is on its way into the places of the revision that serves, and has not failed."""
    serving = view.record.status.serving_revision
    return serving not in (None, view.target) and not view.settled


def _serving_count(view: DeploymentView) -> int:
    """By how many instances the revision serves that did so before the target."""
    serving = view.record.status.serving_revision
    if view.serving is not None:
        return wanted_instances(view.serving.revision.spec, view.record.status)
    return sum(each.revision == serving for each in view.instances)


def _serving_places(view: DeploymentView) -> int:
    """How many of these are still needed."""
    count, wanted = _serving_count(view), view.wanted
    came = len(ready(kept(view.instances, view.target, wanted)))
    return places_left(count, came, wanted) if _is_coming(view) and not _changes_at_once(view) else count


def _changes_at_once(view: DeploymentView) -> bool:
    return view.serving is not None and changes_at_once(view.record, view.serving.revision)


def _room(view: DeploymentView, present: Iterable[ObservedInstance]) -> int:
    """How many more instances may be started beside those: within the reserve, where they can take each other's
    places."""
    before = _serving_count(view) if view.serving is not None else 0
    most = before + view.wanted if _changes_at_once(view) else with_reserve(max(view.wanted, before))
    return max(0, most - running(present))


def _stop_spent(instance: ObservedInstance) -> StopInstance:
    """One that was ready may still be answering requests."""
    return StopInstance(instance.id, patient=instance.state in (*AT_WORK, InstanceState.RESTARTING, InstanceState.LOST))


def _route_not_taken() -> GatewayUpdateFailed:
    return GatewayUpdateFailed(f"The gateway did not take the new routes within {GATEWAY_S:.0f} s.")


def is_unrouted(view: DeploymentView, instance: ObservedInstance) -> bool:
    """The gateway is known to send it nothing."""
    return view.routed is not None and instance.address not in view.routed


def _is_drained(view: DeploymentView, instance: ObservedInstance) -> bool:
    """One that is being woken has callers who wait in its socket: they have their answers first, or have given up."""
    drain_s = DRAIN_S
    if instance.state is InstanceState.WAKING:
        drain_s = WAKING_S + view.record.spec.request_settings.request_timeout_s
    return is_unrouted(view, instance) and view.unrouted_for.get(instance.id, 0.0) >= drain_s


def _old(view: DeploymentView) -> list[ObservedInstance]:
    keep = {each.id for each in kept(view.instances, view.target, view.wanted)}
    return [each for each in view.instances if each.id not in keep]


def _stop_all(instances: Iterable[ObservedInstance], *, patient: bool = False) -> tuple[Action, ...]:
    return tuple(StopInstance(each.id, patient) for each in instances if each.state is not InstanceState.STOPPING)


def _stop_again(view: DeploymentView) -> tuple[Action, ...]:
    """All, those too that are stopping already but were given time for their requests."""
    return tuple(StopInstance(each.id) for each in view.instances)


def _wait_for_removal(view: DeploymentView | EndpointView) -> Outcome:
    if view.worked_s > REMOVAL_S:
        return Proceed()
    return Act("the gateway to drop its route")


def _seconds_at(view: DeploymentView, phase: str) -> float:
    """How long the walk has stood there. 0 when it has only just come, or come back: what held and does so no more, as
    of an instance that crashes while old ones end their streams, has all its time again."""
    return 0.0 if view.first_look or view.record.status.phase != phase else view.stood_s
