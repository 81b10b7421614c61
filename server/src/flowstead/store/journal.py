"""What is written down with every change, in its transaction: the audit record, and the event for those who follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from flowstead.resources.clock import Clock, iso
from flowstead.resources.operation import Operation, OperationState
from flowstead.resources.origin import ORIGIN
from flowstead.store.schema import audit, events

KEEP_EVENTS = 10_000
"""How many events a follower may have missed and still catch up; after more it reads everything anew."""

_FORGET_EVERY = 500


class Journal:
    """Of one transaction. told: something was written that followers wait for."""

    def __init__(self, connection: sa.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self.told = False

    def record(
        self,
        by: str,
        action: str,
        resource_id: str,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        detail: str = "",
        operation_id: str = "",
        begun: bool = False,
    ) -> int:
        """A change that somebody has made; its number. It is done, unless an operation carries it out, or unless it has
        only `begun`: then `conclude` is to follow, in a later transaction."""
        origin = ORIGIN.get()
        open_ended = begun or bool(operation_id)
        written = self._connection.execute(
            audit.insert().values(
                at=self._now(),
                by=by,
                action=action,
                resource_key=resource_id.lower(),
                resource_id=resource_id,
                before=before,
                after=after,
                detail=detail,
                principal_id=origin.principal_id,
                request_id=origin.request_id,
                operation_id=operation_id,
                outcome=(OperationState.IN_PROGRESS if open_ended else OperationState.SUCCEEDED).value,
            )
        )
        self._tell("resourceChanged", resource_id, {"change": action, "by": by})
        return int((written.inserted_primary_key or (0,))[0])

    def conclude(self, sequence: int, detail: str, error: Mapping[str, Any] | None = None) -> None:
        """How a change ended that had begun. detail: what was done after all."""
        outcome = OperationState.SUCCEEDED if error is None else OperationState.FAILED
        self._connection.execute(
            audit.update().where(audit.c.sequence == sequence).values(outcome=outcome.value, detail=detail, error=error)
        )

    def conclude_interrupted(self, error: Mapping[str, Any]) -> None:
        """Changes that a server before had begun and did not live to conclude. What they were about to do stays."""
        self._connection.execute(
            audit.update()
            .where(audit.c.operation_id == "", audit.c.outcome == OperationState.IN_PROGRESS.value)
            .values(outcome=OperationState.FAILED.value, error=error)
        )

    def record_end(self, operation: Operation) -> None:
        """An operation has ended, and with it the change that it carried out."""
        self._connection.execute(
            audit.update()
            .where(audit.c.operation_id == operation.id, audit.c.outcome == OperationState.IN_PROGRESS.value)
            .values(outcome=operation.state.value, error=operation.error)
        )
        self.progressed(operation)

    def progressed(self, operation: Operation) -> None:
        """An operation has begun, has come to another phase, or has ended."""
        said: dict[str, Any] = {
            "operationId": operation.id,
            "operation": operation.kind.value,
            "status": operation.state.value,
            "phase": operation.phase,
        }
        if operation.error is not None:
            said["error"] = dict(operation.error)
        self._tell("operationProgressed", operation.resource_id, said)

    def observed(self, resource_id: str, state: str) -> None:
        """A resource has come to another state."""
        self._tell("resourceChanged", resource_id, {"change": "status", "provisioningState": state})

    def instance_ended(self, deployment_id: str, instance: str, reason: str, message: str) -> None:
        """A worker of a deployment's has ended though nobody wanted it to."""
        said = {"change": "instanceEnded", "instance": instance, "reason": reason, "message": message}
        self._tell("resourceChanged", deployment_id, said)

    def _tell(self, type: str, resource_id: str, data: Mapping[str, Any]) -> None:
        self.told = True
        written = self._connection.execute(
            events.insert().values(at=self._now(), type=type, resource_id=resource_id, data=dict(data))
        )
        sequence = int((written.inserted_primary_key or (0,))[0])
        if sequence % _FORGET_EVERY == 0:
            self._connection.execute(events.delete().where(events.c.sequence <= sequence - KEEP_EVENTS))

    def _now(self) -> str:
        return iso(self._clock.now())
