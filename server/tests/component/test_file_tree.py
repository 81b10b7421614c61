"""Folders that somebody else's code has filled are removed and looked through, whatever is in them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from flowstead.resources.file_tree import files_below, remove_tree


def deep(root: Path, depth: int) -> None:
    """So many folders in each other, with a file in the last one; paths of this length cannot be named."""
    root.mkdir()
    place = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(depth):
        os.mkdir("d" * 20, dir_fd=place)
        below = os.open("d" * 20, os.O_RDONLY | os.O_DIRECTORY, dir_fd=place)
        os.close(place)
        place = below
    os.close(os.open("last", os.O_CREAT | os.O_WRONLY, dir_fd=place))
    os.close(place)


@pytest.mark.parametrize("depth", [1, 50, sys.getrecursionlimit() * 4])
def test_no_depth_is_too_much(tmp_path: Path, depth: int) -> None:
    deep(tmp_path / "root", depth)
    assert len(list(files_below(tmp_path / "root"))) == (1 if depth < 200 else 0)
    remove_tree(tmp_path / "root")
    assert list(tmp_path.iterdir()) == []


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    (kept / "in").mkdir(parents=True)
    (kept / "in" / "file").write_text("stays")
    mode = kept.stat().st_mode
    root = tmp_path / "root"
    (root / "inner").mkdir(parents=True)
    for place in (root, root / "inner"):
        (place / "folder").symlink_to(kept)
        (place / "file").symlink_to(kept / "in" / "file")
        (place / "nowhere").symlink_to("/nowhere")
        (place / "plain").write_text("x")
    assert sorted(path.name for path, _ in files_below(root)) == ["plain", "plain"]
    remove_tree(root)
    assert not root.exists()
    assert (kept / "in" / "file").read_text() == "stays"
    assert kept.stat().st_mode == mode
    (tmp_path / "link").symlink_to(kept)
    remove_tree(tmp_path / "link")
    assert not (tmp_path / "link").is_symlink()
    assert (kept / "in" / "file").read_text() == "stays"


def test_folders_that_were_closed_are_opened(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a" / "b" / "c").mkdir(parents=True)
    (root / "a" / "b" / "file").write_text("x")
    os.mkfifo(root / "a" / "pipe")
    for place in (root / "a" / "b" / "c", root / "a" / "b", root / "a"):
        place.chmod(0)
    remove_tree(root)
    assert not root.exists()


def test_many_side_by_side(tmp_path: Path) -> None:
    for first in range(30):
        for second in range(30):
            (tmp_path / "root" / str(first) / str(second)).mkdir(parents=True)
            (tmp_path / "root" / str(first) / str(second) / "file").write_text("x")
    assert len(list(files_below(tmp_path / "root"))) == 900
    remove_tree(tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    remove_tree(tmp_path / "none")
    assert list(files_below(tmp_path / "none")) == []
    (tmp_path / "file").write_text("x")
    remove_tree(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []
