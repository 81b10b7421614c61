"""The store: opening it, and its two kinds of transaction."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from flowstead.errors import DatabaseBusy, HomeNotWritable, HostProblem, ResourceConflict, StartFailed
from flowstead.resources.clock import Clock, iso
from flowstead.resources.home import Home
from flowstead.resources.host_trouble import trouble_of
from flowstead.resources.operation import OperationState
from flowstead.store.copies import alembic_config, head, is_known, keep_copy
from flowstead.store.journal import Journal
from flowstead.store.keys import KeySource
from flowstead.store.principals import Principals
from flowstead.store.reading import Reading
from flowstead.store.resealing import Unlocked, described, is_written_with, mark_finished, reseal, unlock
from flowstead.store.schema import operations
from flowstead.store.sealing import derive, key_id
from flowstead.store.writing import Writing

PATIENCE_S = 5.0
"""How long a writer waits for its turn among the threads of this process, and then for another process, seconds.
Transactions take milliseconds; who waits longer than that is told so rather than kept."""
_PATIENCE_AT_START_S = 30.0
"""The same for the server's start, which nobody would repeat."""

_KEPT_COPIES = 2
"""How many databases of earlier versions stay."""
_KEEP_OPERATIONS = timedelta(days=30)
"""How long an ended operation can still be polled."""


logger = logging.getLogger("flowstead.store")


@dataclass(frozen=True)
class MasterKey:
    """What may be told of the key. source: where it comes from, to people. rotated_at: "" when it is the first one.
    secrets: how many are sealed under it. finished: nothing is left of the one before; else the next start sees to
    it."""

    key_id: str
    source: str
    rotated_at: str
    secrets: int
    finished: bool

    def as_body(self) -> dict[str, Any]:
        """As REST answers it."""
        return {
            "keyId": self.key_id,
            "source": self.source,
            "rotatedAt": self.rotated_at,
            "secrets": self.secrets,
            "finished": self.finished,
        }


