"""Deployments that are stopped, started, and go to sleep, as their callers and their neighbours see it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.dying_server import assert_nothing_is_left
from tests.installation import ECHO, FULL, WORKSPACE, Installation, eventually, write_flow
from tests.steady_traffic import RATE, Traffic

IDLE_S = 5
SLOW = ECHO.replace("@tool", "import time\n\ntime.sleep(1)\n\n\n@tool", 1)
"""Takes a second to start."""
TOOK_S = 0.2
TAKES_A_WHILE = ECHO.replace("@tool\n", "import time\n\n\n@tool\n", 1).replace(
    "    return", f"    time.sleep({TOOK_S})\n    return", 1
)
BY_LOAD = {
    "scaleType": "TargetUtilization",
    "minInstances": 1,
    "maxInstances": 3,
    "pollingInterval": "PT1S",
    "targetUtilizationPercentage": 70,
}
ASLEEP = {
    "scaleType": "TargetUtilization",
    "minInstances": 0,
    "maxInstances": 1,
    "idleTime": f"PT{IDLE_S}S",
    "pollingInterval": "PT1S",
}


class Site:
    """An endpoint with the deployment blue, and a client of the management API."""

    def __init__(self, flowstead: Installation, name: str, folder: Path, code: str = ECHO, **properties: Any) -> None:
        self.flowstead, self.name, self.path = flowstead, name, f"/onlineEndpoints/{name}"
        self.blue = f"{self.path}/deployments/blue"
        flowstead.run("model", "create", "--name", name, "--path", str(write_flow(folder / name, code)))
        mode: dict[str, Any] = {"authMode": "Key"}
        flowstead.api("PUT", self.path, {"properties": mode}).raise_for_status()
        self.body = {"properties": {"model": f"{WORKSPACE}/models/{name}/versions/1", **properties}}
        self.does("PUT", self.blue, self.body)
        self.does("PUT", self.path, {"properties": {**mode, "traffic": {"blue": 100}}})
        self.key = flowstead.keys(name)["primaryKey"]
        self.url = f"{flowstead.url}/endpoints/{name}/score"

    def does(self, method: str, path: str, body: Any = None) -> None:
        """Call and wait for the operation's end, which is a success."""
        answer = self.flowstead.api(method, path, body)
        assert answer.is_success, answer.text
        id = answer.headers["Azure-AsyncOperation"].rpartition("/")[2].partition("?")[0]
        url = answer.headers["Azure-AsyncOperation"]
        with self.flowstead.client() as client:
            status = eventually(
                f"{method} {path} ends ({id})",
                lambda: (said := client.get(url).json()["status"]) != "InProgress" and said,
                within=60,
            )
            assert status == "Succeeded", client.get(url).text

    def ask(self) -> int:
        return self.flowstead.score(self.name, {"text": "x"}, self.key).status_code

    def states(self) -> list[str]:
        return [
            each["properties"]["state"] for each in self.flowstead.api("GET", f"{self.blue}/instances").json()["value"]
        ]

    def stands(self) -> tuple[int, int, str]:
        """The capacity shown, instances that are ready, provisioningState."""
        shown = self.flowstead.api("GET", self.blue).json()
        return (shown["sku"]["capacity"], self.states().count("Ready"), shown["properties"]["provisioningState"])

    def sleeps(self) -> bool:
        return self.states() == ["Dormant"]

    def delete(self) -> None:
        self.does("DELETE", self.path)
        assert_nothing_is_left(self.flowstead, self.name)


def test_the_neighbour_of_who_is_stopped_and_started_notices_nothing(
    own_flowstead: Installation, tmp_path: Path
) -> None:
    here, neighbour = (Site(own_flowstead, name, tmp_path) for name in ("here", "neighbour"))
    with Traffic(neighbour.url, neighbour.key) as traffic:
        traffic.passes(RATE, "traffic flows")
        for _ in range(5 if FULL else 2):
            here.does("POST", f"{here.blue}/stop")
            assert here.states() == []
            refused = own_flowstead.score("here", {"text": "x"}, here.key)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "DeploymentStopped")
            here.does("POST", f"{here.blue}/start")
            assert here.ask() == 200
        traffic.passes(RATE, "traffic goes on")
    print(f"\nstopped and started beside {RATE} requests/s: {dict(traffic.outcomes)}")
    assert set(traffic.outcomes) == {"200"}
    own_flowstead.run("online-deployment", "stop", "--name", "blue", "--endpoint-name", "here")
    assert (
        own_flowstead.json("online-deployment", "show", "--name", "blue", "--endpoint-name", "here")["state"]
        == "stopped"
    )
    os.kill(own_flowstead.server_pid(), signal.SIGKILL)
    refused = own_flowstead.score("here", {"text": "x"}, here.key)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "DeploymentStopped"), "without the server"
    own_flowstead.up()
    assert here.states() == []
    neighbour.does("DELETE", neighbour.path)
    here.delete()


