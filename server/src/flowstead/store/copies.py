"""Copies of the database: of one moment, taken while others go on writing."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from flowstead.errors import HostProblem
from flowstead.store.reading import Reading
from flowstead.store.records import Kind
from flowstead.store.sealing import Sealer

_BUSY_S = 30.0
_OPENS_NOTHING = Sealer(bytes(32))
"""Nothing that is sealed is read from a copy."""


@dataclass(frozen=True)
class DatabaseCopy:
    """content: the database's file; schema: revision of its tables; master_key_id: under which key its secrets are, ""
    without any; folders, trees: hashes of the registered content and of the states of flows that it names, empty for
    tables of another version than ours, which nobody here can read."""

    content: bytes = field(repr=False)
    schema: str
    master_key_id: str
    folders: frozenset[str] = frozenset()
    trees: frozenset[str] = frozenset()


def copy_of(database: Path) -> DatabaseCopy:
    """By SQLite's own online backup, in memory. Raises HostProblem when it cannot be read."""
    try:
        # One thread at a time, but SQLAlchemy may ask from its own.
        with closing(sqlite3.connect(":memory:", check_same_thread=False)) as copy:
            with closing(sqlite3.connect(database, timeout=_BUSY_S)) as source:
                source.backup(copy)
            schema = _one(copy, "SELECT version_num FROM alembic_version")
            key = _one(copy, "SELECT key_id FROM master_key") if schema >= "0004" else ""
            named = _named(copy) if schema == head() else (frozenset[str](), frozenset[str]())
            return DatabaseCopy(bytes(copy.serialize()), schema, key, *named)
    except sqlite3.Error as failure:
        raise HostProblem(f"{database} cannot be copied: {failure}.", hint="Try again.") from failure


def keep_copy(database: Path, kept: Path) -> None:
    """The same into a file of mode 0600, whole or not at all. Raises OSError, sqlite3.Error."""
    draft = kept.with_name(f".{kept.name}.new")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(draft)) as copy, closing(sqlite3.connect(database, timeout=_BUSY_S)) as source:
        source.backup(copy)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.rename(kept)


def head() -> str:
    """The revision of the tables that this version works with."""
    return cast("str", _scripts().get_current_head())


def is_known(schema: str) -> bool:
    """Whether this version can bring tables of that revision up to date."""
    return any(script.revision == schema for script in _scripts().walk_revisions())


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    return config


def missing_blobs(trees: frozenset[str], read: Callable[[str], bytes | None]) -> frozenset[str]:
    """Hashes that are not there: of these states of flows, and of the files that they name. read: hash → bytes."""
    texts = {tree: read(tree) for tree in trees if tree}
    named = {str(hash) for text in texts.values() if text for hash, _ in json.loads(text).values()}
    lost = {tree for tree, text in texts.items() if text is None}
    return frozenset(lost | {hash for hash in named if read(hash) is None})


def _named(copy: sqlite3.Connection) -> tuple[frozenset[str], frozenset[str]]:
    engine = sa.create_engine("sqlite://", creator=lambda: copy, poolclass=sa.StaticPool)
    with engine.connect() as connection:
        reading = Reading(connection, _OPENS_NOTHING)
        trees = [each.spec.tree for each in reading.list(Kind.FLOW) if not each.spec.is_scratch]
        trees += [each.spec.tree for each in reading.list(Kind.FLOW_VERSION)]
        return reading.content_in_use(), frozenset(trees) - {""}


def _one(copy: sqlite3.Connection, statement: str) -> str:
    row = copy.execute(statement).fetchone()
    return str(row[0]) if row else ""


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(alembic_config())