class Store:
    """All that is known, in one database. Safe to use from several threads; a transaction belongs to one.

    No network, process or file work inside a transaction: writers wait for each other.
    """

    def __init__(self, home: Home, engine: sa.Engine, unlocked: Unlocked, keys: KeySource, clock: Clock) -> None:
        """Use `open`."""
        self._home, self._engine = home, engine
        self._unlocked = unlocked
        self._sealer = unlocked.sealer
        self._keys = keys
        self._clock = clock
        self._rotating = threading.Lock()
        # SQLite lets writers wait by polling; threads of this process queue here instead and start at once.
        self._writer = threading.Lock()
        self._watching: sqlite3.Connection | None = None
        self._followers: tuple[Callable[[], None], ...] = ()

    @classmethod
    def open(cls, home: Home, *, clock: Clock, master_key: KeySource) -> Store:
        """Open the home's database, make it when there is none, bring its tables up to date, and end what a rotation
        of the master key has left.

        Raises HomeNotWritable, StartFailed when a newer Flowstead has written it, WrongMasterKey, and HostProblem when
        the key cannot be had, the disk is full or somebody else keeps the database locked."""
        try:
            os.close(os.open(home.database, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as failure:
            raise HomeNotWritable(f"Cannot write {home.database}: {failure.strerror}.") from failure
        # An error of the database would list the statement's values, in the log or to the caller.
        address = f"sqlite:///{home.database}"
        engine = sa.create_engine(address, pool_size=8, max_overflow=32, hide_parameters=True)
        _prepare_sqlite(engine)
        try:
            _migrate(engine, home.database)
            store = cls(home, engine, _unlock(engine, master_key), master_key, clock)
            store._forget_old_operations()
            if not store._unlocked.finished:
                store._finish_rotation()
        except BaseException as failure:
            engine.dispose()
            trouble = trouble_of(failure, home)
            if trouble is None or trouble is failure:
                raise
            raise trouble from failure
        return store

    @property
    def principals(self) -> Principals:
        return Principals(self)

    def lasting_key(self, purpose: str) -> bytes:
        """A 32-byte key for that purpose only, the same for the whole life of the home."""
        return derive(self._unlocked.root, purpose)

    def passing_key(self, purpose: str) -> bytes:
        """A 32-byte key for that purpose only; another one when the master key is another one, so that who knew the
        key before makes nothing valid with it. To be asked for at each use."""
        return derive(self._sealer.master_key, purpose)

    def master_key(self) -> MasterKey:
        with self._engine.connect() as connection, connection.begin():
            return MasterKey(source=self._keys.spoken, **described(connection))

    def rotate_master_key(self, by: str, resource_id: str) -> MasterKey:
        """Seal everything under the key that the source has next, in one transaction. by, resource_id: for the audit
        record. Others read and write meanwhile, before it or after it.

        Raises ResourceConflict when there is no other key, or a rotation is under way, and HostProblem."""
        if not self._rotating.acquire(blocking=False):
            raise ResourceConflict("The master key is being rotated already.", hint="Wait until that has ended.")
        try:
            new = self._keys.following(self._sealer.master_key)
            self._sealer.also_open(new)  # for those who read right after the commit
            self._reseal(new, by, resource_id)
            self._finish_rotation()
        finally:
            self._rotating.release()
        return self.master_key()

    def version(self) -> int:
        """Another number after each commit, of this process or of another; the same one when nothing has changed.
        Costs next to nothing. For one thread."""
        if self._watching is None:
            # SQLite counts on each connection what the others commit, so this one never writes.
            self._watching = sqlite3.connect(self._home.database, isolation_level=None, check_same_thread=False)
        [number] = self._watching.execute("PRAGMA data_version").fetchone()
        return int(number)

    def close(self) -> None:
        if self._watching is not None:
            self._watching.close()
        self._engine.dispose()

    @contextmanager
    def transaction(self, *, patience_s: float = PATIENCE_S) -> Iterator[Writing]:
        """Read and write; all of it or, when the block raises, none. Not to be nested. patience_s: how long to wait
        for other writers of this process, and as long again for those of others.

        Raises DatabaseBusy when that was not enough, DiskFull when the disk does not take it; nothing has changed
        then."""
        with (
            self._told(),
            self._turn(patience_s),
            self._writing_connection(patience_s) as connection,
            connection.begin(),
        ):
            writing = Writing(connection, self._sealer, self._clock)
            yield writing
        if writing.journal.told:
            self._tell()

    @contextmanager
    def undone(self) -> Iterator[Writing]:
        """Read and write, and when the block ends none of it has happened."""
        with self._told(), self._turn(), self._writing_connection() as connection:
            begun = connection.begin()
            try:
                yield Writing(connection, self._sealer, self._clock)
            finally:
                begun.rollback()

    def follow(self, told: Callable[[], None]) -> Callable[[], None]:
        """Have `told` called after each commit that wrote events, in the thread that committed: it shall return at
        once and raise nothing. Returns what ends that. Commits of other processes are not heard of."""
        self._followers = (*self._followers, told)

        def end() -> None:
            self._followers = tuple(each for each in self._followers if each is not told)

        return end

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """Read one consistent state; never waits for a writer."""
        with self._told(), self._engine.connect() as connection, connection.begin():
            yield Reading(connection, self._sealer)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the database says of this machine, in the words of our own table. What the block raises besides stays
        as it is."""
        try:
            yield
        except sa.exc.OperationalError as failure:
            trouble = trouble_of(failure, self._home)
            if trouble is None:
                raise
            raise trouble from failure

    @contextmanager
    def _turn(self, patience_s: float = PATIENCE_S) -> Iterator[None]:
        if not self._writer.acquire(timeout=patience_s):
            raise DatabaseBusy(f"Another writer has held the database for more than {patience_s:.0f} s.")
        try:
            yield
        finally:
            self._writer.release()

    def _writing_connection(self, patience_s: float = PATIENCE_S) -> sa.Connection:
        return _writing_connection(self._engine, patience_s)

    def _reseal(self, new: bytes, by: str, resource_id: str) -> None:
        old = self._sealer.master_key
        with self._told(), self._turn():
            try:
                with self._writing_connection() as connection, connection.begin():
                    reseal(connection, self._sealer, new, iso(self._clock.now()))
                    words = f"{key_id(old)} → {key_id(new)}"
                    Journal(connection, self._clock).record(by, "rotateMasterKey", resource_id, detail=words)
            finally:
                # In our turn, so that nobody seals under the old key after the commit. The database is asked, since a
                # commit that failed may have been done all the same.
                with self._engine.connect() as connection, connection.begin():
                    self._sealer.seal_under(new if is_written_with(connection, new) else old)
        self._tell()

    def _finish_rotation(self) -> None:
        """Leave nothing of the key before: not in its source, and nothing that was sealed under it in parts of the
        database's files that are not in use. When that cannot be done now, the next start tries again."""
        try:
            self._keys.settle(self._sealer.master_key)
            self._sweep()
            with self.transaction() as tx:
                mark_finished(tx.connection)
        except (OSError, HostProblem, sqlite3.Error, sa.exc.SQLAlchemyError) as failure:
            logger.warning(
                "The old master key is not in use any more; the rest of it could not be removed: %s", failure
            )

    def _sweep(self) -> None:
        """Write the database's file anew and empty its log; what it was for earlier versions goes."""
        for kept in _kept_copies(self._home.database):
            kept.unlink(missing_ok=True)
        raw = self._engine.raw_connection()
        try:
            with self._turn():
                raw.cursor().execute("VACUUM")
            [busy, *_] = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            raw.close()
        if busy:
            raise TimeoutError("somebody has been reading the database all the time")

    def _tell(self) -> None:
        for told in self._followers:
            told()

    def _forget_old_operations(self) -> None:
        horizon = iso(self._clock.now() - _KEEP_OPERATIONS)
        with self.transaction() as tx:
            tx.connection.execute(
                operations.delete().where(
                    operations.c.state != OperationState.IN_PROGRESS, operations.c.ended_at < horizon
                )
            )


def _migrate(engine: sa.Engine, database: Path) -> None:
    """In one transaction. The database as it was is kept beside it first."""
    config = alembic_config()
    with _writing_connection(engine, _PATIENCE_AT_START_S) as connection:
        config.attributes["connection"] = connection
        kept = ""
        try:
            with connection.begin():
                before = MigrationContext.configure(connection).get_current_revision()
                if before is not None and before != head() and is_known(before):
                    kept = _keep(database, before)
                command.upgrade(config, "head")
        except CommandError as failure:
            raise StartFailed(
                f"The tables of {database} are newer than this Flowstead.",
                hint="Install the version that wrote them, or name another --home.",
                details=str(failure),
            ) from failure
        except Exception as failure:
            if not kept or trouble_of(failure, Home(database.parent)) is not None:
                raise
            raise StartFailed(
                f"The tables of {database} could not be brought from {before} to {head()}; they are as they were.",
                hint="Install the version that wrote them, which goes on with them, and report this.",
                details=f"{type(failure).__name__}: {failure}\nA copy is in {kept}.",
            ) from failure


def _keep(database: Path, schema: str) -> str:
    """The copy's path. Nobody writes meanwhile. Raises OSError, sqlite3.Error."""
    kept = database.with_name(f"{database.name}.{schema}")
    keep_copy(database, kept)
    for old in _kept_copies(database)[:-_KEPT_COPIES]:
        old.unlink(missing_ok=True)
    logger.info("The database's tables are brought from %s to %s; as it was it is kept in %s.", schema, head(), kept)
    return str(kept)


def _kept_copies(database: Path) -> Sequence[Path]:
    """The oldest first."""
    return sorted(database.parent.glob(f"{database.name}.[0-9][0-9][0-9][0-9]"))


def _unlock(engine: sa.Engine, source: KeySource) -> Unlocked:
    wanted = source.wanted()  # before the transaction: it may ask another machine
    keys = (*(() if wanted is None else (wanted,)), *source.older())
    with _writing_connection(engine, _PATIENCE_AT_START_S) as connection, connection.begin():
        unlocked = unlock(connection, keys, lambda: source.following(None), source.spoken)
    if wanted is not None and unlocked.finished and unlocked.sealer.master_key != wanted:
        logger.warning("The database is still under the master key before; flowstead master-key rotate changes that.")
    return unlocked


def _writing_connection(engine: sa.Engine, patience_s: float = PATIENCE_S) -> sa.Connection:
    return engine.connect().execution_options(flowstead_patience_s=patience_s)


def _prepare_sqlite(engine: sa.Engine) -> None:
    """WAL, foreign keys, and transactions that begin when we say so, writing ones with the lock in hand."""

    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver shall not begin or commit by itself
        for pragma in (
            f"busy_timeout = {int(PATIENCE_S * 1000)}",
            "journal_mode = WAL",
            "synchronous = FULL",  # an answered request survives a power cut
            "foreign_keys = ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def began(connection: sa.Connection) -> None:
        # A writer that began by reading would be refused, not kept waiting, when another one came between.
        patience_s = connection.get_execution_options().get("flowstead_patience_s")
        if patience_s is None:
            connection.exec_driver_sql("BEGIN")
            return
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(patience_s * 1000)}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
