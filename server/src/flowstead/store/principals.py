"""Principals at rest, and the roles that they have."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from flowstead.resources.built_in_roles import BUILT_IN, OWNER
from flowstead.resources.principal import Principal, PrincipalType
from flowstead.resources.role import AUTHORIZATION, RoleAssignmentSpec, RoleGrant, RoleSpec
from flowstead.store import codec
from flowstead.store.records import Kind
from flowstead.store.schema import principals, resources

if TYPE_CHECKING:
    from flowstead.store.database import Store


class PrincipalRows:
    """As of one transaction. Each principal comes with its grants."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def owner(self) -> Principal | None:
        """The one that the first start made."""
        return self._find(principals.c.is_owner)

    def by_client(self, client_id: str) -> Principal | None:
        return self._find(principals.c.client_id == client_id.lower())

    def by_object(self, object_id: str) -> Principal | None:
        return self._find(principals.c.id == object_id.lower())

    def by_name(self, name: str) -> Sequence[Principal]:
        """Those of that name; names of identities may be those of others."""
        return self._list(sa.func.lower(principals.c.name) == name.lower())

    def all(self) -> Sequence[Principal]:
        """The oldest first."""
        return self._list(sa.true())

    def grants(self, object_id: str) -> tuple[RoleGrant, ...]:
        """The roles that a principal has, on every scope; of one too that is known elsewhere only."""
        return self._grants((object_id.lower(),)).get(object_id.lower(), ())

    def granted_elsewhere(self) -> Mapping[str, tuple[RoleGrant, ...]]:
        """The roles of those who have no row: whom only an external issuer knows. By object id."""
        known = frozenset(self._connection.execute(sa.select(principals.c.id)).scalars())
        return {id: grants for id, grants in self._grants(()).items() if id not in known}

    def role(self, guid: str) -> RoleSpec | None:
        """A built-in role or one of the users' own."""
        if guid in BUILT_IN:
            return BUILT_IN[guid]
        query = sa.select(resources.c.spec).where(
            resources.c.kind == Kind.ROLE_DEFINITION.value, resources.c.name == guid
        )
        spec = self._connection.execute(query).scalar_one_or_none()
        return None if spec is None else codec.spec_from_json(Kind.ROLE_DEFINITION, spec)

    def put(self, principal: Principal) -> None:
        """Add it, or replace the one with its object id."""
        self._connection.execute(principals.delete().where(principals.c.id == principal.object_id))
        self._connection.execute(
            principals.insert().values(
                id=principal.object_id,
                tenant_id=principal.tenant_id,
                client_id=principal.client_id,
                name=principal.name,
                is_owner=principal.is_owner,
                secret_hash=principal.secret_hash,
                created_at=principal.created_at,
                type=principal.type.value,
                resource_key=principal.resource_id.lower(),
                session=principal.session,
                blocked=principal.blocked,
                issuer=principal.issuer,
                tokens_from=principal.tokens_from,
            )
        )

    def remove(self, object_id: str) -> None:
        """With all its roles; no error when it is not there."""
        of = resources.c.spec["principal_id"].as_string() == object_id
        self._connection.execute(resources.delete().where(resources.c.kind == Kind.ROLE_ASSIGNMENT.value, of))
        self._connection.execute(principals.delete().where(principals.c.id == object_id))

    def remove_those_of(self, resource_key: str) -> None:
        """The principals that belong to a resource which goes. resource_key: its id in lower case."""
        query = sa.select(principals.c.id).where(principals.c.resource_key == resource_key)
        for object_id in self._connection.execute(query).scalars().all():
            self.remove(object_id)

    def _find(self, condition: sa.ColumnElement[bool]) -> Principal | None:
        found = self._list(condition)
        return found[0] if found else None

    def _list(self, condition: sa.ColumnElement[bool]) -> Sequence[Principal]:
        query = principals.select().where(condition).order_by(principals.c.created_at, principals.c.id)
        rows = self._connection.execute(query).mappings().all()
        grants = self._grants([row["id"] for row in rows]) if rows else {}
        return [_principal(row, grants.get(row["id"], ())) for row in rows]

    def _grants(self, object_ids: Sequence[str]) -> Mapping[str, tuple[RoleGrant, ...]]:
        """By object id; one query for the assignments, however many principals."""
        of = resources.c.spec["principal_id"].as_string()
        role = resources.c.spec["role"].as_string()
        query = sa.select(of.label("of"), role.label("role"), resources.c.parent_id).where(
            resources.c.kind == Kind.ROLE_ASSIGNMENT.value
        )
        if len(object_ids) == 1:
            query = query.where(of == object_ids[0])
        found: dict[str, tuple[RoleGrant, ...]] = {}
        rows = self._connection.execute(query).all()
        roles = {guid: self.role(guid) for guid in {row.role for row in rows}}
        for row in rows:
            spec = roles[row.role]
            if spec is not None:
                found[row.of] = (*found.get(row.of, ()), RoleGrant(row.parent_id, spec))
        return found


def _principal(row: sa.RowMapping, grants: tuple[RoleGrant, ...]) -> Principal:
    return Principal(
        object_id=row["id"],
        tenant_id=row["tenant_id"],
        client_id=row["client_id"],
        name=row["name"],
        is_owner=row["is_owner"],
        secret_hash=row["secret_hash"],
        created_at=row["created_at"],
        type=PrincipalType(row["type"]),
        resource_id=row["resource_key"],
        session=row["session"],
        blocked=row["blocked"],
        issuer=row["issuer"],
        tokens_from=row["tokens_from"],
        grants=grants,
    )


class Principals:
    """The table of principals; each method is a transaction of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def owner(self) -> Principal | None:
        """The one that the first start made."""
        with self._store.reading() as tx:
            return tx.principals.owner()

    def find(self, client_id: str) -> Principal | None:
        with self._store.reading() as tx:
            return tx.principals.by_client(client_id)

    def outsider(self, object_id: str) -> tuple[Principal | None, tuple[RoleGrant, ...]]:
        """What is known of somebody whom an external issuer names: his row, when there is one, and his roles."""
        with self._store.reading() as tx:
            return tx.principals.by_object(object_id), tx.principals.grants(object_id)

    def put(self, principal: Principal) -> None:
        """Add it, or replace the one with its object id."""
        with self._store.transaction() as tx:
            tx.principals.put(principal)

    def grant_owner(self, principal: Principal) -> Principal:
        """Give it the role Owner on everything, unless it has it; returns it with its grants."""
        if any(each.scope == "/" and each.role == BUILT_IN[OWNER] for each in principal.grants):
            return principal
        name, spec = str(uuid.uuid4()), RoleAssignmentSpec(OWNER, principal.object_id, principal.type.in_assignments)
        with self._store.transaction() as tx:
            id = f"/providers/{AUTHORIZATION}/roleAssignments/{name}"
            tx.put(Kind.ROLE_ASSIGNMENT, id, "/", name, spec, by="flowstead", operation=None)
            return replace(principal, grants=tx.principals.grants(principal.object_id))
