"""A deployment is overwritten again and again, and by code that does not work, while requests and streams go on: none
of them fails, and what does not work never serves."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installation import FULL, WORKSPACE, Installation, eventually, write_flow
from tests.steady_traffic import OpenStreams, Traffic, quantile

OVERWRITES = 50 if FULL else 5
RATE = 100
STREAMS = 20
ENDPOINT = "/onlineEndpoints/rolling"
BLUE = f"{ENDPOINT}/deployments/blue"
PATIENCE_S = 180.0
FLOW = """\
import asyncio
import os

from promptflow.core import tool


@tool
async def say(text: str):
    return pieces() if text == "stream" else os.environ.get("VERSION", "")


async def pieces():
    for number in range(20):
        yield f"{number} "
        await asyncio.sleep(0.1)
    yield "END"
"""
ROOM = {"maxConcurrentRequestsPerInstance": 200, "requestTimeout": "PT30S"}
SOON = {"initialDelay": "PT0S", "period": "PT1S", "failureThreshold": 8}
"""For what hangs: how long the start of an instance may take, seconds."""
BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    # name → (code, other properties, code of the error)
    "crashes": ("raise RuntimeError('this version is broken')\n", {}, "UserScriptInitFailed"),
    "hangs": ("import time\n\ntime.sleep(3600)\n", {"readinessProbe": SOON}, "ResourceNotReady"),
    "never-warm": (
        FLOW.replace("    return pieces()", "    await asyncio.sleep(3600)\n    return pieces()"),
        {"requestSettings": {**ROOM, "requestTimeout": "PT2S"}},
        "WarmCallUnanswered",
    ),
}


class Rolling:
    """The endpoint `rolling` with one deployment."""

    def __init__(self, flowstead: Installation, folder: Path) -> None:
        self.flowstead, self._folder = flowstead, folder
        self._client = flowstead.client()
        self.model("good", FLOW)
        flowstead.api("PUT", ENDPOINT, {"properties": {"authMode": "Key"}}).raise_for_status()
        assert self.overwrite("good", VERSION="0") == "Succeeded"
        split = {"properties": {"authMode": "Key", "traffic": {"blue": 100}}}
        flowstead.api("PUT", ENDPOINT, split).raise_for_status()
        self.key = flowstead.keys("rolling")["primaryKey"]
        self.url = f"{flowstead.url}/endpoints/rolling/score"
        eventually("it answers", lambda: flowstead.score("rolling", {"text": "x"}, self.key).status_code == 200)

    def model(self, name: str, code: str) -> None:
        flow = write_flow(self._folder / name, code)
        (flow / "samples.json").write_text(json.dumps([{"text": "x"}]))
        self.flowstead.run("model", "create", "--name", name, "--path", str(flow))

    def overwrite(self, model: str, /, more: dict[str, Any] | None = None, **variables: str) -> str:
        """How it ended."""
        properties = {
            "model": f"{WORKSPACE}/models/{model}/versions/1",
            "requestSettings": ROOM,
            "environmentVariables": variables,
            **(more or {}),
        }
        answer = self._client.put(BLUE, json={"properties": properties})
        answer.raise_for_status()
        operation = answer.headers["Azure-AsyncOperation"]

        def ended() -> str:
            status = str(self._client.get(operation).json()["status"])
            return "" if status == "InProgress" else status

        return str(eventually(f"{model} has ended", ended, within=PATIENCE_S))

    def traffic(self) -> Traffic:
        return Traffic(self.url, self.key, rate=RATE, callers=STREAMS)

    def streams(self) -> OpenStreams:
        return OpenStreams(self.url, self.key, STREAMS)

    def says(self) -> str:
        return str(self.flowstead.score("rolling", {"text": "x"}, self.key).json()["said"])

    def shown(self) -> dict[str, Any]:
        return dict(self._client.get(BLUE).json()["properties"])

    def revisions(self) -> list[dict[str, Any]]:
        return [each["properties"] for each in self._client.get(f"{BLUE}/revisions").json()["value"]]

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="module")
def rolling(flowstead: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rolling]:
    rolling = Rolling(flowstead, tmp_path_factory.mktemp("rolling"))
    yield rolling
    rolling.close()


def test_overwrites_under_load_fail_no_request_and_cut_no_stream(rolling: Rolling) -> None:
    took = []
    with rolling.traffic() as traffic, rolling.streams() as streams:
        traffic.passes(RATE, "traffic flows")
        for number in range(1, OVERWRITES + 1):
            began = time.monotonic()
            assert rolling.overwrite("good", VERSION=str(number)) == "Succeeded"
            took.append(time.monotonic() - began)
            assert rolling.says() == str(number)
    times = traffic.seconds("200")
    print(f"\n{OVERWRITES} overwrites at {RATE} requests/s and {STREAMS} streams: {dict(traffic.outcomes)}")
    print(
        f"streams {dict(streams.outcomes)}; an overwrite took {statistics.median(took):.1f} s, {max(took):.1f} at most"
    )
    print(f"p50 {quantile(times, 0.5) * 1000:.0f} ms, p99 {quantile(times, 0.99) * 1000:.0f} ms")
    assert set(traffic.outcomes) == {"200"}
    assert set(streams.outcomes) == {"whole"}
    newest = rolling.revisions()[0]
    assert (newest["number"], newest["state"]) == (OVERWRITES + 1, "Serving")


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_work_never_serves(rolling: Rolling, name: str) -> None:
    code, more, reason = BAD[name]
    rolling.model(name, code)
    assert rolling.overwrite("good", VERSION="kept") == "Succeeded"
    with rolling.traffic() as traffic, rolling.streams() as streams:
        traffic.passes(RATE, "traffic flows")
        assert rolling.overwrite(name, more) == "Failed"
        traffic.passes(RATE, "traffic goes on")
    assert set(traffic.outcomes) == {"200"}
    assert set(streams.outcomes) == {"whole"}
    assert rolling.says() == "kept"
    error = rolling.shown()["provisioningError"]
    assert error["code"] == reason
    assert "goes on serving" in error["message"]
    failed, serving, *_ = rolling.revisions()
    assert (failed["state"], failed["error"]["code"], serving["state"]) == ("Failed", reason, "Serving")
