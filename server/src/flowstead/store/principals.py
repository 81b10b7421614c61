"""Principals at rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from flowstead.resources.principal import Principal
from flowstead.store.schema import principals

if TYPE_CHECKING:
    from flowstead.store.database import Store


class Principals:
    """The table of principals; each method is a transaction of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def owner(self) -> Principal | None:
        """The one that the first start made."""
        return self._find(principals.c.is_owner)

    def find(self, client_id: str) -> Principal | None:
        return self._find(principals.c.client_id == client_id.lower())

    def put(self, principal: Principal) -> None:
        """Add it, or replace the one with its object id."""
        with self._store.transaction() as tx:
            tx.connection.execute(principals.delete().where(principals.c.id == principal.object_id))
            tx.connection.execute(
                principals.insert().values(
                    id=principal.object_id,
                    tenant_id=principal.tenant_id,
                    client_id=principal.client_id,
                    name=principal.name,
                    is_owner=principal.is_owner,
                    secret_hash=principal.secret_hash,
                    created_at=principal.created_at,
                )
            )

    def _find(self, condition: sa.ColumnElement[bool]) -> Principal | None:
        with self._store.reading() as tx:
            row = tx.connection.execute(principals.select().where(condition)).one_or_none()
        if row is None:
            return None
        return Principal(row.id, row.tenant_id, row.client_id, row.name, row.is_owner, row.secret_hash, row.created_at)
