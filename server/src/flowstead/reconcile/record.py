"""Writes down what was decided, once, guarded by the generation that it was decided for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from flowstead.errors import FlowsteadError
from flowstead.reconcile.decide import error_body
from flowstead.reconcile.decision import Decision
from flowstead.resources.deployment import DeploymentStatus
from flowstead.resources.endpoint import EndpointStatus
from flowstead.resources.operation import Operation, OperationState
from flowstead.store import Store, Writing
from flowstead.store.database import PATIENCE_S
from flowstead.store.records import DeploymentRecord, EndpointRecord, Kind, Revision
from flowstead_runtime.secret_values import redact


def record_decision(
    store: Store,
    record: DeploymentRecord | EndpointRecord,
    decision: Decision,
    operation: Operation | None,
    target: Revision | None = None,
    patience_s: float = PATIENCE_S,
) -> bool:
    """Write status and operation in one transaction; and of target, the revision that is wanted, that it was begun,
    that it serves from now, or why it could not be brought up.
    False, and nothing is written, when the user has changed the resource meanwhile: the next look starts from what is
    wanted then. patience_s: as of `Store.transaction`."""
    status = decision.status
    if status is None or (status == record.status and operation is None and not _is_new(record)):
        return True
    phase, times = _progress(status)
    same = status == record.status and not _is_new(record)
    if same and not decision.done and decision.failure is None and operation and operation.phase == phase:
        return True
    with store.transaction(patience_s=patience_s) as tx:
        if not tx.put_status(record.id, status, generation=record.generation):
            return False
        _record_revision(tx, record, status, decision, target)
        if _is_scaled(record.status) and not _is_scaled(status):
            tx.journal.observed(record.id, status.provisioning_state.value)
        if operation is None:
            return True
        tx.update_operation(operation.id, phase, times)
        if decision.failure is not None:
            tx.finish_operation(operation.id, OperationState.FAILED, error_body(decision.failure.error))
        elif decision.done:
            tx.finish_operation(operation.id, OperationState.SUCCEEDED)
    return True


def _record_revision(
    tx: Writing,
    record: DeploymentRecord | EndpointRecord,
    status: DeploymentStatus | EndpointStatus,
    decision: Decision,
    target: Revision | None,
) -> None:
    if not isinstance(status, DeploymentStatus) or not isinstance(record.status, DeploymentStatus):
        return
    if target is not None and (_is_new(record) or status.revision != record.status.revision):
        tx.revisions.begin(tx.get(Kind.DEPLOYMENT, record.id), target)
    if target is not None and _begins_to_serve(record.status, status, done=decision.done):
        tx.keep_revision(record.id, target)
    failed = decision.failure is not None and status.error is not None
    if failed and status.revision != status.serving_revision:
        tx.revisions.fail(tx.get(Kind.DEPLOYMENT, record.id), status.revision, status.error or {})


def explained(
    error: FlowsteadError,
    *,
    of: str,
    phase: str,
    log_lines: Sequence[str],
    serving: str | None,
    secrets: Iterable[str],
    serves_connections: bool = False,
) -> FlowsteadError:
    """The same error, told in full: which deployment, which phase, why, the last log lines, what still serves.
    serves_connections: that uses connections of the workspace."""
    parts = [error.details]
    if log_lines:
        parts.append("Last log lines:\n" + "\n".join(log_lines))
    if serving:
        kept = ", with its connections as they were when it was deployed" if serves_connections else ""
        parts.append(f"Revision {serving}, which was there before, goes on serving{kept}.")
    message = f"Deployment {of} failed in phase {phase}: {error.message}"
    return type(error)(
        redact(message, secrets),
        hint=redact(error.next_step, secrets),
        target=error.target,
        details=redact("\n".join(part for part in parts if part), secrets),
    )


def _begins_to_serve(before: DeploymentStatus, after: DeploymentStatus, *, done: bool) -> bool:
    """The revision that is wanted serves from now, or by as many instances as are wanted now."""
    switched = before.serving_revision != after.serving_revision
    return after.serving_revision == after.revision and (switched or done)


def _is_scaled(status: DeploymentStatus | EndpointStatus) -> bool:
    """The number of its instances is being changed without anybody's operation."""
    return isinstance(status, DeploymentStatus) and status.scaled is not None and status.scaled.under_way


def _is_new(record: DeploymentRecord | EndpointRecord) -> bool:
    return record.observed_generation < record.generation


def _progress(status: object) -> tuple[str, Mapping[str, float]]:
    return (status.phase, status.phase_times) if isinstance(status, DeploymentStatus) else ("", {})
