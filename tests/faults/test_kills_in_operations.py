"""The server is killed at every phase of every long-running operation: the next one brings it to its end, at once."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead.launch.lock import find_holder
from flowstead.resources.home import Home
from tests.installation import FULL, WORKSPACE, Installation, eventually, free_port, write_flow

DYING = Path(__file__).parent / "dying"
HELD = """\
import socket, time

from promptflow.core import tool

while True:
    try:
        socket.create_connection(("127.0.0.1", {hold})).close()
    except ConnectionRefusedError:
        break
    time.sleep(0.05)


@tool
def say(text: str) -> str:
    return f"you said {{text}}"
"""
"""Is not ready while somebody listens there: files of ours an instance does not see."""
CREATION = ("EnvironmentBuilt", "InstancesStarted", "InstancesReady", "RouteSwitched")
UPDATE = ("RouteSwitched", "OldInstancesDrained", "OldInstancesStopped")
DELETION = ("InstancesStopped", "FilesRemoved", "RowsRemoved")
"""Two phases are missing, since nothing is waited for in them: ArtifactInPlace, and RouteRemoved, which the gateway has
done before anything is decided."""
ENDS_WITHIN_S = 15
"""After the last start of the server. An operation that is not taken up again would never end."""


class Dying:
    """An installation whose server dies at the points that are asked for."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        self.flowstead = installation
        self.hold = free_port()
        self._holding: socket.socket | None = None
        self._point = folder / "die-at"
        self.kills = 0

    def up(self, *, check: bool = True) -> None:
        """check: it comes up. One that is to die at once may do so before it has."""
        installation = self.flowstead
        variables: dict[str, Any] = {"PYTHONPATH": str(DYING), "FLOWSTEAD_TEST_DIE_AT": str(self._point)}
        ports = ("--port", str(installation.port), "--tls-port", str(installation.tls_port))
        installation.run("up", "--detach", *ports, check=check, **variables)

    def ends(self, method: str, path: str, body: Any, points: Sequence[str]) -> None:
        """Send the request, have the server die at each of these points in turn, start it again; then the operation
        has succeeded."""
        self._ask_for(points[0], points)
        answer = self.flowstead.api(method, path, body)
        assert answer.status_code in (200, 201, 202), answer.text
        for following in (*points[1:], ""):
            eventually(
                f"the server comes to {self._point.read_text() if self._point.exists() else points[0]}",
                lambda: not self._point.exists(),
                within=20,
            )
            eventually("the server is dead", lambda: find_holder(Home(self.flowstead.home)) is None)
            self.kills += 1
            self._ask_for(following, points)
            self.up(check=not following)
        began = time.monotonic()
        status = eventually("the operation ends", lambda: self._ended(answer), within=ENDS_WITHIN_S)
        print(f"{method} {path}: {len(points)} kills, ended {time.monotonic() - began:.2f} s after the last start")
        assert status["status"] == "Succeeded", status

    def _ask_for(self, point: str, points: Sequence[str]) -> None:
        """New instances are held until the server has died while it waited for them."""
        waits = [index for index, each in enumerate(points) if "InstancesReady" in each]
        if point and waits and points.index(point) <= waits[0]:
            self._holding = self._holding or socket.create_server(("127.0.0.1", self.hold), backlog=1000)
        elif self._holding is not None:
            self._holding.close()
            self._holding = None
        if point:
            self._point.write_text(point)

    def _ended(self, answer: httpx.Response) -> dict[str, Any] | None:
        url = httpx.URL(answer.headers["Azure-AsyncOperation"])
        headers = {"Authorization": answer.request.headers["Authorization"]}
        polled = httpx.get(f"{self.flowstead.url}{url.raw_path.decode()}", headers=headers, timeout=30)
        status: dict[str, Any] = polled.json()
        running = status["status"] == "InProgress"
        assert polled.headers.get("Retry-After") == ("1" if running else None)
        return None if running else status


@pytest.fixture
def dying(tmp_path: Path) -> Iterator[Dying]:
    installation = Installation(tmp_path / "home")
    dying = Dying(installation, tmp_path)
    dying.up()
    yield dying
    installation.run("down", check=False)
    for process in installation.processes():
        process.kill()


def test_every_operation_ends_though_the_server_is_killed_at_each_of_its_phases(dying: Dying, tmp_path: Path) -> None:
    flowstead = dying.flowstead
    endpoint, deployment = "/onlineEndpoints/target", "/onlineEndpoints/target/deployments/blue"
    key_mode: dict[str, Any] = {"properties": {"authMode": "Key"}}
    flow = write_flow(tmp_path / "flow", HELD.format(hold=dying.hold), requirements="iniconfig==2.1.0\n")
    flowstead.run("model", "create", "--name", "flow", "--path", str(flow))
    body: dict[str, Any] = {"properties": {"model": f"{WORKSPACE}/models/flow/versions/1"}}

    dying.ends("PUT", endpoint, key_mode, ["create endpoint - before"])
    dying.ends("PUT", deployment, body, [f"create deployment {phase} {_when(n)}" for n, phase in enumerate(CREATION)])
    split = {"properties": {"authMode": "Key", "traffic": {"blue": 100}}}
    dying.ends("PUT", endpoint, split, ["update endpoint - before"])
    key = flowstead.keys("target")["primaryKey"]
    eventually("it answers", lambda: _answers(flowstead, key))

    changes = (*CREATION[1:], *UPDATE[1:]) if FULL else UPDATE
    changed = {"properties": {**body["properties"], "environmentVariables": {"A": "1"}}}
    dying.ends("PUT", deployment, changed, [f"update deployment {phase} {_when(n)}" for n, phase in enumerate(changes)])
    assert _answers(flowstead, key)
    more = {**changed, "sku": {"capacity": 2}}
    dying.ends("PUT", deployment, more, ["update deployment InstancesReady after"])
    assert len(flowstead.api("GET", f"{deployment}/instances").json()["value"]) == 2

    dying.ends("POST", f"{endpoint}/regenerateKeys", {"keyType": "Primary"}, ["regenerateKey endpoint - before"])
    new = flowstead.keys("target")["primaryKey"]
    assert new != key
    assert _answers(flowstead, new)
    assert not _answers(flowstead, key)

    flowstead.api("PUT", endpoint, {"properties": {"authMode": "Key", "traffic": {}}})
    dying.ends(
        "DELETE", deployment, None, [f"delete deployment {phase} {_when(n)}" for n, phase in enumerate(DELETION)]
    )
    assert flowstead.api("GET", deployment).status_code == 404
    assert flowstead.instance_pids("target") == []
    dying.ends("DELETE", endpoint, None, ["delete endpoint - before"])
    assert flowstead.api("GET", endpoint).status_code == 404
    print(f"{dying.kills} kills")


def _when(number: int) -> str:
    """Now before what was decided is written down, now after it."""
    return ("before", "after")[number % 2]


def _answers(flowstead: Installation, key: str) -> bool:
    try:
        return flowstead.score("target", {"text": "x"}, key).status_code == 200
    except httpx.HTTPError:
        return False
