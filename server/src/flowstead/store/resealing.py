"""Under which master key the database was written, and writing it anew under another one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from flowstead.errors import HostProblem, WrongMasterKey
from flowstead.store import codec
from flowstead.store.schema import master_key, resources, revisions, secrets
from flowstead.store.sealing import KEY_BYTES, Sealer, key_id

_ROOT = {"uid": "", "name": "the root of derived keys"}
"""As what the root is sealed; no resource has an empty uid."""


@dataclass(frozen=True)
class SealedColumn:
    """A column of sealed values. owner: the column of its table that names the resource; told_by: the one that tells
    its rows of one resource apart; spoken: name → the name under which it is sealed."""

    column: sa.Column[Any]
    owner: sa.Column[Any]
    told_by: sa.Column[Any]
    spoken: Callable[[str], str]

    @property
    def name(self) -> sa.Column[Any]:
        return self.column.table.c.name

    def names(self, row: Any) -> dict[str, str]:
        """As what the value of that row is sealed."""
        return {"uid": row.uid, "name": self.spoken(row.name)}


SEALED_COLUMNS = (
    SealedColumn(secrets.c.sealed, secrets.c.resource_key, secrets.c.name, str),
    SealedColumn(revisions.c.sealed_secrets, revisions.c.deployment_key, revisions.c.number, codec.sealed_name),
)
"""All but the root."""


@dataclass(frozen=True)
class Unlocked:
    """sealer: under the master key with which the database was written. root: what lasting keys are derived from.
    finished: nothing is left of the key before."""

    sealer: Sealer
    root: bytes = field(repr=False)
    finished: bool


def unlock(connection: sa.Connection, keys: Sequence[bytes], make: Callable[[], bytes], where: str) -> Unlocked:
    """Find the key among these; a database without secrets takes the first, or the one that is made. where: the keys
    are, to people. Raises WrongMasterKey."""
    row = connection.execute(master_key.select()).one_or_none()
    if row is None:
        return _first(connection, keys, make, where)
    for key in keys:
        if key_id(key) == row.key_id:
            sealer = Sealer(key)
            return Unlocked(sealer, bytes.fromhex(sealer.open(row.sealed_root, **_ROOT)), row.finished)
    raise _wrong(where, keys, written_with=row.key_id)


def reseal(connection: sa.Connection, sealer: Sealer, new: bytes, at: str) -> None:
    """Seal everything under the new key. at: the time. Raises HostProblem when something cannot be opened: then nothing
    may be committed."""
    under_new = Sealer(new)
    for place in SEALED_COLUMNS:
        changed = [
            {"of": row.owner, "which": row.which, "value": _anew(row.sealed, sealer, under_new, **place.names(row))}
            for row in _rows(connection, place)
        ]
        if changed:
            this_one = sa.and_(place.owner == sa.bindparam("of"), place.told_by == sa.bindparam("which"))
            update = sa.update(place.column.table).where(this_one).values({place.column.name: sa.bindparam("value")})
            connection.execute(update, changed)
    sealed_root = connection.execute(sa.select(master_key.c.sealed_root)).scalar_one()
    values = {"key_id": key_id(new), "sealed_root": _anew(sealed_root, sealer, under_new, **_ROOT)}
    connection.execute(master_key.update().values(**values, rotated_at=at, finished=False))


def described(connection: sa.Connection) -> dict[str, Any]:
    """`key_id`, `rotated_at`, `finished` and the number of `secrets`."""
    row = connection.execute(sa.select(master_key.c.key_id, master_key.c.rotated_at, master_key.c.finished)).one()
    tables = (place.column.table for place in SEALED_COLUMNS)
    counts = (connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in tables)
    return {**row._mapping, "secrets": sum(counts)}


def is_written_with(connection: sa.Connection, key: bytes) -> bool:
    return bool(connection.execute(sa.select(master_key.c.key_id)).scalar_one() == key_id(key))


def mark_finished(connection: sa.Connection) -> None:
    """Nothing is left of the key before."""
    connection.execute(master_key.update().values(finished=True))


def _first(connection: sa.Connection, keys: Sequence[bytes], make: Callable[[], bytes], where: str) -> Unlocked:
    """The database is new, or of a Flowstead that derived everything from the master key itself: then this key stays
    the root, or every revision would have another name and be rolled out again."""
    sample = next(((place, row) for place in SEALED_COLUMNS for row in _rows(connection, place)), None)
    if sample is None:
        key = keys[0] if keys else make()
        root = os.urandom(KEY_BYTES)
    else:
        place, row = sample
        key = root = next((each for each in keys if _opens(each, row.sealed, **place.names(row))), b"")
        if not key:
            raise _wrong(where, keys)
    sealer = Sealer(key)
    sealed_root = sealer.seal(root.hex(), **_ROOT)
    connection.execute(master_key.insert().values(key_id=key_id(key), sealed_root=sealed_root, finished=True))
    return Unlocked(sealer, root, finished=True)


def _rows(connection: sa.Connection, place: SealedColumn) -> Iterator[Any]:
    query = sa.select(
        place.owner.label("owner"),
        place.told_by.label("which"),
        place.name.label("name"),
        place.column.label("sealed"),
        resources.c.uid,
    ).join(resources, resources.c.key == place.owner)
    yield from connection.execute(query)


def _anew(sealed: bytes, old: Sealer, new: Sealer, *, uid: str, name: str) -> bytes:
    return new.seal(old.open(sealed, uid=uid, name=name), uid=uid, name=name)


def _opens(key: bytes, sealed: bytes, *, uid: str, name: str) -> bool:
    try:
        Sealer(key).open(sealed, uid=uid, name=name)
    except HostProblem:
        return False
    return True


def _wrong(where: str, keys: Sequence[bytes], *, written_with: str = "") -> WrongMasterKey:
    written = f"the master key {written_with}" if written_with else "another master key"
    if not keys:
        return WrongMasterKey(f"The database was written with {written}, and there is none in {where}.")
    return WrongMasterKey(f"The database was written with {written}; in {where} is {key_id(keys[0])}.")
