"""The master key is replaced: everything can be read after it, by the new key alone, wherever it is interrupted."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from flowstead.errors import HostProblem, ResourceConflict, WrongMasterKey
from flowstead.resources.clock import SystemClock
from flowstead.resources.deployment import DeploymentSpec
from flowstead.resources.endpoint import EndpointSpec
from flowstead.resources.home import Home
from flowstead.resources.master_key import GivenVariables
from flowstead.resources.names import Workspace
from flowstead.store import Store, migrations
from flowstead.store.keys import KeyFile, KeySource, key_source
from flowstead.store.records import Kind, Revision
from flowstead.store.resealing import SEALED_COLUMNS
from flowstead.store.schema import master_key, metadata
from flowstead.store.sealing import Sealer, derive
from flowstead.testing.fixed_key import fixed_key

HERE = Workspace()
FOO = HERE.endpoint("foo")
BLUE = HERE.deployment("foo", "blue")
BLUE_SPEC = DeploymentSpec(model="azureml://models/m/versions/1")
SECRETS = {f"NAME_{number}": f"value {number} ü" for number in range(20)}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.create()
    return home


def opened(home: Home, source: KeySource | None = None) -> Store:
    return Store.open(home, clock=SystemClock(), master_key=source or key_source(home, GivenVariables()))


def fill(store: Store) -> None:
    with store.transaction() as tx:
        tx.put(Kind.ENDPOINT, FOO, HERE.path, "foo", EndpointSpec(), by="me", operation=None)
        tx.put(Kind.DEPLOYMENT, BLUE, FOO, "blue", BLUE_SPEC, by="me", operation=None)
        for name, value in SECRETS.items():
            tx.put_secret(FOO, name, "once it was something else", "me")
            tx.put_secret(FOO, name, value, "me")
        tx.keep_revision(BLUE, Revision("r1", BLUE_SPEC, "hash", SECRETS, ""))


def assert_readable(store: Store) -> None:
    with store.reading() as tx:
        assert tx.secrets(FOO) == SECRETS
        revision = tx.revisions.served_last(tx.get(Kind.DEPLOYMENT, BLUE))
        assert revision is not None
        assert revision.secrets == SECRETS


def sealed_values(home: Home) -> list[tuple[bytes, str, str]]:
    """Value, uid and name of everything that is sealed."""
    with closing(sqlite3.connect(home.database)) as connection:
        secrets = connection.execute(
            "SELECT sealed, uid, secrets.name FROM secrets JOIN resources ON key = resource_key"
        ).fetchall()
        revisions = connection.execute(
            "SELECT sealed_secrets, uid, 'revisions/' || revisions.name FROM revisions "
            "JOIN resources ON key = deployment_key"
        ).fetchall()
        root = connection.execute("SELECT sealed_root, '', 'the root of derived keys' FROM master_key").fetchall()
    assert (len(secrets), len(revisions), len(root)) == (len(SECRETS), 1, 1)
    return [*secrets, *revisions, *root]


def opens(key: bytes, sealed: bytes, uid: str, name: str) -> bool:
    with suppress(HostProblem):
        Sealer(key).open(sealed, uid=uid, name=name)
        return True
    return False


def test_no_sealed_column_is_left_out() -> None:
    binary = {
        column for table in metadata.tables.values() for column in table.c if isinstance(column.type, sa.LargeBinary)
    }
    assert binary == {place.column for place in SEALED_COLUMNS} | {master_key.c.sealed_root}


def test_after_a_rotation_the_old_key_opens_nothing(home: Home) -> None:
    with closing(opened(home)) as store:
        fill(store)
        old, before = KeyFile(home).kept(), sealed_values(home)
        lasting, passing = store.lasting_key("revision"), store.passing_key("upload-signatures")
        first = store.master_key()
        rotated = store.rotate_master_key("ann", HERE.path)
        assert_readable(store)
        assert store.lasting_key("revision") == lasting, "or every deployment would be rolled"
        assert store.passing_key("upload-signatures") != passing
        with store.reading() as tx:
            [record] = tx.audit(HERE.path, limit=1)
        assert (record.action, record.by) == ("rotateMasterKey", "ann")
        assert record.detail == f"{first.key_id} → {rotated.key_id}"
    assert (first.rotated_at, first.secrets) == ("", len(SECRETS) + 1)
    assert rotated.rotated_at
    assert rotated.finished
    [new], after = KeyFile(home).kept(), sealed_values(home)
    for value in after:
        assert opens(new, *value)
        assert not opens(old[0], *value)
    files = b"".join(file.read_bytes() for file in home.root.glob("flowstead.db*"))
    assert not any(sealed in files for sealed, _, _ in before), "not in parts of the file that are not in use either"
    assert new not in files
    with closing(opened(home)) as store:
        assert_readable(store)
        assert store.lasting_key("revision") == lasting
    with pytest.raises(WrongMasterKey, match=first.key_id):
        opened(home, fixed_key(old[0]))


def test_another_master_key_stops_the_start_and_says_what_to_do(home: Home) -> None:
    with closing(opened(home, fixed_key())) as store:
        fill(store)
    with pytest.raises(WrongMasterKey) as failed:
        opened(home, fixed_key(b"z" * 32))
    assert "flowstead master-key rotate" in str(failed.value)
    with pytest.raises(WrongMasterKey, match=r"there is none in the file .*master\.key"):
        opened(home)
    assert not (home.keys / "master.key").exists()
    with closing(opened(home, fixed_key())) as store:
        assert_readable(store)


def test_a_key_from_outside_is_taken_when_it_is_another_one(home: Home) -> None:
    with closing(opened(home, fixed_key(b"a" * 32))) as store:
        fill(store)
        with pytest.raises(ResourceConflict):
            store.rotate_master_key("ann", HERE.path)
        assert_readable(store)
    with closing(opened(home, fixed_key(b"b" * 32, b"a" * 32))) as store:
        assert_readable(store)
        store.rotate_master_key("ann", HERE.path)
        assert_readable(store)
    with closing(opened(home, fixed_key(b"b" * 32))) as store:
        assert_readable(store)


def test_the_key_moves_out_of_the_home_and_back(home: Home) -> None:
    with closing(opened(home)) as store:
        fill(store)
    outside = GivenVariables(key="b" * 43 + "=")
    with pytest.raises(WrongMasterKey):
        opened(home, key_source(home, outside))
    with closing(opened(home, key_source(home, outside, moving=True))) as store:
        store.rotate_master_key("ann", HERE.path)
    assert list(home.keys.iterdir()) == []
    with closing(opened(home, key_source(home, outside))) as store:
        assert_readable(store)
    back = key_source(home, GivenVariables(previous=outside.key), moving=True)
    with closing(opened(home, back)) as store:
        store.rotate_master_key("ann", HERE.path)
    with closing(opened(home)) as store:
        assert_readable(store)


def as_written_before(home: Home) -> bytes:
    """The home as a Flowstead without `master_key` left it; returns its key."""
    with closing(opened(home)) as store:
        fill(store)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    engine = sa.create_engine(f"sqlite:///{home.database}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0003")
    engine.dispose()
    [key] = KeyFile(home).kept()
    return key


def test_a_home_of_before_keeps_its_derived_keys(home: Home) -> None:
    key = as_written_before(home)
    with pytest.raises(WrongMasterKey, match="another master key"):
        opened(home, fixed_key(b"z" * 32))
    with closing(opened(home)) as store:
        assert_readable(store)
        assert store.lasting_key("revision") == derive(key, "revision")
        assert store.passing_key("upload-signatures") == derive(key, "upload-signatures")
        store.rotate_master_key("ann", HERE.path)
        assert_readable(store)
        assert store.lasting_key("revision") == derive(key, "revision")
    assert not any(opens(key, *value) for value in sealed_values(home))


def test_a_new_home_has_a_root_that_its_key_does_not_tell(home: Home) -> None:
    with closing(opened(home)) as store:
        [key] = KeyFile(home).kept()
        assert store.lasting_key("revision") != derive(key, "revision")


def test_a_row_that_cannot_be_opened_stops_the_rotation_and_nothing_is_changed(home: Home) -> None:
    with closing(opened(home)) as store:
        fill(store)
        [key] = KeyFile(home).kept()
        with closing(sqlite3.connect(home.database)) as connection, connection:
            connection.execute("UPDATE secrets SET sealed = CAST(x'00' || sealed AS BLOB) WHERE name = 'NAME_7'")
        with pytest.raises(HostProblem, match="NAME_7"):
            store.rotate_master_key("ann", HERE.path)
        with store.transaction() as tx:
            tx.put_secret(FOO, "NAME_7", SECRETS["NAME_7"], "me")
        assert_readable(store)
        assert all(opens(key, *value) for value in sealed_values(home))
        store.rotate_master_key("ann", HERE.path)
        assert_readable(store)


def test_others_read_and_write_meanwhile(home: Home) -> None:
    stop, failures = threading.Event(), list[BaseException]()

    def work(number: int) -> None:
        try:
            while not stop.is_set():
                with store.transaction() as tx:
                    tx.put_secret(FOO, "NAME_1", SECRETS["NAME_1"], f"writer {number}")
                assert_readable(store)
        except BaseException as failure:
            failures.append(failure)

    with closing(opened(home)) as store:
        fill(store)
        threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        keys = {store.rotate_master_key("ann", HERE.path).key_id for _ in range(5)}
        stop.set()
        for thread in threads:
            thread.join()
        assert failures == []
        assert_readable(store)
    assert len(keys) == 5
    [key] = KeyFile(home).kept()
    assert all(opens(key, *value) for value in sealed_values(home)), "nobody has sealed under an old key"


STEPS = {
    "before the next key is in the file": ("flowstead.store.keys", "write_private", "before", 1),
    "the file holds both keys": ("flowstead.store.keys", "write_private", "after", 1),
    "all is sealed and nothing committed": ("flowstead.store.database", "reseal", "after", 1),
    "it is committed": ("flowstead.store.database", "is_written_with", "before", 1),
    "before the old key is gone from the file": ("flowstead.store.keys", "write_private", "before", 2),
    "the old key is gone from the file": ("flowstead.store.keys", "write_private", "after", 2),
    "before the database is marked": ("flowstead.store.database", "mark_finished", "before", 1),
    "the mark is not committed": ("flowstead.store.database", "mark_finished", "after", 1),
}
DYING = """
import importlib, os, signal, sys
from pathlib import Path
from flowstead.launch.rotation import rotate_without_server
from flowstead.resources.home import Home
from flowstead.resources.master_key import GivenVariables

