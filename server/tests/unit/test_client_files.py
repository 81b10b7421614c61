"""Which files of a flow's folder are uploaded, and the hash they go under."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowstead.client.files import content_hash, files_of
from flowstead.errors import BadArgument, PayloadTooLarge
from flowstead.resources.upload_rules import MAX_FILE_BYTES


def tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def names(root: Path) -> list[str]:
    return [file.name for file in files_of(root)]


def test_what_tools_leave_behind_stays_at_home(tmp_path: Path) -> None:
    tree(tmp_path, "flow.dag.yaml", "b/c.py", "__pycache__/x.pyc", "b/__pycache__/y.pyc", ".git/config", ".DS_Store")
    assert names(tmp_path) == ["b/c.py", "flow.dag.yaml"]


def test_amlignore_counts_alone_when_it_is_there(tmp_path: Path) -> None:
    tree(tmp_path, "flow.dag.yaml", "data/big.bin", "notes.md", "keep.md")
    (tmp_path / ".gitignore").write_text("notes.md\n")
    assert names(tmp_path) == [".gitignore", "data/big.bin", "flow.dag.yaml", "keep.md"]
    (tmp_path / ".amlignore").write_text("# comment\n/data/\n*.md\n!keep.md\n")
    assert names(tmp_path) == [".amlignore", ".gitignore", "flow.dag.yaml", "keep.md"]


def test_one_file_is_a_folder_of_one(tmp_path: Path) -> None:
    tree(tmp_path, "flow.dag.yaml")
    assert [file.name for file in files_of(tmp_path / "flow.dag.yaml")] == ["flow.dag.yaml"]


def test_links_inside_count_as_what_they_lead_to_and_links_outside_are_refused(tmp_path: Path) -> None:
    flow = tree(tmp_path / "flow", "flow.dag.yaml", "docs/a.md")
    (flow / "b.md").symlink_to(flow / "docs" / "a.md")
    assert names(flow) == ["b.md", "docs/a.md", "flow.dag.yaml"]
    (flow / "loop").symlink_to(flow)
    with pytest.raises(BadArgument, match="a link to a folder that holds it"):
        files_of(flow)
    (flow / "loop").unlink()
    (tmp_path / "secret").write_text("s")
    (flow / "out").symlink_to(tmp_path / "secret")
    with pytest.raises(BadArgument, match="leads out of the folder"):
        files_of(flow)


def test_nothing_to_upload_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArgument, match="holds no file"):
        files_of(tmp_path)
    with pytest.raises(BadArgument, match="There is no folder"):
        files_of(tmp_path / "gone")


def test_the_hash_is_of_names_and_bytes(tmp_path: Path) -> None:
    first = content_hash(files_of(tree(tmp_path / "a", "x", "y")))
    assert first == content_hash(files_of(tree(tmp_path / "b", "y", "x")))
    (tmp_path / "b" / "x").write_text("changed")
    assert first != content_hash(files_of(tmp_path / "b"))
    (tmp_path / "b" / "x").rename(tmp_path / "b" / "z")
    assert first != content_hash(files_of(tmp_path / "b"))


def test_links_that_lead_round_in_circles_are_refused(tmp_path: Path) -> None:
    tree(tmp_path, "flow.dag.yaml", "a/x", "b/y")
    (tmp_path / "self").symlink_to("self")
    with pytest.raises(BadArgument, match="self' is"):
        files_of(tmp_path)
    (tmp_path / "self").unlink()
    (tmp_path / "a" / "link").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "link").symlink_to(tmp_path / "a")
    with pytest.raises(BadArgument, match="a link to a folder that holds it"):
        files_of(tmp_path)


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    tree(tmp_path, "flow.dag.yaml")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadArgument, match="neither a file nor a folder"):
        files_of(tmp_path)


@pytest.mark.parametrize(
    ("name", "shown", "problem"),
    [
        (b"caf\xe9.md", r"caf\\udce9\.md", "is not UTF-8"),
        (b"a\\b", r"a\\\\b", "not allowed"),
        (b"a\nb", r"a\\nb", "not allowed"),
    ],
)
def test_names_that_no_upload_can_have_are_refused_unless_ignored(
    tmp_path: Path, name: bytes, shown: str, problem: str
) -> None:
    flow = tree(tmp_path / "flow", "flow.dag.yaml", "docs/a.md")
    try:
        (flow / "docs" / os.fsdecode(name)).touch()
    except OSError:
        pytest.skip("this file system refuses such a name itself")
    with pytest.raises(BadArgument, match=f"The file 'docs/{shown}' cannot be uploaded: .*{problem}") as caught:
        files_of(flow)
    assert "Rename it" in caught.value.next_step
    str(caught.value).encode()
    (flow / ".amlignore").write_text("docs/\n")
    assert names(flow) == [".amlignore", "flow.dag.yaml"]


def test_a_folder_whose_own_name_cannot_be_uploaded_is_refused(tmp_path: Path) -> None:
    flow = tree(tmp_path / "back\\slash", "flow.dag.yaml")
    with pytest.raises(BadArgument, match="The folder's name") as caught:
        files_of(flow)
    assert caught.value.next_step == "Rename the folder."


def test_too_large_is_refused_by_name_and_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, "flow.dag.yaml", "data/big.bin")
    os.truncate(tmp_path / "data" / "big.bin", MAX_FILE_BYTES + 1)
    with pytest.raises(PayloadTooLarge, match=r"'data/big\.bin' has 5368709121 bytes; .* 5368709120 bytes \(5 GiB\)"):
        files_of(tmp_path)
    os.truncate(tmp_path / "data" / "big.bin", 1)
    monkeypatch.setattr("flowstead.client.files.MAX_FILES", 1)
    with pytest.raises(PayloadTooLarge, match="has 2 files"):
        files_of(tmp_path)
