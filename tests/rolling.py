"""An endpoint whose one deployment is overwritten, and those who call it meanwhile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.installation import WORKSPACE, Installation, eventually, write_flow
from tests.steady_traffic import OpenStreams, Traffic

RATE = 100
STREAMS = 20
CALLERS = 60
"""At once at the most: enough for the rate also where an answer takes half a second."""
ENDPOINT = "/onlineEndpoints/rolling"
BLUE = f"{ENDPOINT}/deployments/blue"
PATIENCE_S = 180.0
FLOW = """\
import asyncio
import os

from promptflow.core import tool

STREAMS = {"stream": 20, "long stream": 90}  # tenths of a second


@tool
async def say(text: str):
    return pieces(STREAMS[text]) if text in STREAMS else os.environ.get("VERSION", "")


async def pieces(count):
    for number in range(count):
        yield f"{number} "
        await asyncio.sleep(0.1)
    yield "END"
"""
ROOM = {"maxConcurrentRequestsPerInstance": 200, "requestTimeout": "PT30S"}


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
        return Traffic(self.url, self.key, rate=RATE, callers=CALLERS)

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