home, module, name, when, times = sys.argv[1:]
place, left = importlib.import_module(module), [int(times)]
work = getattr(place, name)

def dying(*arguments, **named):
    left[0] -= 1
    if when == "after":
        answer = work(*arguments, **named)
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer if when == "after" else work(*arguments, **named)

setattr(place, name, dying)
rotate_without_server(Home(Path(home)), GivenVariables())
"""


@pytest.fixture(params=list(STEPS.values()), ids=list(STEPS))
def killed(request: pytest.FixtureRequest, home: Home) -> Iterator[tuple[Home, bytes]]:
    """A home whose rotation was killed at that step, and the key before."""
    with closing(opened(home)) as store:
        fill(store)
    [old] = KeyFile(home).kept()
    words = [sys.executable, "-c", DYING, str(home.root), *map(str, request.param)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    yield home, old


def test_a_rotation_that_is_killed_leaves_a_home_that_opens(killed: tuple[Home, bytes]) -> None:
    home, old = killed
    with closing(opened(home)) as store:
        assert_readable(store)
        finished = store.master_key()
        assert finished.finished
    in_use = next(key for key in KeyFile(home).kept() if all(opens(key, *value) for value in sealed_values(home)))
    if in_use != old:
        assert KeyFile(home).kept() == (in_use,), "the start has removed what was left"
    with closing(opened(home)) as store:
        store.rotate_master_key("ann", HERE.path)
        assert_readable(store)
    [new] = KeyFile(home).kept()
    assert new not in (old, in_use)
    assert all(opens(new, *value) for value in sealed_values(home))
    assert not any(opens(key, *value) for key in (old, in_use) for value in sealed_values(home))
