"""The files of flows: each content once, trees, snapshots, and what is swept."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowstead.errors import ArtifactMissing
from flowstead.resources.flow import FlowFile, path_conflict
from flowstead.store.flow_files import FlowFiles


def files_below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_equal_bytes_are_kept_once(tmp_path: Path) -> None:
    files = FlowFiles(tmp_path)
    first, second = files.put(b"hello"), files.put(b"hello")
    assert first == second
    assert files.read(first) == b"hello"
    assert [path.name for path in (tmp_path / "blobs").iterdir()] == [first.hash]


def test_a_tree_is_what_it_was(tmp_path: Path) -> None:
    files = FlowFiles(tmp_path)
    tree = {"b/c.py": files.put(b"1"), "a": files.put(b"2")}
    assert files.tree(files.put_tree(tree)) == tree
    assert files.put_tree(dict(reversed(tree.items()))) == files.put_tree(tree)
    assert files.put_tree({}) == ""
    assert files.tree("") == {}


def test_a_snapshot_is_read_only_and_made_once(tmp_path: Path) -> None:
    files = FlowFiles(tmp_path)
    hash = files.put_tree({"b/c.py": files.put(b"1"), "a": files.put(b"2")})
    snapshot = files.snapshot(hash)
    assert files_below(snapshot) == {"b/c.py": b"1", "a": b"2"}
    assert (snapshot / "a").stat().st_mode & 0o222 == 0
    assert files.snapshot(hash) == snapshot
    assert files_below(tmp_path / "incoming") == {}


def test_only_what_is_named_survives_a_sweep(tmp_path: Path) -> None:
    files = FlowFiles(tmp_path)
    kept, lost = files.put(b"kept"), files.put(b"lost")
    tree = files.put_tree({"a": kept})
    files.put_tree({"a": lost})
    snapshot = files.snapshot(tree)
    (tmp_path / "incoming" / "half").write_bytes(b"x")
    files.sweep([tree, "", "0" * 64])
    assert {path.name for path in (tmp_path / "blobs").iterdir()} == {tree, kept.hash}
    assert not snapshot.exists()
    assert files_below(tmp_path / "incoming") == {}
    assert files_below(files.snapshot(tree)) == {"a": b"kept"}


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ArtifactMissing):
        FlowFiles(tmp_path).read(FlowFile("0" * 64, 1))


def test_a_file_in_the_way_of_a_folder() -> None:
    file = FlowFile("", 0)
    assert path_conflict({"a/b/c": file, "a/b": file}) == "a/b"
    assert path_conflict({"a/b": file, "ab": file}) == ""
