"""The server's clock is set by an hour, forth and back, while it works: what was acknowledged is there and is carried
out, callers notice nothing, and what has expired meanwhile can be had anew."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.installation import ECHO, FULL, WORKSPACE, Installation, eventually, write_flow
from tests.steady_traffic import RATE, Traffic

JUMPING = Path(__file__).parent / "jumping"
JUMP_S = 3700
"""An hour, and what a token may be late."""
JUMPS_S = (JUMP_S, 0, -JUMP_S, 0, -JUMP_S, JUMP_S, 0) if FULL else (JUMP_S, -JUMP_S, 0)
"""How far ahead the clock is, one after another."""
MOMENTS_S = (0.0, 0.5, 2.0) if FULL else (0.3,)
"""After a change was acknowledged, when the clock is set."""
DONE_WITHIN_S = 60
ENDPOINT, TOKENED = "/onlineEndpoints/target", "/onlineEndpoints/tokened"
pytestmark = pytest.mark.timeout(1200 if FULL else 400)


class Jumping:
    """ahead: of the machine's clock, where the server's is, seconds."""

    def __init__(self, flowstead: Installation, clock: Path) -> None:
        self.flowstead, self._clock = flowstead, clock

    def jump(self, ahead: float) -> None:
        new = self._clock.with_suffix(".new")
        new.write_text(str(ahead))
        new.rename(self._clock)


@pytest.fixture
def jumping(tmp_path: Path) -> Iterator[Jumping]:
    clock = tmp_path / "clock"
    variables = {"PYTHONPATH": str(JUMPING), "FLOWSTEAD_TEST_CLOCK": str(clock)}
    installation = Installation(tmp_path / "home", variables=variables)
    jumping = Jumping(installation, clock)
    jumping.jump(0)
    installation.up()
    yield jumping
    jumping.jump(0)
    installation.run("down", check=False)
    for process in installation.processes():
        process.kill()


def test_the_clock_is_set_by_an_hour_forth_and_back(jumping: Jumping, tmp_path: Path) -> None:
    flowstead, changed = jumping.flowstead, list[str]()
    first = _Caller(flowstead)
    key = _deployed(first, tmp_path)
    opens = first.endpoint_token()
    with Traffic(f"{flowstead.url}/endpoints/target/score", key) as traffic:
        traffic.passes(RATE, "traffic flows")
        for ahead in JUMPS_S:
            for moment in MOMENTS_S:
                changed.append(f"{len(changed)}")
                url = first.puts(f"{ENDPOINT}/deployments/blue", _body(VERSION=changed[-1]))
                time.sleep(moment)
                jumping.jump(ahead)
                fresh = _Caller(flowstead)
                fresh.puts(TOKENED, _tagged(changed[-1]))
                assert fresh.hears_how_it_ended(url) == "Succeeded"
                jumping.jump(0)
            jumping.jump(ahead)
            assert first.asks(TOKENED).status_code == (401 if ahead == JUMP_S else 200), "its hour is over, or is not"
            assert fresh.asks(TOKENED).json()["tags"] == {"change": changed[-1]}
            # Envoy's clock is not set, and to it a token of one that is an hour behind is an hour old.
            for token in (opens, *((fresh.endpoint_token(),) if ahead >= 0 else ())):
                assert flowstead.score("tokened", {"text": "x"}, token).status_code == 200
            collected = flowstead.run("gc").stdout
            assert flowstead.score("target", {"text": "x"}, key).status_code == 200, collected
            assert _recorded(flowstead) >= len(changed)
            jumping.jump(0)
        jumping.jump(JUMP_S)
        _Caller(flowstead).puts(TOKENED, _tagged("last"))
        server = flowstead.server_pid()
        os.kill(server, signal.SIGKILL)
        eventually("the server is gone", lambda: not psutil.pid_exists(server))
        jumping.jump(0)
        flowstead.up()
        assert first.asks(TOKENED).json()["tags"] == {"change": "last"}
        assert flowstead.score("tokened", {"text": "x"}, opens).status_code == 200
        traffic.passes(RATE, "traffic goes on")
    print(f"\n{2 * len(JUMPS_S) + 2} jumps of the clock, {len(changed)} changes: {dict(traffic.outcomes)}")
    assert set(traffic.outcomes) == {"200"}
    said = flowstead.run("online-deployment", "get-logs", "--endpoint-name", "target", "--name", "blue").stdout
    assert "Killed because" not in said


class _Caller:
    """Of the management API, with one token all the time, which is an hour's."""

    def __init__(self, flowstead: Installation) -> None:
        self.flowstead = flowstead
        self._headers = {"Authorization": f"Bearer {flowstead.token()}"}

    def asks(self, path: str, method: str = "GET", body: Any = None) -> httpx.Response:
        url = f"{self.flowstead.url}{WORKSPACE}{path}?api-version=2024-10-01"
        return httpx.request(method, url, json=body, headers=self._headers, timeout=30)

    def puts(self, path: str, body: Any) -> str:
        """Acknowledged. Where to ask for how it ends."""
        answer = self.asks(path, "PUT", body)
        assert answer.status_code in (200, 201), answer.text
        return str(answer.headers["Azure-AsyncOperation"])

    def hears_how_it_ended(self, url: str) -> str:
        def ended() -> str:
            status = str(httpx.get(url, headers=self._headers, timeout=30).json()["status"])
            return "" if status == "InProgress" else status

        return str(eventually("it ends", ended, within=DONE_WITHIN_S))

    def endpoint_token(self) -> str:
        return str(self.asks(f"{TOKENED}/token", "POST").json()["accessToken"])


def _deployed(caller: _Caller, folder: Path) -> str:
    """The endpoint `target` with a key, which is returned, and `tokened` with tokens; one deployment each."""
    flowstead = caller.flowstead
    flowstead.run("model", "create", "--name", "echo", "--path", str(write_flow(folder / "flow", ECHO)))
    for path, mode in ((ENDPOINT, "Key"), (TOKENED, "AMLToken")):
        caller.puts(path, {"properties": {"authMode": mode}})
        assert caller.hears_how_it_ended(caller.puts(f"{path}/deployments/blue", _body())) == "Succeeded"
        caller.puts(path, {"properties": {"authMode": mode, "traffic": {"blue": 100}}})
    key = str(caller.asks(f"{ENDPOINT}/listKeys", "POST").json()["primaryKey"])
    eventually("it answers", lambda: flowstead.score("target", {"text": "x"}, key).status_code == 200)
    token = caller.endpoint_token()
    eventually("both answer", lambda: flowstead.score("tokened", {"text": "x"}, token).status_code == 200)
    return key


def _body(**variables: str) -> dict[str, Any]:
    return {"properties": {"model": f"{WORKSPACE}/models/echo/versions/1", "environmentVariables": variables}}


def _tagged(change: str) -> dict[str, Any]:
    return {"properties": {"authMode": "AMLToken", "traffic": {"blue": 100}}, "tags": {"change": change}}


def _recorded(flowstead: Installation) -> int:
    """How many overwrites of the deployment the audit log knows."""
    found = flowstead.json("audit", "list", "--action", "update", "--max-results", "1000")
    return sum(each["resource"].endswith("target/deployments/blue") for each in found)
