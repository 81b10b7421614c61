"""Fixtures of the whole-product tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import ROOT, Installation

os.environ.setdefault("UV_CACHE_DIR", str(ROOT / ".cache" / "uv"))


@pytest.fixture(scope="session")
def flowstead(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One running Flowstead that tests share; each uses endpoint names of its own."""
    installation = Installation(tmp_path_factory.mktemp("home") / "h")
    installation.up()
    yield installation
    installation.down()
    assert installation.processes() == [], "something is left running after `down`"


@pytest.fixture
def own_flowstead(tmp_path: Path) -> Iterator[Installation]:
    """A running Flowstead of the test's own, to be killed in parts."""
    installation = Installation(tmp_path / "home")
    installation.up()
    yield installation
    installation.run("down", check=False)
    for process in installation.processes():
        process.kill()
