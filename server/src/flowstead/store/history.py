"""What has happened: audit records, operations, events."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from flowstead.resources.operation import Operation, OperationKind, OperationState
from flowstead.store.records import AuditQuery, AuditRecord, Event
from flowstead.store.schema import audit, events, operations


class History:
    """As of one transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def audit(self, wanted: AuditQuery, *, limit: int) -> Sequence[AuditRecord]:
        """What was changed, newest first."""
        query = audit.select().order_by(audit.c.sequence.desc()).limit(limit)
        if wanted.resource_id:
            query = query.where(_it_or_below(audit.c.resource_key, wanted.resource_id.lower()))
        if wanted.by:
            query = query.where(sa.or_(audit.c.by == wanted.by, audit.c.principal_id == wanted.by))
        if wanted.action:
            query = query.where(sa.func.lower(audit.c.action) == wanted.action.lower())
        if wanted.outcome:
            query = query.where(sa.func.lower(audit.c.outcome) == wanted.outcome.lower())
        if wanted.since:
            query = query.where(audit.c.at >= wanted.since)
        if wanted.until:
            query = query.where(audit.c.at < wanted.until)
        if wanted.before is not None:
            query = query.where(audit.c.sequence < wanted.before)
        return [_audit_record(row) for row in self._connection.execute(query).mappings()]

    def audit_record(self, sequence: int) -> AuditRecord | None:
        query = audit.select().where(audit.c.sequence == sequence)
        row = self._connection.execute(query).mappings().one_or_none()
        return None if row is None else _audit_record(row)

    def began(self, operation_id: str, principal_id: str) -> bool:
        """Whether it was that principal who asked for what the operation does."""
        query = sa.select(audit.c.sequence).where(
            audit.c.operation_id == operation_id, audit.c.principal_id == principal_id
        )
        return self._connection.execute(query.limit(1)).first() is not None

    def changes_by(self, operation_ids: Sequence[str]) -> dict[str, AuditRecord]:
        """By the operation's id, the change that it carries out."""
        query = audit.select().where(audit.c.operation_id.in_(operation_ids))
        return {row["operation_id"]: _audit_record(row) for row in self._connection.execute(query).mappings()}

    def operations(self, *, limit: int, skip: int = 0) -> Sequence[Operation]:
        """The operations of the last weeks, newest first."""
        query = operations.select().order_by(operations.c.started_at.desc(), operations.c.id)
        rows = self._connection.execute(query.limit(limit).offset(skip)).mappings()
        return [operation_of(row) for row in rows]

    def events(self, after: int, *, limit: int) -> Sequence[Event]:
        """What happened after that one, oldest first."""
        query = events.select().where(events.c.sequence > after).order_by(events.c.sequence).limit(limit)
        return [Event(**row) for row in self._connection.execute(query).mappings()]

    def event_range(self) -> tuple[int, int]:
        """Numbers of the oldest event that is kept, and of the newest; (1, 0) before the first."""
        query = sa.select(sa.func.min(events.c.sequence), sa.func.max(events.c.sequence))
        oldest, newest = self._connection.execute(query).one()
        return (1, 0) if oldest is None else (int(oldest), int(newest))


def operation_of(row: sa.RowMapping) -> Operation:
    values = {name: value for name, value in row.items() if name != "resource_key"}
    values |= {"kind": OperationKind(row["kind"]), "state": OperationState(row["state"])}
    return Operation(**values)


def _audit_record(row: sa.RowMapping) -> AuditRecord:
    return AuditRecord(**{name: value for name, value in row.items() if name != "resource_key"})


def _it_or_below(column: sa.ColumnElement[str], key: str) -> sa.ColumnElement[bool]:
    # A range instead of LIKE: an id may hold `_` and `%`, and an index helps. `0` comes right after `/`.
    return sa.or_(column == key, sa.and_(column >= f"{key}/", column < f"{key}0"))
