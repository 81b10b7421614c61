"""Environments in which packages have left what is hard to go through."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from flowstead.environments.sealing import folders, own, seal, size_of
from flowstead.resources.file_tree import remove_tree

DEEP = 3000
"""Deeper than Python calls, and by names of this length longer than any path."""
NAME = "folder"


def dig(top: Path) -> None:
    here = os.open(top, os.O_RDONLY)
    for _ in range(DEEP):
        os.mkdir(NAME, dir_fd=here)
        below = os.open(NAME, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=here))
    os.close(here)


def test_however_deep_folders_lie_they_are_sealed(tmp_path: Path) -> None:
    dig(tmp_path)
    try:
        own(tmp_path, os.geteuid(), os.getegid())
        seal(tmp_path, to_us=True)
        modes = [stat.S_IMODE(os.fstat(descriptor).st_mode) for descriptor, _ in folders(tmp_path)]
        assert modes == [0o555] * (DEEP + 1)
        assert size_of(tmp_path) == 0
    finally:
        remove_tree(tmp_path)  # pytest's own removal goes no deeper than a path is long


def test_all_of_a_wide_tree_is_sealed_and_measured(tmp_path: Path) -> None:
    for name in ("a/b/c", "a/b/d", "a/e", "f"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").write_text("four")
        (tmp_path / name / "file").chmod(0o4755)
    seal(tmp_path, to_us=False)
    there = [tmp_path, *tmp_path.rglob("*")]
    assert len(there) == 11
    assert {stat.S_IMODE(path.stat().st_mode) for path in there} == {0o555}
    assert size_of(tmp_path) == 16
    for path in there:
        path.chmod(0o700)


def test_what_links_point_to_is_left_alone(tmp_path: Path) -> None:
    outside, top = tmp_path / "outside", tmp_path / "top"
    outside.mkdir(mode=0o700)
    (outside / "file").write_text("ours")
    top.mkdir()
    (top / "folder").symlink_to(outside)
    (top / "file").symlink_to(outside / "file")
    before = [path.stat().st_mode for path in (outside, outside / "file")]
    seal(top, to_us=True)
    assert [path.stat().st_mode for path in (outside, outside / "file")] == before
    assert size_of(top) == 0


def test_a_folder_that_is_moved_away_ends_it(tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "a" / "b").mkdir(parents=True)
    seen = 0
    with pytest.raises(OSError, match="moved"):
        for _ in folders(top):
            seen += 1
            if seen == 3:
                (top / "a" / "b").rename(tmp_path / "b")
    assert seen == 3
