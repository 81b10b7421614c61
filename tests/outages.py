"""Processes of an installation that are killed or stopped under traffic, and how that is seen from outside."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil

from flowstead.resources.home import Home
from flowstead.supervise import observe
from tests.installation import Installation, eventually, write_flow
from tests.steady_traffic import Answer

ENDPOINT = "/onlineEndpoints/target"
BLUE = f"{ENDPOINT}/deployments/blue"
INSTANCES = 3
TAKES_ITS_TIME = """\
import asyncio

from promptflow.core import tool


@tool
async def say(text: str) -> str:
    await asyncio.sleep(0.1)
    return text
"""


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    eventually(f"process {pid} is gone", lambda: not psutil.pid_exists(pid))


def three_deployed(flowstead: Installation, folder: Path) -> str:
    """The endpoint `target`, each of whose three instances takes twenty requests at once. Its key."""
    flow = write_flow(folder / "flow", TAKES_ITS_TIME)
    flowstead.run("deploy", str(flow), "--endpoint", "target", "--instance-count", str(INSTANCES))
    body = flowstead.api("GET", BLUE).json()
    body["properties"]["requestSettings"] = {"maxConcurrentRequestsPerInstance": 20}
    flowstead.api("PUT", BLUE, body).raise_for_status()

    def settled() -> bool:
        return bool(flowstead.api("GET", BLUE).json()["properties"]["provisioningState"] == "Succeeded")

    eventually("all three take twenty at once", settled, within=60)
    return flowstead.keys("target")["primaryKey"]


@dataclass(frozen=True)
class Worker:
    """The process of an instance: another one after each restart."""

    instance: str
    restarts: int


class Three:
    """The instances of `target`, as the server tells of them."""

    def __init__(self, flowstead: Installation, client: httpx.Client) -> None:
        """client: of the management API."""
        self._runs, self._client = Home.at(flowstead.home).instances_run, client

    def ready(self) -> list[Worker]:
        listed: list[dict[str, Any]] = self._client.get(f"{BLUE}/instances").json()["value"]
        ready = [each for each in listed if each["properties"]["state"] == "Ready"]
        return [Worker(each["name"], each["properties"]["restarts"]) for each in ready]

    def pid(self, worker: Worker) -> int:
        seen = observe(self._runs / worker.instance)
        assert seen is not None
        assert seen.pid is not None
        return seen.pid

    def again_without(self, worker: Worker, within: float) -> None:
        """Wait until three are ready, none of which is that one."""
        eventually("three again", partial(self._are_without, worker), within=within)

    def _are_without(self, worker: Worker) -> bool:
        ready = self.ready()
        return len(ready) == INSTANCES and worker not in ready


def failures(answers: Iterable[Answer]) -> list[Answer]:
    return [each for each in answers if each.outcome != "200"]
