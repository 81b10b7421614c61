"""(record, what there is) → what to do and what to say of it. Pure: no clock, no disk, no store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from flowstead.errors import FlowsteadError, PassingTrouble
from flowstead.reconcile.decision import (
    Act,
    Decision,
    DeploymentView,
    EndpointView,
    Fail,
    StartInstance,
)
from flowstead.reconcile.phases import (
    DEPLOYMENT_DELETION,
    DEPLOYMENT_PHASES,
    DEPLOYMENT_STOP,
    ENDPOINT_DELETION,
    ENDPOINT_PHASES,
    serving_kept_up,
    stop_after_failure,
)
from flowstead.resources.clock import iso
from flowstead.resources.deployment import Condition, DeploymentStatus, is_driven
from flowstead.resources.endpoint import EndpointStatus, ProvisioningState
from flowstead.resources.operation import Operation, OperationKind
from flowstead.store.records import DeploymentRecord, EndpointRecord


def decide_deployment(view: DeploymentView) -> Decision:
    """Deletion wins over all; an attempt that has failed is not made again until the specification changes. What
    serves is kept up meanwhile."""
    if view.record.deleting:
        return _delete_deployment(view)
    stopped = view.record.spec.stopped  # which is always brought to an end: nothing in it can fail
    if view.settled and not stopped and view.record.status.provisioning_state is not ProvisioningState.SUCCEEDED:
        decision = Decision(stop_after_failure(view))
    else:
        decision = _bring_up(view)
    starting = sum(isinstance(each, StartInstance) for each in decision.actions)
    return replace(decision, actions=(*decision.actions, *serving_kept_up(view, starting)))


def decide_endpoint(view: EndpointView) -> Decision:
    if view.record.deleting:
        return _delete_endpoint(view)
    for phase in ENDPOINT_PHASES:
        outcome = phase.check(view)
        if isinstance(outcome, Act):
            status = view.record.status if view.settled else EndpointStatus(_on_the_way(view))
            return Decision(outcome.actions, status)
        if isinstance(outcome, Fail):
            failed = EndpointStatus(ProvisioningState.FAILED, error=error_body(outcome.error))
            return Decision(status=failed, failure=outcome)
    return Decision(status=EndpointStatus(ProvisioningState.SUCCEEDED), done=True)


def held_up(view: DeploymentView | EndpointView, decision: Decision, trouble: PassingTrouble) -> Decision:
    """Instead of a failure that this machine is to blame for: it is said, and what is to be done goes on."""
    if decision.status is None:
        return replace(decision, failure=None)
    status = replace(decision.status, provisioning_state=_on_the_way(view), error=error_body(trouble))
    return replace(decision, status=status, failure=None)


def started_anew(
    record: DeploymentRecord | EndpointRecord, operation: Operation | None, trouble: PassingTrouble
) -> DeploymentStatus | EndpointStatus:
    """The status of a generation of which nothing could be found out yet but that trouble."""
    state = _state_on_the_way(record.status, operation)
    status = replace(record.status, provisioning_state=state, error=error_body(trouble))
    return replace(status, conditions=(), phase_times={}) if isinstance(status, DeploymentStatus) else status


def error_body(error: FlowsteadError) -> dict[str, str]:
    """What status and operation hold of an error."""
    return {"code": error.code, "message": str(error)}


def _bring_up(view: DeploymentView) -> Decision:
    """Walk the phases as far as they hold. For a deployment that is up, or stopped, the walk keeps it so."""
    stopped = view.record.spec.stopped
    status = view.record.status
    if view.first_look:
        scaled = status.scaled if view.record.spec.scale is not None or is_driven(status) else None
        status = replace(status, conditions=(), phase_times={}, error=None, scaled=scaled)
    status = replace(status, revision=view.target)
    for phase in DEPLOYMENT_STOP if stopped else DEPLOYMENT_PHASES:
        outcome = phase.check(view)
        if isinstance(outcome, Act):
            serving = outcome.serve or status.serving_revision
            status = _waiting(view, status, phase.name, outcome.waiting_for, outcome.explanation)
            status = replace(status, serving_revision=serving)
            return Decision(outcome.actions, status)
        if isinstance(outcome, Fail):
            return _failed(view, status, phase.name, outcome)
        status = _holding(view, status, phase.name)
    serving = None if stopped else status.serving_revision
    state, scaled = ProvisioningState.SUCCEEDED, status.scaled and status.scaled.at_rest
    succeeded = replace(status, provisioning_state=state, phase="", error=None, serving_revision=serving, scaled=scaled)
    return Decision(status=succeeded, done=True)


def _delete_deployment(view: DeploymentView) -> Decision:
    for phase in DEPLOYMENT_DELETION:
        outcome = phase.check(view)
        if isinstance(outcome, Act):
            status = replace(view.record.status, provisioning_state=ProvisioningState.DELETING)
            return Decision(outcome.actions, replace(status, phase=phase.name))
    raise AssertionError("The last phase of a deletion always acts.")


def _delete_endpoint(view: EndpointView) -> Decision:
    for phase in ENDPOINT_DELETION:
        outcome = phase.check(view)
        if isinstance(outcome, Act):
            status = replace(view.record.status, provisioning_state=ProvisioningState.DELETING)
            return Decision(outcome.actions, status)
    raise AssertionError("The last phase of a deletion always acts.")


def _failed(view: DeploymentView, status: DeploymentStatus, phase: str, outcome: Fail) -> Decision:
    """While it is being brought up that ends the attempt; later it is only said, and what serves is kept up as it was
    deployed."""
    if view.settled:
        useless = stop_after_failure(view) if view.serving is not None else ()
        return Decision(useless, _waiting(view, status, phase, outcome.error.message))
    reason = outcome.error.code
    status = _with_condition(status, Condition(phase, False, reason, outcome.error.message, iso(view.now)))
    body = error_body(outcome.error)
    failed = replace(status, provisioning_state=ProvisioningState.FAILED, phase=phase, error=body)
    return Decision(status=failed, failure=outcome)


def _holding(view: DeploymentView, status: DeploymentStatus, phase: str) -> DeploymentStatus:
    """The phase holds: since when, and how long it took to get there."""
    if any(each.type == phase and each.status for each in status.conditions):
        return status
    now = iso(view.now)
    times = status.phase_times
    if not view.settled:
        times = {**times, phase: _seconds_in_phase(view, status)}
    return replace(_with_condition(status, Condition(phase, True, at=now)), phase_times=times)


def _waiting(
    view: DeploymentView, status: DeploymentStatus, phase: str, what_for: str, explanation: str = ""
) -> DeploymentStatus:
    condition = Condition(phase, False, "Waiting", f"Waiting for {what_for}. {explanation}".rstrip(), iso(view.now))
    before = next((each for each in status.conditions if each.type == phase), None)
    if before is not None and replace(before, at=condition.at) == condition:
        condition = before
    status = _with_condition(status, condition)
    if view.settled:
        return status
    return replace(status, provisioning_state=_on_the_way(view), phase=phase, error=None)


def _with_condition(status: DeploymentStatus, condition: Condition) -> DeploymentStatus:
    """The conditions in the phases' order, with this one in place of the last of its type."""
    others = {each.type: each for each in status.conditions}
    by_type: Mapping[str, Condition] = {**others, condition.type: condition}
    ordered = tuple(by_type[phase.name] for phase in DEPLOYMENT_PHASES if phase.name in by_type)
    return replace(status, conditions=ordered)


def _seconds_in_phase(view: DeploymentView, status: DeploymentStatus) -> float:
    """Since the phase before it held, or since the change was asked for."""
    held = [each.at for each in status.conditions if each.status]
    began = max(held, default=view.operation.started_at if view.operation else view.record.modified_at)
    return round(max(0.0, (view.now - datetime.fromisoformat(began)).total_seconds()), 3)


def _on_the_way(view: DeploymentView | EndpointView) -> ProvisioningState:
    return _state_on_the_way(view.record.status, view.operation)


def _state_on_the_way(before: DeploymentStatus | EndpointStatus, operation: Operation | None) -> ProvisioningState:
    if operation is not None:
        creating = operation.kind is OperationKind.CREATE
    else:
        creating = before.provisioning_state is ProvisioningState.CREATING
    return ProvisioningState.CREATING if creating else ProvisioningState.UPDATING
