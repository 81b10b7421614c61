"""What these tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dying_server import Dying
from tests.installation import Installation


@pytest.fixture
def dying(tmp_path: Path) -> Iterator[Dying]:
    """One that is up, and stopped with all that it has started."""
    installation = Installation(tmp_path / "home")
    dying = Dying(installation, tmp_path)
    dying.up()
    yield dying
    dying.hold.end()
    installation.run("down", check=False)
    for process in installation.processes():
        process.kill()
