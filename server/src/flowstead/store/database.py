"""The store: opening it, and its two kinds of transaction."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from flowstead.errors import HomeNotWritable, StartFailed
from flowstead.resources.clock import Clock, iso
from flowstead.resources.home import Home
from flowstead.resources.operation import OperationState
from flowstead.store.principals import Principals
from flowstead.store.reading import Reading
from flowstead.store.schema import operations
from flowstead.store.sealing import Sealer
from flowstead.store.writing import Writing

_BUSY_S = 30.0
"""How long a writer waits for another one before it gives up, seconds. Transactions take milliseconds."""

_KEEP_OPERATIONS = timedelta(days=30)
"""How long an ended operation can still be polled."""


class Store:
    """All that is known, in one database. Safe to use from several threads; a transaction belongs to one.

    No network, process or file work inside a transaction: writers wait for each other.
    """

    def __init__(self, engine: sa.Engine, sealer: Sealer, clock: Clock) -> None:
        """Use `open`."""
        self._engine = engine
        self._sealer = sealer
        self._clock = clock
        # SQLite lets writers wait by polling; threads of this process queue here instead and start at once.
        self._writer = threading.Lock()
        self._followers: tuple[Callable[[], None], ...] = ()

    @classmethod
    def open(cls, home: Home, *, clock: Clock, master_key: bytes) -> Store:
        """Open the home's database, make it when there is none, bring its tables up to date.

        Raises HomeNotWritable, and StartFailed when a newer Flowstead has written it."""
        try:
            os.close(os.open(home.database, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as failure:
            raise HomeNotWritable(f"Cannot write {home.database}: {failure.strerror}.") from failure
        engine = sa.create_engine(f"sqlite:///{home.database}", pool_size=8, max_overflow=32)
        _prepare_sqlite(engine)
        store = cls(engine, Sealer(master_key), clock)
        try:
            store._migrate(home.database)
            store._forget_old_operations()
        except BaseException:
            store.close()
            raise
        return store

    @property
    def principals(self) -> Principals:
        return Principals(self)

    def derived_key(self, purpose: str) -> bytes:
        """A 32-byte key made from the master key for that purpose only."""
        return self._sealer.derived_key(purpose)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Writing]:
        """Read and write; all of it or, when the block raises, none. Not to be nested."""
        with self._turn(), self._writing_connection() as connection, connection.begin():
            writing = Writing(connection, self._sealer, self._clock)
            yield writing
        if writing.journal.told:
            for told in self._followers:
                told()

    @contextmanager
    def undone(self) -> Iterator[Writing]:
        """Read and write, and when the block ends none of it has happened."""
        with self._turn(), self._writing_connection() as connection:
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
        with self._engine.connect() as connection, connection.begin():
            yield Reading(connection, self._sealer)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._writer.acquire(timeout=_BUSY_S):
            raise TimeoutError(f"Another writer has held the store for more than {_BUSY_S:.0f} s.")
        try:
            yield
        finally:
            self._writer.release()

    def _writing_connection(self) -> sa.Connection:
        return self._engine.connect().execution_options(flowstead_writes=True)

    def _migrate(self, database: Path) -> None:
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
        with self._writing_connection() as connection:
            config.attributes["connection"] = connection
            try:
                with connection.begin():
                    command.upgrade(config, "head")
            except CommandError as failure:
                raise StartFailed(
                    f"The tables of {database} are newer than this Flowstead.",
                    hint="Install the version that wrote them, or name another --home.",
                    details=str(failure),
                ) from failure

    def _forget_old_operations(self) -> None:
        horizon = iso(self._clock.now() - _KEEP_OPERATIONS)
        with self.transaction() as tx:
            tx.connection.execute(
                operations.delete().where(
                    operations.c.state != OperationState.IN_PROGRESS, operations.c.ended_at < horizon
                )
            )


def _prepare_sqlite(engine: sa.Engine) -> None:
    """WAL, foreign keys, and transactions that begin when we say so, writing ones with the lock in hand."""

    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver shall not begin or commit by itself
        for pragma in (
            f"busy_timeout = {int(_BUSY_S * 1000)}",
            "journal_mode = WAL",
            "synchronous = FULL",  # an answered request survives a power cut
            "foreign_keys = ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def began(connection: sa.Connection) -> None:
        # A writer that began by reading would be refused, not kept waiting, when another one came between.
        writes = connection.get_execution_options().get("flowstead_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
