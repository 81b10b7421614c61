"""A database that the version before has written is brought up to date, and kept as it was beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from flowstead.errors import StartFailed
from flowstead.resources.home import Home
from flowstead.store import Store, database
from flowstead.store.copies import alembic_config, head
from flowstead.testing.fixed_key import fixed_key
from flowstead.testing.frozen_clock import FrozenClock


def _before(count: int) -> str:
    """The revision so many before ours."""
    revisions = [script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()]
    return revisions[count]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.create()
    return home


@pytest.fixture
def old(home: Home) -> Iterator[Home]:
    """A home of the version before, with a row in it."""
    _write(home, _before(1))
    yield home


def _write(home: Home, revision: str) -> None:
    engine = sa.create_engine(f"sqlite:///{home.database}")
    config = alembic_config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        with connection.begin():
            command.upgrade(config, revision)
        connection.exec_driver_sql("CREATE TABLE witness (word TEXT)")
        connection.exec_driver_sql("INSERT INTO witness VALUES ('here')")
        connection.commit()
    engine.dispose()


def _state(path: Path) -> tuple[str, list[str], str]:
    """Revision, tables, witness."""
    with closing(sqlite3.connect(path)) as connection:
        [revision] = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        tables = sorted(str(row[0]) for row in connection.execute("SELECT sql FROM sqlite_master WHERE sql <> ''"))
        [word] = connection.execute("SELECT word FROM witness").fetchone()
    return str(revision), tables, str(word)


def _open(home: Home) -> None:
    Store.open(home, clock=FrozenClock(), master_key=fixed_key()).close()


def test_the_database_as_it_was_stays_beside_the_new_one(old: Home) -> None:
    before = _state(old.database)
    _open(old)
    kept = old.root / f"flowstead.db.{before[0]}"
    assert _state(kept) == before
    assert kept.stat().st_mode & 0o777 == 0o600
    assert _state(old.database)[0] == head()
    assert _state(old.database)[2] == "here"


def test_no_more_than_two_are_kept_and_none_without_an_upgrade(old: Home) -> None:
    for revision in ("0001", "0002", "0003"):
        (old.root / f"flowstead.db.{revision}").write_bytes(b"old")
    _open(old)
    _open(old)
    assert [path.name for path in sorted(old.root.glob("flowstead.db.[0-9]*"))] == [
        "flowstead.db.0003",
        f"flowstead.db.{_before(1)}",
    ]


def test_a_new_home_keeps_nothing(home: Home) -> None:
    _open(home)
    assert not list(home.root.glob("flowstead.db.[0-9]*"))


def test_a_migration_that_fails_leaves_all_as_it_was(old: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _state(old.database)
    upgrade = command.upgrade

    def fails_at_its_end(*given: object) -> None:
        upgrade(*given)  # type: ignore[arg-type]
        raise ValueError("no such column")

    monkeypatch.setattr(command, "upgrade", fails_at_its_end)
    with pytest.raises(StartFailed, match="they are as they were") as failure:
        _open(old)
    assert "no such column" in failure.value.details
    assert "flowstead.db." in failure.value.details
    assert "goes on with them" in failure.value.next_step
    assert _state(old.database) == before
    monkeypatch.undo()
    _open(old)
    assert _state(old.database)[2] == "here"


def test_without_room_for_the_copy_nothing_is_changed(old: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _state(old.database)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(database, "keep_copy", full)
    with pytest.raises(Exception, match="(?i)space|disk"):
        _open(old)
    assert _state(old.database) == before
