"""What is kept of a registered flow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowstead.errors import ArtifactMissing, FlowInvalid
from flowstead.resources.home import Home
from flowstead.store import flow_sources
from flowstead.store.flow_sources import FlowSource, FlowSources
from flowstead_runtime.flow.definition import FlowDefinition
from flowstead_runtime.flow.load import read_definition

HASH = "a" * 64


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Reached by a link, as a home may be."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    home = Home(tmp_path / "link" / "home")
    home.create()
    return home


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which folders were parsed."""
    seen: list[str] = []

    def noted(folder: Path) -> FlowDefinition:
        seen.append(folder.name)
        return read_definition(folder)

    monkeypatch.setattr(flow_sources, "read_definition", noted)
    return seen


def register(home: Home, text: str = "nodes: []\n") -> Path:
    folder = home.models / HASH
    (folder / "inner").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {promptflow: {entry: inner/flow.dag.yaml}}\n")
    (folder / "inner" / "flow.dag.yaml").write_text(text)
    (folder / "inner" / "requirements.txt").write_text("attrs\n")
    return folder


def test_a_flow_is_parsed_once_for_all_servers_to_come(home: Home, parsed: list[str]) -> None:
    folder = register(home)
    wanted = FlowSource(folder / "inner", "attrs\n")
    assert [FlowSources(home).find(HASH, "m") for _ in range(3)] == [wanted] * 3
    assert parsed == [HASH]


def test_who_has_parsed_it_spares_the_others(home: Home, parsed: list[str]) -> None:
    folder = register(home)
    FlowSources(home).keep(HASH, read_definition(folder))
    assert FlowSources(home).find(HASH, "m") == FlowSource(folder / "inner", "attrs\n")
    assert parsed == []


@pytest.mark.parametrize("kept", ["", "[]", json.dumps({"format": 0})])
def test_what_cannot_be_read_is_made_anew(home: Home, parsed: list[str], kept: str) -> None:
    register(home)
    (home.flow_sources / f"{HASH}.json").write_text(kept)
    assert isinstance(FlowSources(home).find(HASH, "m"), FlowSource)
    assert parsed == [HASH]


def test_a_bad_flow_is_not_kept(home: Home) -> None:
    register(home, "nodes: {}\n")
    assert isinstance(FlowSources(home).find(HASH, "m"), FlowInvalid)
    assert list(home.flow_sources.iterdir()) == []


def test_what_is_gone_is_forgotten(home: Home) -> None:
    folder = register(home)
    FlowSources(home).find(HASH, "m")
    FlowSources(home).forget_what_is_gone()
    assert list(home.flow_sources.iterdir()) != []
    folder.rename(folder.with_name("gone"))
    assert isinstance(FlowSources(home).find(HASH, "m"), ArtifactMissing)
    FlowSources(home).forget_what_is_gone()
    assert list(home.flow_sources.iterdir()) == []
