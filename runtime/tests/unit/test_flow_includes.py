"""additional_includes: what is merged, what is refused."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.flow.includes import assembled


def flow_with(tmp_path: Path, *includes: str) -> Path:
    flow = tmp_path / "my-flow"
    flow.mkdir()
    lines = "".join(f"- {entry}\n" for entry in includes)
    (flow / "flow.dag.yaml").write_text(f"additional_includes:\n{lines}nodes: []\n" if includes else "nodes: []\n")
    return flow


def test_a_flow_without_includes_is_itself(tmp_path: Path) -> None:
    flow = flow_with(tmp_path)
    with assembled(flow) as folder:
        assert folder == flow


def test_files_and_folders_are_merged_into_a_copy_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "shared.py").write_text("X = 1\n")
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    (tmp_path / "docs" / "deep" / "a.md").write_text("# A\n")
    flow = flow_with(tmp_path, "../shared.py", "../docs")
    with assembled(flow) as folder:
        assert folder.name == "my-flow"
        assert (folder / "shared.py").read_text() == "X = 1\n"
        assert (folder / "docs" / "deep" / "a.md").is_file()
    assert not folder.exists()
    assert sorted(p.name for p in flow.iterdir()) == ["flow.dag.yaml"]


def test_a_definition_file_stays_a_definition_file(tmp_path: Path) -> None:
    (tmp_path / "shared.py").write_text("")
    flow = flow_with(tmp_path, "../shared.py")
    with assembled(flow / "flow.dag.yaml") as file:
        assert file.name == "flow.dag.yaml"
        assert (file.parent / "shared.py").exists()


def test_a_zip_that_is_missing_is_made_from_the_folder_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("a")
    flow = flow_with(tmp_path, "../data.zip")
    with assembled(flow) as folder, zipfile.ZipFile(folder / "data.zip") as archive:
        assert "data/a.txt" in archive.namelist()


def test_an_include_that_was_merged_before_is_left_alone(tmp_path: Path) -> None:
    flow = flow_with(tmp_path, "../gone.py")
    (flow / "gone.py").write_text("")
    with assembled(flow) as folder:
        assert folder == flow


def test_a_missing_include_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(FlowDefinitionError, match=r"'\.\./nowhere\.py', which does not exist"),
        assembled(flow_with(tmp_path, "../nowhere.py")),
    ):
        pass


def test_an_include_never_replaces_a_file_of_the_flow(tmp_path: Path) -> None:
    (tmp_path / "same.py").write_text("outside")
    flow = flow_with(tmp_path, "../same.py")
    (flow / "same.py").write_text("inside")
    with pytest.raises(FlowDefinitionError, match="has a 'same.py' of its own"), assembled(flow):
        pass


@pytest.mark.parametrize("text", ["a: [1", "a: " + "[" * 5000 + "]" * 5000, "additional_includes: !!python/name:os.x"])
def test_a_definition_that_cannot_be_read_is_left_for_its_reader_to_refuse(tmp_path: Path, text: str) -> None:
    flow = flow_with(tmp_path)
    (flow / "flow.dag.yaml").write_text(text)
    with assembled(flow) as folder:
        assert folder == flow


def test_what_cannot_be_copied_is_named(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    os.mkfifo(tmp_path / "docs" / "pipe")
    with (
        pytest.raises(FlowDefinitionError, match=r"additional_includes: '.*pipe' cannot be copied"),
        assembled(flow_with(tmp_path, "../docs")),
    ):
        pass