def test_the_first_request_wakes_who_sleeps_though_the_server_is_dead(
    own_flowstead: Installation, tmp_path: Path
) -> None:
    site = Site(own_flowstead, "lazy", tmp_path, SLOW, scaleSettings=ASLEEP)
    assert site.ask() == 200
    eventually("it goes to sleep", site.sleeps)
    assert site.flowstead.api("GET", site.blue).json()["properties"]["provisioningState"] == "Succeeded"
    os.kill(own_flowstead.server_pid(), signal.SIGKILL)
    began = time.monotonic()
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: site.ask(), range(8)))
    print(f"\n8 requests to who slept: {answers}, {time.monotonic() - began:.1f} s")
    assert answers == [200] * 8
    assert time.monotonic() - began > 1, "it was started for them"
    eventually("it goes to sleep again, with the server dead", lambda: not _workers(own_flowstead))
    assert site.ask() == 200
    own_flowstead.up()
    assert site.states() in (["Ready"], ["Waking"], ["Dormant"])
    assert site.ask() == 200
    site.delete()


@pytest.mark.parametrize("state", ["Dormant", "Waking"])
def test_who_sleeps_or_wakes_up_is_deleted_without_a_trace(
    own_flowstead: Installation, tmp_path: Path, state: str
) -> None:
    site = Site(own_flowstead, "gone", tmp_path, SLOW, scaleSettings=ASLEEP)
    eventually("it goes to sleep", site.sleeps)
    if state == "Dormant":
        site.delete()
        return
    with ThreadPoolExecutor(1) as caller:
        asked = caller.submit(site.ask)
        eventually("it wakes up", lambda: bool(_workers(own_flowstead)))
        site.delete()
        assert asked.result() in (200, 404, 500, 503)


def test_who_sleeps_survives_kills(own_flowstead: Installation, tmp_path: Path) -> None:
    site = Site(own_flowstead, "tough", tmp_path, scaleSettings=ASLEEP)
    eventually("it goes to sleep", site.sleeps)
    assert site.ask() == 200
    workers = _workers(own_flowstead)
    for worker in workers:
        worker.kill()
    psutil.wait_procs(workers, timeout=10)  # or it would be under way there
    assert site.ask() == 200, "it waits in the socket for the next one"
    eventually("it goes to sleep", site.sleeps)
    for each in own_flowstead.processes():
        if "/instances/" in _command(each) and "supervisor.py" in _command(each):
            each.kill()
    _within("another takes its place", lambda: site.ask() == 200)
    site.delete()


def test_under_load_instances_come_by_themselves_and_go_after_it(own_flowstead: Installation, tmp_path: Path) -> None:
    own_flowstead.down()
    own_flowstead.up("--scale-in-after", "5")
    one_at_a_time = {"maxConcurrentRequestsPerInstance": 1, "maxQueueWait": "PT1M", "queueLength": 1000}
    site = Site(own_flowstead, "busy", tmp_path, TAKES_A_WHILE, scaleSettings=BY_LOAD, requestSettings=one_at_a_time)
    revision = _revisions(site)
    assert site.stands() == (1, 1, "Succeeded")
    began = time.monotonic()
    with Traffic(site.url, site.key, rate=2 / TOOK_S, callers=1000, timeout_s=120) as traffic:
        _within("there are three", lambda: site.stands() == (3, 3, "Succeeded"))
        print(f"\n1 → 3 in {time.monotonic() - began:.1f} s")
        os.kill(own_flowstead.server_pid(), signal.SIGKILL)
        own_flowstead.up()
        assert site.stands()[0] == 3, "the next server knows of it"
        traffic.passes(50, "traffic goes on")
    with Traffic(site.url, site.key, rate=1) as lull:
        began = time.monotonic()
        _within("there is one again", lambda: site.stands() == (1, 1, "Succeeded"))
        print(f"3 → 1 in {time.monotonic() - began:.1f} s of {dict(traffic.outcomes)}, then {dict(lull.outcomes)}")
        lull.passes(2, "traffic goes on")
    assert set(traffic.outcomes) | set(lull.outcomes) == {"200"}
    assert _revisions(site) == revision
    said = [each["detail"] for each in own_flowstead.json("audit", "list", "--action", "scale")]
    assert all(each.startswith("utilisation") for each in said), said
    assert (said[-1][-5:-1], said[0][-3:]) == ("1 → ", "→ 1"), said
    site.delete()


def _revisions(site: Site) -> list[str]:
    return [each["name"] for each in site.flowstead.api("GET", f"{site.blue}/revisions").json()["value"]]


def _workers(flowstead: Installation) -> list[psutil.Process]:
    return [each for each in flowstead.processes() if "flowstead_runtime" in _command(each)]


def _command(process: psutil.Process) -> str:
    """ "" when it has ended meanwhile."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _within(what: str, holds: Callable[[], bool]) -> None:
    eventually(what, holds, within=60)
