"""The API on a machine that is in its way: a locked database, a full disk. It answers soon, says what is the matter,
and what it has acknowledged is there."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowstead.resources.home import Home
from flowstead.store.database import PATIENCE_S
from flowstead.testing.in_process_api import InProcessApi
from tests.small_disks import mounted

KEY = {"properties": {"authMode": "Key"}, "location": "here"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MB."""
    with mounted(tmp_path / "disk", "16m") as disk:
        yield disk


def test_a_locked_database_is_answered_in_bounded_time(tmp_path: Path) -> None:
    with InProcessApi(tmp_path) as api:
        assert api.call("PUT", "onlineEndpoints/before", KEY).status_code == 201
        other = sqlite3.connect(Home(tmp_path).database, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        refused = api.call("PUT", "onlineEndpoints/during", KEY)
        took = time.monotonic() - began
        assert refused.status_code == 503, refused.text
        assert refused.json()["error"]["code"] == "DatabaseBusy"
        assert str(tmp_path) not in refused.text, "no path of the server"
        assert int(refused.headers["Retry-After"]) > 0
        assert took < 2 * PATIENCE_S + 1
        assert api.call("GET", "onlineEndpoints/before").status_code == 200, "reading goes on"
        other.execute("ROLLBACK")
        other.close()
        assert api.call("GET", "onlineEndpoints/during").status_code == 404
        assert api.call("PUT", "onlineEndpoints/during", KEY).status_code == 201


def test_a_full_disk_is_told_and_nothing_acknowledged_is_lost(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with InProcessApi(small_disk / "home") as api:
        assert api.call("GET", "onlineEndpoints").status_code == 200
        acknowledged = []
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while True:
                file.write(b"x" * 65536)
        for n in range(40):  # some find room in what the database has in hand
            body = {**KEY, "tags": {"long": "x" * 20_000}}
            answer = api.call("PUT", f"onlineEndpoints/ep-{n}", body)
            if answer.status_code == 201:
                acknowledged.append(n)
                continue
            assert answer.status_code == 507, answer.text
            error = answer.json()["error"]
            assert error["code"] == "DiskFull"
            assert "The server's disk is full: 0 of 17 MB are free." in error["message"]
            assert str(small_disk) not in answer.text, "no path of the server"
        assert len(acknowledged) < 40
        assert f"It is the disk of {small_disk}" in caplog.text, "the log names it"
        filler.unlink()
        there = {each["name"] for each in api.call("GET", "onlineEndpoints").json()["value"]}
        assert there == {f"ep-{n}" for n in acknowledged}
        again = api.call("PUT", "onlineEndpoints/after", KEY)
        assert again.status_code == 201, again.text
