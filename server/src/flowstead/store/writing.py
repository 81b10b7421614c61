"""What can be done to the store: each change with its audit record, in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from flowstead.errors import PreconditionFailed, ResourceConflict, ResourceNotFound
from flowstead.resources.clock import Clock, iso
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.operation import Operation, OperationKind, OperationState
from flowstead.store import codec
from flowstead.store.journal import Journal
from flowstead.store.reading import Reading
from flowstead.store.records import KINDS, AnyKind, AnyRecord, Kind, Record, Revision, Spec, Status
from flowstead.store.schema import operations, resources, secrets
from flowstead.store.sealing import Sealer

_SUPERSEDED = {"code": "OperationCanceled", "message": "A newer change has taken this operation's place."}


class Writing(Reading):
    """A transaction that may write. Specification and status are never written by one statement."""

    def __init__(self, connection: sa.Connection, sealer: Sealer, clock: Clock) -> None:
        super().__init__(connection, sealer)
        self._clock = clock
        self.journal = Journal(connection, clock)

    def put(
        self,
        kind: Kind[Spec, Status],
        id: str,
        parent_id: str,
        name: str,
        spec: Spec,
        *,
        by: str,
        still: str | None = None,
        operation: OperationKind | None,
        force: bool = False,
        detail: str = "",
    ) -> tuple[Record[Spec, Status], Operation | None]:
        """Create the resource, or change its specification.

        The generation grows when the specification differs, when `force` says that something beside it has
        changed (a secret), or when the last attempt failed: the same PUT again means another try. operation:
        the kind of operation that follows the change, None for a resource that is done once it is written. A
        running operation of the resource ends Canceled when the generation grows, and is answered again when
        it does not; with nothing to do the answered operation has succeeded already.
        detail: what the audit record of a change says besides.
        still: the ETag of the resource that the specification was made from. Raises PreconditionFailed when it has
        another one by now, and ResourceConflict when it is being deleted.
        """
        before = self.find(kind, id)
        if still is not None and (before is None or before.etag != still):
            raise PreconditionFailed(f"{id.rpartition('/')[2]} has changed since it was read.", target=id)
        if before is not None and before.deleting:
            raise ResourceConflict(
                f"{before.name} is being deleted.",
                hint="Wait until it is gone, then create it again.",
                target=id,
            )
        values = codec.to_json(spec)
        operation_id = "" if operation is None else str(uuid.uuid4())
        if before is None:
            self._insert(kind, id, parent_id, name, values, by, operation_id)
        elif force or values != codec.to_json(before.spec) or _wants_another_try(before):
            self._change(before, values, by, operation, operation_id, detail)
        after = self.get(kind, id)
        if operation is None:
            return after, None
        if before is not None and after.generation == before.generation:
            return after, self.running_operation(id) or self._start(after, operation, operation_id, done=True)
        self._cancel_running(id)
        return after, self._start(after, operation, operation_id)

    def mark_deleting(self, id: str, by: str) -> Operation:
        """Say that the resource and its children are to go; the reconciler does it. May be repeated: the
        running deletion is answered. Raises ResourceNotFound."""
        before = self._any(id)
        running = self.running_operation(id)
        if before.deleting and running is not None and running.kind is OperationKind.DELETE:
            return running
        key = id.lower()
        family = sa.or_(resources.c.key == key, resources.c.parent_key == key)
        for row in self.connection.execute(sa.select(resources.c.id).where(family)):
            self._cancel_running(row.id)
        self.connection.execute(
            resources.update()
            .where(family, sa.not_(resources.c.deleting))
            # A status that was worked out before must not come after this.
            .values(deleting=True, generation=resources.c.generation + 1, modified_at=self._now(), modified_by=by)
        )
        operation_id = str(uuid.uuid4())
        spec = codec.to_json(before.spec)
        self.journal.record(by, "delete", before.id, before=spec, operation_id=operation_id)
        return self._start(self._any(id), OperationKind.DELETE, operation_id)

    def put_status(self, id: str, status: Any, *, generation: int) -> bool:
        """Write what was observed of that generation. False, and nothing written, when the user has changed
        the resource since, or it is gone."""
        values = codec.to_json(status)
        before, state = self._row(id), values.get("provisioning_state", "")
        result = self.connection.execute(
            resources.update()
            .where(resources.c.key == id.lower(), resources.c.generation == generation)
            .values(status=values, state=state, observed_generation=generation)
        )
        if before is None or result.rowcount != 1:
            return False
        if state != before["state"]:
            self.journal.observed(before["id"], state)
        return True

    def keep_revision(self, deployment_id: str, revision: Revision) -> None:
        """The revision serves from now. Raises ResourceNotFound."""
        self.revisions.keep(self.get(Kind.DEPLOYMENT, deployment_id), revision, self._now())

    def update_operation(self, id: str, phase: str, phase_times: Mapping[str, float]) -> bool:
        """Say how far the operation is. False when it has ended."""
        before = self.operation(id)
        if before is None or not self._update_running(id, phase=phase, phase_times=dict(phase_times)):
            return False
        if phase != before.phase:
            self.journal.progressed(replace(before, phase=phase))
        return True

    def finish_operation(self, id: str, state: OperationState, error: Mapping[str, str] | None = None) -> bool:
        """End the operation, and with it the change that it carries out. False when it had ended before; its first
        end stands."""
        before = self.operation(id)
        if before is None:
            return False
        ended = replace(before, state=state, error=None if error is None else dict(error), ended_at=self._now())
        if not self._update_running(id, state=state.value, error=ended.error, ended_at=ended.ended_at):
            return False
        self.journal.record_end(ended)
        return True

    def remove(self, id: str, by: str = "system") -> None:
        """Take the resource, its children and the secrets of both out of the table, and the autoscale settings of
        deployments among them; no error when it is not there. Its running deletion ends Succeeded, every other running
        operation of the family Canceled."""
        key = id.lower()
        family = sa.or_(resources.c.key == key, resources.c.parent_key == key)
        for row in self.connection.execute(sa.select(resources.c.id).where(family)).all():
            self._end_with_removal(row.id)
            self.journal.record(by, "remove", row.id)
            self.principals.remove_those_of(row.id.lower())
            self._remove_settings_of(row.id, by)
        self.connection.execute(resources.delete().where(resources.c.parent_key == key))
        # Roles that were granted further below would else hold for others of the same names.
        below = resources.c.parent_key.startswith(f"{key}/", autoescape=True)
        grants = sa.and_(resources.c.kind == Kind.ROLE_ASSIGNMENT.value, below)
        self.connection.execute(resources.delete().where(grants))
        self.connection.execute(resources.delete().where(resources.c.key == key))

    def _remove_settings_of(self, id: str, by: str) -> None:
        """They name it in their specification; one of the same name that comes later is another."""
        if "/deployments/" not in id:
            return
        for each in self.list(Kind.AUTOSCALE_SETTING):
            if each.spec.target.lower() == id.lower():
                self.journal.record(by, "remove", each.id, detail=f"{id.rpartition('/')[2]} was deleted")
                self.connection.execute(resources.delete().where(resources.c.key == each.id.lower()))

    def put_secret(self, resource_id: str, name: str, value: str, by: str) -> None:
        """Keep a secret of the resource, instead of the one of that name. Does not change the generation:
        `put` with `force` does. Raises ResourceNotFound."""
        owner = self._any(resource_id)
        self._delete_secret(owner.id, name)
        self.connection.execute(
            secrets.insert().values(
                resource_key=owner.id.lower(),
                name=name,
                sealed=self._sealer.seal(value, uid=owner.uid, name=name),
                modified_at=self._now(),
                modified_by=by,
            )
        )
        self.journal.record(by, "putSecret", owner.id, detail=name)

    def remove_secret(self, resource_id: str, name: str, by: str) -> None:
        """Forget a secret; no error when it is not there."""
        if self._delete_secret(resource_id, name):
            self.journal.record(by, "removeSecret", resource_id, detail=name)

    def _any(self, id: str) -> AnyRecord:
        row = self._row(id)
        if row is None:
            raise ResourceNotFound(f"There is no resource {id}.", target=id)
        return self.get(KINDS[row["kind"]], id)

    def _insert(
        self, kind: AnyKind, id: str, parent_id: str, name: str, spec: dict[str, Any], by: str, operation_id: str
    ) -> None:
        now = self._now()
        self.connection.execute(
            resources.insert().values(
                key=id.lower(),
                id=id,
                kind=kind.value,
                parent_key=parent_id.lower(),
                parent_id=parent_id,
                name=name,
                uid=uuid.uuid4().hex,
                spec=spec,
                generation=1,
                deleting=False,
                created_at=now,
                created_by=by,
                modified_at=now,
                modified_by=by,
            )
        )
        self.journal.record(by, "create", id, after=spec, operation_id=operation_id)

    def _change(
        self,
        before: AnyRecord,
        spec: dict[str, Any],
        by: str,
        operation: OperationKind | None,
        operation_id: str,
        detail: str,
    ) -> None:
        self.connection.execute(
            resources.update()
            .where(resources.c.key == before.id.lower())
            .values(spec=spec, generation=before.generation + 1, modified_at=self._now(), modified_by=by)
        )
        action = OperationKind.UPDATE if operation in (None, OperationKind.CREATE) else operation
        shown = codec.to_json(before.spec)
        self.journal.record(
            by, action.value, before.id, before=shown, after=spec, operation_id=operation_id, detail=detail
        )

    def _start(self, record: AnyRecord, kind: OperationKind, id: str, *, done: bool = False) -> Operation:
        now = self._now()
        state = OperationState.SUCCEEDED if done else OperationState.IN_PROGRESS
        operation = Operation(
            id=id,
            kind=kind,
            resource_id=record.id,
            generation=record.generation,
            state=state,
            started_at=now,
            ended_at=now if done else None,
        )
        self.connection.execute(
            operations.insert().values(
                id=operation.id,
                kind=kind.value,
                resource_key=record.id.lower(),
                resource_id=record.id,
                generation=record.generation,
                state=state.value,
                started_at=now,
                ended_at=operation.ended_at,
            )
        )
        self.journal.progressed(operation)
        return operation

    def _cancel_running(self, resource_id: str) -> None:
        running = self.running_operation(resource_id)
        if running is not None and running.kind is not OperationKind.DELETE:  # the reconciler carries it on
            self.finish_operation(running.id, OperationState.CANCELED, _SUPERSEDED)

    def _end_with_removal(self, resource_id: str) -> None:
        running = self.running_operation(resource_id)
        if running is None:
            return
        if running.kind is OperationKind.DELETE:
            self.finish_operation(running.id, OperationState.SUCCEEDED)
        else:
            self.finish_operation(running.id, OperationState.CANCELED, _SUPERSEDED)

    def _update_running(self, id: str, **values: Any) -> bool:
        result = self.connection.execute(
            operations.update()
            .where(operations.c.id == id, operations.c.state == OperationState.IN_PROGRESS.value)
            .values(**values)
        )
        return result.rowcount == 1

    def _delete_secret(self, resource_id: str, name: str) -> bool:
        result = self.connection.execute(
            secrets.delete().where(secrets.c.resource_key == resource_id.lower(), secrets.c.name == name)
        )
        return result.rowcount > 0

    def _now(self) -> str:
        return iso(self._clock.now())


def _wants_another_try(record: AnyRecord) -> bool:
    state = getattr(record.status, "provisioning_state", None)
    failed = state in (ProvisioningState.FAILED, ProvisioningState.CANCELED)
    return failed and record.observed_generation == record.generation
