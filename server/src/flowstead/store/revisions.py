"""Revisions at rest: what a deployment's instances were started with, numbered, the last ones kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa

from flowstead.resources.deployment import DeploymentSpec, restored
from flowstead.store import codec
from flowstead.store.records import DeploymentRecord, Kind, Revision
from flowstead.store.schema import revisions
from flowstead.store.sealing import Sealer

KEPT_REVISIONS = 10
"""How many revisions of a deployment are kept: as many as a Kubernetes Deployment keeps (revisionHistoryLimit). Each
holds its model's files and its environment on the disk."""


class RevisionRows:
    """As of one transaction. Each row is told by its deployment and its number: a deployment that goes back to what it
    was has two of one name."""

    def __init__(self, connection: sa.Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    def all(self, owner: DeploymentRecord) -> Sequence[Revision]:
        """Those of a deployment, newest first."""
        mine = revisions.select().where(revisions.c.deployment_key == owner.id.lower())
        rows = self._connection.execute(mine.order_by(revisions.c.number.desc()))
        return [self._revision(row, owner.uid) for row in rows]

    def served_last(self, owner: DeploymentRecord) -> Revision | None:
        """What the serving instances are started with; None before any has served."""
        return next((each for each in self.all(owner) if each.kept_at), None)

    def serving_specs(self) -> Mapping[str, DeploymentSpec]:
        """What the deployments' serving instances are started with, by the deployment's id in lower case."""
        rows = self._connection.execute(
            sa.select(revisions.c.deployment_key, revisions.c.spec)
            .where(revisions.c.kept_at != "")
            .order_by(revisions.c.number)
        )
        last = {row.deployment_key: row.spec for row in rows}
        return {key: codec.spec_from_json(Kind.DEPLOYMENT, spec) for key, spec in last.items()}

    def sources(self) -> Sequence[tuple[str, DeploymentSpec]]:
        """Content hash and specification of every revision that is kept: what gc may not take away."""
        rows = self._connection.execute(sa.select(revisions.c.content_hash, revisions.c.spec))
        return [(row.content_hash, codec.spec_from_json(Kind.DEPLOYMENT, row.spec)) for row in rows]

    def begin(self, owner: DeploymentRecord, revision: Revision) -> None:
        """It is what the deployment shall run from now. One that is like the newest is that one, tried again."""
        newest = self._newest(owner)
        if newest is not None and _alike(newest, revision):
            self._update(owner, newest.number, error=None)
            return
        number = 1 if newest is None else newest.number + 1
        sealed = self._sealer.seal(
            json.dumps(dict(revision.secrets)), uid=owner.uid, name=codec.sealed_name(revision.name)
        )
        self._connection.execute(
            revisions.insert().values(
                deployment_key=owner.id.lower(),
                number=number,
                name=revision.name,
                spec=codec.to_json(revision.spec),
                content_hash=revision.content_hash,
                sealed_secrets=sealed,
                created_at=owner.modified_at,
                created_by=owner.modified_by,
                kept_at="",
            )
        )
        self._forget_old(owner)

    def keep(self, owner: DeploymentRecord, revision: Revision, at: str) -> None:
        """It serves from now, by as many instances as its specification says: whatever becomes of the deployment's
        specification, they can be started again."""
        self.begin(owner, revision)
        newest = self._newest(owner)
        if newest is not None:
            self._update(owner, newest.number, spec=codec.to_json(revision.spec), kept_at=at)

    def fail(self, owner: DeploymentRecord, name: str, error: Mapping[str, str]) -> None:
        """The newest one, if it is of that name, could not be brought up. error: without secrets."""
        newest = self._newest(owner)
        if newest is not None and newest.name == name:
            self._update(owner, newest.number, error=dict(error))

    def _forget_old(self, owner: DeploymentRecord) -> None:
        """But for the last ones, and the one that serves however long ago that began."""
        kept = self.all(owner)
        serving = next((each.number for each in kept if each.kept_at), None)
        old = [each.number for each in kept[KEPT_REVISIONS:] if each.number != serving]
        mine = revisions.c.deployment_key == owner.id.lower()
        self._connection.execute(revisions.delete().where(mine, revisions.c.number.in_(old)))

    def _newest(self, owner: DeploymentRecord) -> Revision | None:
        return next(iter(self.all(owner)), None)

    def _update(self, owner: DeploymentRecord, number: int, **values: object) -> None:
        this = sa.and_(revisions.c.deployment_key == owner.id.lower(), revisions.c.number == number)
        self._connection.execute(revisions.update().where(this).values(**values))

    def _revision(self, row: sa.Row[tuple[object, ...]], uid: str) -> Revision:
        columns = row._mapping
        sealed_as = codec.sealed_name(columns["name"])
        return Revision(
            name=columns["name"],
            spec=codec.spec_from_json(Kind.DEPLOYMENT, columns["spec"]),
            content_hash=columns["content_hash"],
            secrets=json.loads(self._sealer.open(columns["sealed_secrets"], uid=uid, name=sealed_as)),
            kept_at=columns["kept_at"],
            number=columns["number"],
            created_at=columns["created_at"],
            created_by=columns["created_by"],
            error=columns["error"],
        )


def _alike(one: Revision, other: Revision) -> bool:
    """Of one name, and what their names do not cover is the same too."""
    same = restored(one.spec, other.spec) == one.spec
    return same and replace(one, spec=other.spec) == other
