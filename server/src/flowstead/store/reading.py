"""What can be asked of the store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from flowstead.errors import ResourceNotFound
from flowstead.resources.connection import document
from flowstead.resources.connection_use import CONNECTION_SECRET_PREFIX
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.operation import Operation, OperationState
from flowstead.store import codec
from flowstead.store.browser_sessions import BrowserSessionRows
from flowstead.store.history import History, operation_of
from flowstead.store.principals import PrincipalRows
from flowstead.store.records import (
    KINDS,
    AnyKind,
    AnyRecord,
    AuditQuery,
    AuditRecord,
    ConnectionRecord,
    DeploymentRecord,
    EndpointRecord,
    Kind,
    Record,
    Spec,
    Status,
)
from flowstead.store.revisions import RevisionRows
from flowstead.store.schema import operations, resources, revisions, secrets
from flowstead.store.sealing import Sealer

_TERMINAL = tuple(state.value for state in ProvisioningState if state.terminal)


class Reading:
    """One consistent state of the store. Ids are ARM ids, looked up without regard to case."""

    def __init__(self, connection: sa.Connection, sealer: Sealer) -> None:
        self.connection = connection
        self.history = History(connection)
        self.principals = PrincipalRows(connection)
        self.browser_sessions = BrowserSessionRows(connection)
        self.revisions = RevisionRows(connection, sealer)
        self._sealer = sealer

    def find(self, kind: Kind[Spec, Status], id: str) -> Record[Spec, Status] | None:
        """The resource, or None."""
        row = self._row(id)
        return _record(kind, row) if row is not None and row["kind"] == kind.value else None

    def get(self, kind: Kind[Spec, Status], id: str) -> Record[Spec, Status]:
        """The resource. Raises ResourceNotFound, which names it."""
        found = self.find(kind, id)
        if found is None:
            raise ResourceNotFound(f"There is no {kind.spoken} {_spoken_name(id)}.", target=id)
        return found

    def exists(self, id: str) -> bool:
        """Whether there is a resource of any kind."""
        return self._row(id) is not None

    def list(self, kind: Kind[Spec, Status], parent_id: str | None = None) -> Sequence[Record[Spec, Status]]:
        """All of a kind, or those of one parent, oldest first."""
        query = resources.select().where(resources.c.kind == kind.value)
        if parent_id is not None:
            query = query.where(resources.c.parent_key == parent_id.lower())
        return self._records(query)

    def uids(self, kind: Kind[Spec, Status]) -> Mapping[str, str]:
        """Ids of all of a kind → their uids; for who looks often and needs no more."""
        query = sa.select(resources.c.id, resources.c.uid).where(resources.c.kind == kind.value)
        return {row.id: row.uid for row in self.connection.execute(query)}

    def unsettled(self) -> Sequence[EndpointRecord | DeploymentRecord]:
        """Endpoints and deployments that the reconciler has work with: changed since it looked, to be
        deleted, on their way, or with an operation that nobody has ended."""
        under_way = (
            sa.select(operations.c.id)
            .where(
                operations.c.resource_key == resources.c.key,
                operations.c.state == OperationState.IN_PROGRESS.value,
            )
            .exists()
        )
        return self._records(
            resources.select().where(
                resources.c.kind.in_([kind.value for kind in KINDS.values() if kind.reconciled]),
                sa.or_(
                    resources.c.observed_generation < resources.c.generation,
                    resources.c.deleting,
                    resources.c.state.not_in(_TERMINAL),
                    under_way,
                ),
            )
        )

    def secrets(self, resource_id: str) -> Mapping[str, str]:
        """The resource's secrets in clear, by name; empty when it has none or is gone."""
        row = self._row(resource_id)
        if row is None:
            return {}
        query = secrets.select().where(secrets.c.resource_key == row["key"]).order_by(secrets.c.name)
        return {
            each.name: self._sealer.open(each.sealed, uid=row["uid"], name=each.name)
            for each in self.connection.execute(query)
        }

    def instance_secrets(self, record: DeploymentRecord) -> Mapping[str, str]:
        """All secrets that a deployment's instances are started with: its own, and those of the connections that it
        uses, each as one document under `connections.NAME`; one that a roll-back brought back is as it was then. A
        connection that is not there is left out."""
        workspace = record.parent_id.rpartition("/onlineEndpoints/")[0]
        names = (use.connection for use in record.spec.connections)
        return {**self.connection_documents(workspace, names), **self.secrets(record.id)}

    def secrets_in_logs(self, record: DeploymentRecord) -> Collection[str]:
        """What a deployment's logs are shown without: the secrets of its instances as they are wanted, and of every
        revision that is kept, which may serve still, have written what is there, or be gone back to."""
        kept = (revision.secrets for revision in self.revisions.all(record))
        return {value for secrets in (self.instance_secrets(record), *kept) for value in secrets.values()}

    def connection_documents(self, workspace_id: str, names: Iterable[str]) -> dict[str, str]:
        """The connections of these names with their secrets, each as one document under `connections.NAME`. One that
        is not there is left out."""
        found: dict[str, str] = {}
        for name in set(names):
            connection = self.find(Kind.CONNECTION, f"{workspace_id}/connections/{name}")
            if connection is not None:
                found[CONNECTION_SECRET_PREFIX + name] = self.connection_document(connection)
        return found

    def connection_document(self, record: ConnectionRecord) -> str:
        """What instances get of the connection, its secrets in clear."""
        return document(record.name, record.spec, self.secrets(record.id))

    def users_of(self, connection: str) -> Sequence[DeploymentRecord]:
        """The deployments that use the connection of that name, as they are wanted or as they still serve."""
        wanted, serving = connection.lower(), self.revisions.serving_specs()
        return [
            each
            for each in self.list(Kind.DEPLOYMENT)
            for uses in [(*each.spec.connections, *serving.get(each.id.lower(), each.spec).connections)]
            if any(use.connection.lower() == wanted for use in uses)
        ]

    def content_in_use(self) -> frozenset[str]:
        """Hashes of the files of all versions of assets and of build contexts, and of revisions that are kept
        though their version is gone."""
        kinds: tuple[AnyKind, ...] = (Kind.MODEL_VERSION, Kind.DATA_VERSION, Kind.CODE_VERSION)
        versions = {version.spec.content_hash for kind in kinds for version in self.list(kind)} - {""}
        versions |= {version.spec.context_hash for version in self.list(Kind.ENVIRONMENT_VERSION)} - {""}
        return frozenset(versions.union(self.connection.execute(sa.select(revisions.c.content_hash)).scalars()))

    def operation(self, id: str) -> Operation | None:
        """The operation, running or ended (those that ended long ago are forgotten)."""
        return self._operation(operations.c.id == id)

    def running_operation(self, resource_id: str) -> Operation | None:
        """The operation in progress of that resource, if any; there is never more than one."""
        return self._operation(
            sa.and_(
                operations.c.resource_key == resource_id.lower(),
                operations.c.state == OperationState.IN_PROGRESS.value,
            )
        )

    def audit(self, resource_id: str | None = None, *, limit: int = 1000) -> Sequence[AuditRecord]:
        """What was changed, newest first; of one resource and those below it, or of all."""
        return self.history.audit(AuditQuery(resource_id=resource_id or ""), limit=limit)

    def _row(self, id: str) -> sa.RowMapping | None:
        query = resources.select().where(resources.c.key == id.lower())
        return self.connection.execute(query).mappings().one_or_none()

    def _records(self, query: sa.Select[Any]) -> Sequence[AnyRecord]:
        ordered = query.order_by(resources.c.created_at, resources.c.key)
        return [_record(KINDS[row["kind"]], row) for row in self.connection.execute(ordered).mappings()]

    def _operation(self, condition: sa.ColumnElement[bool]) -> Operation | None:
        row = self.connection.execute(operations.select().where(condition)).mappings().one_or_none()
        if row is None:
            return None
        return operation_of(row)


def _spoken_name(id: str) -> str:
    """`…/onlineEndpoints/e/deployments/d` → `e/d`, `…/Microsoft.Insights/autoscaleSettings/a` → `a`: what a user would
    call it."""
    tail = id.partition("/workspaces/")[2].split("/")
    return "/".join(tail[2::2]) or id.rpartition("/")[2]


def _record(kind: Kind[Spec, Status], row: sa.RowMapping) -> Record[Spec, Status]:
    return Record(
        id=row["id"],
        kind=kind,
        parent_id=row["parent_id"],
        name=row["name"],
        uid=row["uid"],
        spec=codec.spec_from_json(kind, row["spec"]),
        status=codec.status_from_json(kind, row["status"]),
        generation=row["generation"],
        observed_generation=row["observed_generation"],
        # Status does not count: a client that read, waited and wrote back has lost nothing.
        etag=f'"{row["uid"][:12]}-{row["generation"]}"',
        deleting=row["deleting"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        modified_at=row["modified_at"],
        modified_by=row["modified_by"],
    )
