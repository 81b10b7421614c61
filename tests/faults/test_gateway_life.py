"""The gateway is replaced, killed and ended under load; the home is upgraded, copied and restored under it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from alembic import command

from flowstead.store.copies import alembic_config, head
from tests.installation import FULL, Installation, eventually
from tests.lasting_streams import ENDPOINT, Site

pytestmark = pytest.mark.timeout(900 if FULL else 300)


@pytest.fixture
def site(own_flowstead: Installation, tmp_path: Path) -> Site:
    return Site(own_flowstead, tmp_path)


def test_an_upgrade_of_envoy_and_of_the_tables_under_load(site: Site) -> None:
    """The tables are those of the version before, the Envoy was started by it."""
    with site.traffic() as traffic:
        for number in range(10 if FULL else 1):
            [before, *_] = site.envoys()
            with site.stream(100) as told:
                traffic.passes(50, "traffic flows")
                site.kill_server()
                earlier = _downgraded(site.home.database)
                site.started_otherwise()
                site.flowstead.up()
                assert site.envoys()[0] != before
                assert before in site.envoys(), "it has a stream"
                traffic.passes(50, f"requests pass after upgrade {number}")
            assert told["events"] >= 100
            site.has_ended(before)
    print(f"\nupgraded under load: {dict(traffic.outcomes)}")
    assert set(traffic.outcomes) == {"200"}
    assert _schema(site.home.database) == head()
    assert _schema(site.home.root / f"flowstead.db.{earlier}") == earlier
    [deployment] = site.flowstead.json("online-deployment", "list", "--endpoint-name", "lasting")
    assert deployment["provisioning_state"] == "Succeeded"
    assert site.flowstead.keys("lasting")["primaryKey"] == site.key


def _downgraded(database: Path) -> str:
    """Take the tables back to those of the version before; their revision."""
    engine = sa.create_engine(f"sqlite:///{database}")
    config = alembic_config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "-1")
        connection.commit()
    engine.dispose()
    return _schema(database)


def _schema(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def test_a_killed_envoy_is_away_for_a_second_at_most_also_without_a_server(site: Site) -> None:
    url, headers = f"{site.flowstead.url}{ENDPOINT}", {"Authorization": f"Bearer {site.key}"}
    site.kill_server()
    gaps = []
    for _ in range(10 if FULL else 2):
        [pid] = site.envoys()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        killed_at = time.monotonic()
        while not _answers(url, headers):
            assert time.monotonic() < killed_at + 20
            time.sleep(0.005)
        gaps.append(time.monotonic() - killed_at)
    print(f"\nEnvoy killed, server dead: away for {', '.join(f'{gap * 1000:.0f}' for gap in gaps)} ms")
    assert max(gaps) < 1.0
    site.flowstead.up()
    assert _answers(url, headers)


def _answers(url: str, headers: dict[str, str]) -> bool:
    try:
        return httpx.post(url, json={"text": "x"}, headers=headers, timeout=10).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(("words", "options", "cut"), [(25, (), False), (600, ("--drain-seconds", "1"), True)])
def test_down_lets_a_stream_end_within_bounds(site: Site, words: int, options: tuple[str, ...], cut: bool) -> None:
    with site.stream(words) as told:
        done = site.flowstead.run("down", *options)
    assert (told["events"] < words) == cut
    assert ("1 request was cut" in done.stderr) == cut
    assert site.flowstead.processes() == []


def test_a_down_that_is_killed_while_it_drains_is_no_obstacle(site: Site) -> None:
    with site.stream(600):
        with pytest.raises(subprocess.TimeoutExpired):  # which kills it
            site.flowstead.run("down", "--drain-seconds", "60", timeout=8)
        began = time.monotonic()
        site.flowstead.up()
        print(f"\nup after a killed down: {time.monotonic() - began:.1f} s")
    assert _answers(f"{site.flowstead.url}{ENDPOINT}", {"Authorization": f"Bearer {site.key}"})


def test_who_is_in_a_hurry_waits_for_no_stream(site: Site) -> None:
    with site.stream(600) as told:
        began = time.monotonic()
        done = site.flowstead.run("down", "--now")
        assert time.monotonic() - began < 15
    assert told["events"] < 600
    assert "1 request was cut" in done.stderr
    assert site.flowstead.processes() == []


def test_a_home_is_copied_under_load_and_answers_elsewhere(site: Site, tmp_path: Path) -> None:
    output = tmp_path / "home.tar.gz"
    with site.traffic() as traffic:
        traffic.passes(20, "traffic flows")
        said = site.flowstead.run("backup", "--output", str(output), "--include-keys")
        traffic.passes(20, "traffic flows after it")
    assert set(traffic.outcomes) == {"200"}
    assert "All keys are in it" in said.stderr
    wanted = _known(site.flowstead)
    other = Installation(tmp_path / "other")
    try:
        restored = other.run("restore", str(output))
        assert "Missing" not in restored.stderr
        other.up()
        eventually("it answers", lambda: _answers(f"{other.url}{ENDPOINT}", _bearer(site.key)), within=120)
        assert _known(other) == wanted
        assert _answers(f"{site.flowstead.url}{ENDPOINT}", _bearer(site.key)), "the first one goes on"
    finally:
        other.run("down", check=False)
        assert other.processes() == []


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _known(flowstead: Installation) -> dict[str, Any]:
    [deployment] = flowstead.json("online-deployment", "list", "--endpoint-name", "lasting")
    name = deployment["name"]
    return {
        "keys": flowstead.keys("lasting"),
        "traffic": flowstead.json("online-endpoint", "show", "--name", "lasting")["traffic"],
        "revisions": flowstead.json(
            "online-deployment", "list-revisions", "--endpoint-name", "lasting", "--name", name
        ),
    }
