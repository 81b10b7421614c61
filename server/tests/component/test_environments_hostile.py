"""A package that comes as source, whose build tries to reach what is not its own."""

from __future__ import annotations

import json
import os
import tarfile
import time
from pathlib import Path

import psutil
import pytest

from flowstead.confine.abilities import of_this_host
from flowstead.environments.protocol import BuildFailed, Building, Built, EnvironmentRequest, EnvironmentState
from flowstead.environments.uv_environments import UvEnvironments
from flowstead.resources.home import Home

BACKEND = Path(__file__).with_name("hostile_backend.py")
REQUEST = EnvironmentRequest("flowstead-test-hostile==1.0\n")
MARK = "flowstead-test-who-stays"
pytestmark = pytest.mark.skipif(not of_this_host().whole, reason="this machine cannot isolate: see flowstead doctor")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    (home.keys / "master.key").write_text("secret")
    home.credentials.write_text("secret")
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine example.com login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    monkeypatch.setenv("UV_FIND_LINKS", f"{tmp_path / 'links'},{os.environ.get('PIP_FIND_LINKS', '')}")
    return home


def write_sdist(home: Home, *, replace_interpreter: bool = False) -> None:
    """Into the folder that UV_FIND_LINKS names."""
    links = home.root.parent / "links"
    source = links / "flowstead_test_hostile-1.0"
    source.mkdir(parents=True)
    (source / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: flowstead-test-hostile\nVersion: 1.0\n")
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "flowstead-test-hostile"\nversion = "1.0"\n'
    )
    (source / "backend.py").write_text(BACKEND.read_text())
    cache = home.package_cache
    told = {
        "server": os.getpid(),
        "mark": MARK,
        "venv": str(home.environments / UvEnvironments(home).key(REQUEST) / "venv"),
        "replace interpreter": replace_interpreter,
        "secrets": [str(home.keys / "master.key"), str(home.credentials), str(home.root.parent / ".netrc")],
        "folders": [str(home.root / "keys"), str(cache), str(home.models)],
        "writes": [str(cache / "poison"), str(home.root / "poison"), str(home.environments / "poison"), "/etc/poison"],
    }
    (source / "told.json").write_text(json.dumps(told))
    with tarfile.open(links / "flowstead_test_hostile-1.0.tar.gz", "w:gz") as archive:
        archive.add(source, arcname=source.name)


def build(home: Home) -> EnvironmentState:
    environments = UvEnvironments(home)
    deadline = time.monotonic() + 120.0
    while isinstance(state := environments.ensure(REQUEST), Building):
        assert time.monotonic() < deadline, state.log.read_text()
        time.sleep(0.02)
    environments.close()
    return state


def test_a_hostile_build_reaches_nothing_and_nothing_of_it_stays(home: Home) -> None:
    write_sdist(home)
    state = build(home)
    assert isinstance(state, Built), state
    venv = state.python.parent.parent
    outcome = json.loads(next(venv.rglob("hostile.json")).read_text())
    assert len(outcome) >= 14
    assert [name for name, said in outcome.items() if said == "DONE"] == []
    assert not (home.package_cache / "poison").exists()
    assert not list(home.root.glob("poison"))
    assert [each.pid for each in psutil.process_iter() if MARK in _words(each)] == []
    assert list(venv.parent.glob(".work-*")) == []


def test_a_finished_environment_is_ours_and_nobody_can_write_there(home: Home) -> None:
    write_sdist(home)
    state = build(home)
    assert isinstance(state, Built), state
    venv = state.python.parent.parent
    there = [path for path in (venv, *venv.rglob("*")) if not path.is_symlink()]
    assert {path.stat().st_uid for path in there} == {os.geteuid()}
    assert [path for path in there if path.stat().st_mode & 0o222] == []
    assert [path for path in there if path.stat().st_mode & 0o444 != 0o444] == []


def test_a_build_that_replaces_the_interpreter_fails(home: Home) -> None:
    write_sdist(home, replace_interpreter=True)
    state = build(home)
    assert isinstance(state, BuildFailed)
    assert "replaced the interpreter" in state.output


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
