"""A home goes into a file and comes out of it, all of it or nothing."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowstead.errors import CommandFailed, HostProblem, WrongMasterKey
from flowstead.launch import backup as backing_up
from flowstead.launch.backup import MANIFEST, back_up
from flowstead.launch.restore import restore
from flowstead.resources.clock import SystemClock
from flowstead.resources.endpoint import EndpointSpec
from flowstead.resources.home import Home
from flowstead.resources.master_key import GivenVariables
from flowstead.resources.model import ModelVersionSpec
from flowstead.resources.names import Workspace
from flowstead.store import Store
from flowstead.store.content import Contents
from flowstead.store.keys import key_source
from flowstead.store.records import Kind
from tests.installation import eventually

HERE = Workspace()
FOO = HERE.endpoint("foo")


def opened(home: Home) -> Store:
    return Store.open(home, clock=SystemClock(), master_key=key_source(home, GivenVariables()))


def register(home: Home, folder: Path, name: str) -> str:
    """A model of one version whose files are in the store; the hash of them."""
    source = folder / f"source-{name}"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "flow.dag.yaml").write_text(name)
    (source / "deep" / "er" / ".hidden").write_bytes(os.urandom(2000))
    return Contents(home.models).register(source)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """One that has an endpoint with a secret, a model, an upload, and files that belong into no backup."""
    home = Home(tmp_path / "first")
    home.create()
    hash = register(home, tmp_path, "m")
    store = opened(home)
    with store.transaction() as tx:
        tx.put(Kind.ENDPOINT, FOO, HERE.path, "foo", EndpointSpec(), by="me", operation=None)
        tx.put_secret(FOO, "primaryKey", "the key of foo", "me")
        spec = ModelVersionSpec("uri", hash)
        tx.put(Kind.MODEL_VERSION, HERE.path + "/models/m/versions/1", HERE.path + "/models/m", "1", spec, by="me",
               operation=None)  # fmt: skip
    store.close()
    (home.uploads / "box").mkdir()
    (home.uploads / "box" / "data.jsonl").write_text("{}\n")
    (home.logs / "server.log").write_text("said")
    home.settings.write_text("{}")
    home.credentials.write_text("owner's secret")
    (home.keys / "issuer.pem").write_text("signs tokens")
    (home.tls / "ca.key").write_text("signs certificates")
    return home


def made(home: Home, output: Path, *, keys: bool = False) -> backing_up.Manifest:
    return back_up(home, output, keys=keys, version="0.7.0", now="2026-11-30T00:00:00Z")


def names_in(archive: Path) -> set[str]:
    with tarfile.open(archive) as opened_archive:
        return set(opened_archive.getnames())


def key_of_foo(home: Home) -> str:
    store = opened(home)
    try:
        with store.reading() as tx:
            return tx.secrets(FOO)["primaryKey"]
    finally:
        store.close()


def files_of(home: Home) -> dict[str, tuple[bytes, int]]:
    roots = (home.models, home.uploads, home.keys, home.tls)
    found = [path for root in roots for path in root.rglob("*")]
    return {
        str(path.relative_to(home.root)): (path.read_bytes() if path.is_file() else b"", path.stat().st_mode)
        for path in found
        if path.is_file() or path.is_relative_to(home.models)
    }


def test_what_was_there_is_there_again(home: Home, tmp_path: Path) -> None:
    output, second = tmp_path / "b.tar.gz", Home(tmp_path / "second")
    made(home, output, keys=True)
    assert output.stat().st_mode & 0o777 == 0o600
    manifest = restore(output, second)
    assert manifest.keys
    assert manifest.master_key
    assert files_of(second) == files_of(home)
    assert key_of_foo(second) == "the key of foo"
    assert not any(name.startswith("logs") for name in names_in(output))
    assert {path.name for path in tmp_path.iterdir() if path.name.startswith(".")} == set()


def test_keys_are_in_it_only_when_that_is_said(home: Home, tmp_path: Path) -> None:
    output, second = tmp_path / "b.tar.gz", Home(tmp_path / "second")
    manifest = made(home, output)
    everything = gzip.decompress(output.read_bytes())
    for secret in (b"the key of foo", b"owner's secret", b"signs tokens", b"signs certificates"):
        assert secret not in everything
    assert (home.keys / "master.key").read_bytes() not in everything
    assert manifest.master_key_id
    restore(output, second)
    with pytest.raises(WrongMasterKey):
        key_of_foo(second)
    shutil.copy(home.keys / "master.key", second.keys / "master.key")
    assert key_of_foo(second) == "the key of foo"


def test_what_is_there_is_never_written_over(home: Home, tmp_path: Path) -> None:
    output = tmp_path / "b.tar.gz"
    output.write_text("mine")
    with pytest.raises(CommandFailed, match="there already"):
        made(home, output)
    assert output.read_text() == "mine"
    output.unlink()
    made(home, output)
    before = files_of(home)
    with pytest.raises(CommandFailed, match="not empty"):
        restore(output, home)
    assert files_of(home) == before
    with pytest.raises(HostProblem, match="no database"):
        made(Home(tmp_path / "nothing"), tmp_path / "c.tar.gz")
    assert not (tmp_path / "c.tar.gz").exists()


def test_a_disk_is_no_place_for_a_home_but_a_folder_in_it_is(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup, disk = tmp_path / "b.tar.gz", tmp_path / "disk"
    made(home, backup)
    disk.mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda path: path == disk)
    with pytest.raises(CommandFailed, match="mounted at") as refusal:
        restore(backup, Home(disk))
    assert f"--home {disk}/flowstead" in refusal.value.next_step
    restore(backup, Home(disk / "flowstead"))


def test_it_is_of_one_moment_while_others_write_and_remove(home: Home, tmp_path: Path) -> None:
    """Versions come, with their files, and go, the files at once: whatever a backup names is in it."""
    stop = threading.Event()

    def work() -> None:
        store, contents, number = opened(home), Contents(home.models), 0
        while not stop.is_set():
            number += 1
            hash = register(home, tmp_path, f"w{number}")
            id = HERE.path + f"/models/w/versions/{number}"
            with store.transaction() as tx:
                spec = ModelVersionSpec("uri", hash)
                tx.put(Kind.MODEL_VERSION, id, HERE.path + "/models/w", str(number), spec, by="me", operation=None)
                if number > 3:
                    tx.remove(HERE.path + f"/models/w/versions/{number - 3}")

            def used() -> frozenset[str]:
                with store.reading() as reading:
                    return reading.content_in_use()

            contents.sweep(used)
        store.close()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for number in range(5):
            output, other = tmp_path / f"{number}.tar.gz", Home(tmp_path / f"other-{number}")
            made(home, output, keys=True)
            restore(output, other)
            store = opened(other)
            with store.reading() as tx:
                wanted = tx.content_in_use()
            store.close()
            assert wanted
            for hash in wanted:
                assert Contents(other.models).register(other.models / hash) == hash
    finally:
        stop.set()
        worker.join()


def changed(archive: Path, edit: dict[str, bytes | None], extra: tarfile.TarInfo | None = None) -> bytes:
    written = io.BytesIO()
    with tarfile.open(archive) as before, tarfile.open(fileobj=written, mode="w:gz") as after:
        for member in before:
            reader = before.extractfile(member)
            assert reader is not None
            content = edit.get(member.name, reader.read())
            if content is None:
                continue
            member.size = len(content)
            after.addfile(member, io.BytesIO(content))
        if extra is not None:
            after.addfile(extra)
    return written.getvalue()


def foreign(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "/etc/passwd" if kind != tarfile.REGTYPE else ""
    return member


def test_what_is_not_whole_becomes_no_home(home: Home, tmp_path: Path) -> None:
    good, bad, second = tmp_path / "b.tar.gz", tmp_path / "bad", Home(tmp_path / "second")
    manifest = made(home, good)
    model = next(name for name in manifest.files if name.startswith("models/"))
    whole = good.read_bytes()
    newer = json.loads(manifest.text()) | {"schema": "9999"}
    cases: list[tuple[bytes, str]] = [
        (b"", "damaged"),
        (b"hello", "damaged"),
        (whole[: len(whole) // 2], "damaged"),
        (whole[:-2000], "damaged"),
        (changed(good, {model: b"other"}), "not what was written"),
        (changed(good, {model: None}), "not what was written"),
        (changed(good, {MANIFEST: None}), "end is missing"),
        (changed(good, {MANIFEST: b"{}"}), "cannot be read"),
        (changed(good, {MANIFEST: json.dumps(newer).encode()}), "newer than this one"),
    ]
    outside = ("../outside", "/etc/outside", "run/gateway/x", "models", "models/../../x", "uploads//x")
    cases += [(changed(good, {}, foreign(name)), "no part of a home") for name in outside]
    with_nul = foreign("models/x")
    with_nul.pax_headers = {"path": "models/x\0y"}
    cases.append((changed(good, {}, with_nul), "no part of a home"))
    no_files = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE)
    cases += [(changed(good, {}, foreign("models/x", kind)), "no file") for kind in no_files]
    for content, words in cases:
        bad.write_bytes(content)
        with pytest.raises((CommandFailed, HostProblem), match=words):
            restore(bad, second)
        assert not second.root.exists()
        assert not list(tmp_path.glob(".second*"))
    with pytest.raises(CommandFailed, match="Cannot read"):
        restore(tmp_path / "missing", second)


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[str]:
    """A prelude that lets the copying of each file wait until it is killed."""
    yield textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from flowstead.launch import backup, restore
        from flowstead.resources.home import Home

        def rest(*_, **__):
            print("here", flush=True)
            time.sleep(600)
    """)


def killed(code: str) -> None:
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        process.send_signal(signal.SIGKILL)


def test_a_killed_backup_leaves_no_file_of_that_name(home: Home, tmp_path: Path, slow: str) -> None:
    output = tmp_path / "b.tar.gz"
    killed(f"""{slow}
backup._add_file = rest
backup.back_up(Home(Path({str(home.root)!r})), Path({str(output)!r}), keys=True, version="1", now="")
""")
    assert not output.exists()
    [left] = tmp_path.glob(".*")
    assert left.stat().st_mode & 0o777 == 0o600
    made(home, output)
    assert not list(tmp_path.glob(".*"))


def test_a_killed_restore_leaves_nothing_that_looks_like_a_home(home: Home, tmp_path: Path, slow: str) -> None:
    output, second = tmp_path / "b.tar.gz", Home(tmp_path / "second")
    made(home, output, keys=True)
    killed(f"""{slow}
restore._settle = rest
restore.restore(Path({str(output)!r}), Home(Path({str(second.root)!r})))
""")
    assert not second.root.exists()
    eventually("the lock is free", lambda: restore(output, second))
    assert key_of_foo(second) == "the key of foo"
    assert not list(tmp_path.glob(".second*"))
