"""For all tests: in CI a skip is a failure; a temporary directory of their own, short and gone afterwards.

A home whose path is too long for sockets keeps its run directory in the temporary directory (`Home.run`); pytest's own
paths are that long.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """What a machine cannot run is skipped loudly; in CI it has to run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:  # a worker process: the one that started it counts
        return
    skipped = reporter.stats.get("skipped", [])
    if skipped and os.environ.get("CI") == "true" and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"{len(skipped)} tests were skipped; in CI that is a failure.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session", autouse=True)
def short_temporary_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    tmp_path_factory.getbasetemp()  # settled before the temporary directory is another one
    directory = Path(tempfile.mkdtemp(prefix="fst"))
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = tempfile.tempdir = str(directory)
    yield directory
    tempfile.tempdir = None
    os.environ.pop("TMPDIR")
    if before is not None:
        os.environ["TMPDIR"] = before
    for folder, _, _ in os.walk(directory):
        Path(folder).chmod(0o700)  # registered content is read-only
    shutil.rmtree(directory, ignore_errors=True)
