"""The gateway is replaced, killed and ended under load; the home is upgraded, copied and restored under it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import sqlalchemy as sa
from alembic import command

from flowstead.gateway.turns import seen_turns
from flowstead.resources.home import Home
from flowstead.store.copies import alembic_config, head
from tests.installation import FULL, Installation, eventually, write_flow
from tests.steady_traffic import Traffic

YAML = """\
inputs:
  text:
    type: string
    is_chat_input: true
outputs:
  said:
    type: string
    reference: ${say.output}
    is_chat_output: true
nodes:
- name: say
  type: python
  source:
    type: code
    path: say.py
  inputs:
    text: ${inputs.text}
"""
CODE = """\
import time

from promptflow.core import tool


@tool
def say(text: str):
    if not text.isdigit():
        yield f"you said {text}"
        return
    for number in range(int(text)):
        yield f"{number} "
        time.sleep(0.1)
"""
ENDPOINT = "/endpoints/lasting/score"
pytestmark = pytest.mark.timeout(900 if FULL else 300)


class Site:
    """A running Flowstead with the endpoint `lasting`, whose flow streams as many words as it is told, ten a second."""

    def __init__(self, flowstead: Installation, folder: Path) -> None:
        self.flowstead, self.folder = flowstead, folder
        flow = write_flow(folder / "flow", CODE, yaml=YAML)
        flowstead.run("deploy", str(flow), "--endpoint", "lasting")
        self.key = str(flowstead.keys("lasting")["primaryKey"])
        self.home = Home.at(flowstead.home)

    def traffic(self) -> Traffic:
        return Traffic(f"{self.flowstead.url}{ENDPOINT}", self.key)

    @contextmanager
    def stream(self, words: int) -> Iterator[dict[str, int]]:
        """A stream that somebody reads meanwhile; `events`: how many have come. Afterwards it has ended."""
        told = {"events": 0}

        def read() -> None:
            headers = {"Authorization": f"Bearer {self.key}", "Accept": "text/event-stream"}
            body = {"text": str(words)}
            url = f"{self.flowstead.url}{ENDPOINT}"
            try:
                with httpx.stream("POST", url, json=body, headers=headers, timeout=60) as answer:
                    for line in answer.iter_lines():
                        told["events"] += line.startswith("data:")
            except httpx.TransportError:
                return

        reader = threading.Thread(target=read)
        reader.start()
        eventually("the stream has begun", lambda: told["events"])
        yield told
        reader.join(60)
        assert not reader.is_alive()

    def envoys(self) -> list[int | None]:
        return [each.process.pid for each in seen_turns(self.home.gateway_run)]

    def has_ended(self, envoy: int | None) -> None:
        eventually("the Envoy before has ended", lambda: envoy not in self.envoys())

    def started_otherwise(self) -> None:
        """Let the running Envoy be one that another version of Flowstead has started."""
        [newest, *_] = seen_turns(self.home.gateway_run)
        noted = json.loads(newest.turn.bootstrap.read_text())
        noted["node"]["metadata"]["start"] = "of another version"
        newest.turn.bootstrap.write_text(json.dumps(noted))

    def kill_server(self) -> None:
        pid = self.flowstead.server_pid()
        os.kill(pid, signal.SIGKILL)
        eventually("the server is gone", lambda: not psutil.pid_exists(pid))


@pytest.fixture
def site(own_flowstead: Installation, tmp_path: Path) -> Site:
    return Site(own_flowstead, tmp_path)


def test_an_upgrade_of_envoy_and_of_the_tables_under_load(site: Site) -> None:
    """The tables are those of the version before, the Envoy was started by it."""
    with site.traffic() as traffic:
        for number in range(10 if FULL else 1):
            [before, *_] = site.envoys()
            with site.stream(30) as told:
                traffic.passes(50, "traffic flows")
                site.kill_server()
                earlier = _downgraded(site.home.database)
                site.started_otherwise()
                site.flowstead.up()
                assert site.envoys()[0] != before
                assert before in site.envoys(), "it has a stream"
                traffic.passes(50, f"requests pass after upgrade {number}")
            assert told["events"] >= 30
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
