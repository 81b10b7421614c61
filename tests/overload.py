"""Three times what a deployment can do, and what that does to its callers."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.installation import WORKSPACE, Installation, eventually, write_flow
from tests.steady_traffic import Answer, Traffic, quantile

WAITS = """\
import asyncio

from promptflow.core import tool


@tool
async def say(text: str) -> str:
    await asyncio.sleep(0.25)
    return text
"""
ANSWER_S = 0.25
USUAL, OVER = 0.8, 3.0
"""Of the capacity."""
AS_USUAL = 2.5
"""A request that takes so many times the usual p99 does not find things as they were."""
MANY = 1000


@dataclass(frozen=True)
class Shape:
    """instances: how many; places: of each, whose queue is Azure's."""

    instances: int
    places: int

    @property
    def capacity(self) -> float:
        """Requests a second."""
        return self.instances * self.places / ANSWER_S


SHAPES = (Shape(instances=1, places=10), Shape(instances=3, places=4))


@dataclass(frozen=True)
class Busy:
    """A deployment: where it answers, and to which key."""

    url: str
    key: str
    capacity: float


@dataclass(frozen=True)
class Overload:
    """Seconds, the quickest first. usual, after: of all answers before and after it. admitted; door: refused at once;
    queued: refused after their time in the queue. recovery: how long after its end the last request came to an end
    that was not answered as usual."""

    lasted: float
    usual_outcomes: Counter[str]
    outcomes: Counter[str]
    usual: list[float]
    admitted: list[float]
    door: list[float]
    queued: list[float]
    recovery: float
    without_retry_after: int

    @property
    def admitted_by_usual(self) -> float:
        """The p99 of who was let in, in usual ones."""
        return quantile(self.admitted, 0.99) / quantile(self.usual, 0.99)


def overloaded(busy: Busy, over_s: float) -> Overload:
    """Before, meanwhile and after: so many seconds each."""
    usual, _ = _sent(busy, USUAL, over_s)
    over, ended = _sent(busy, OVER, over_s)
    after, _ = _sent(busy, USUAL, over_s)
    longest = AS_USUAL * quantile(usual.seconds("200"), 0.99)
    refused = [each for each in over.answers if each.outcome == "429"]
    late = [each.ended - ended for each in after.answers if each.outcome != "200" or each.seconds > longest]
    return Overload(
        lasted=over_s,
        usual_outcomes=usual.outcomes,
        outcomes=over.outcomes,
        usual=usual.seconds("200"),
        admitted=over.seconds("200"),
        door=sorted(each.seconds for each in refused if not _waited(each)),
        queued=sorted(each.seconds for each in refused if _waited(each)),
        recovery=max(late, default=0.0),
        without_retry_after=sum(not each.retry_after for each in refused),
    )


def deployed(flowstead: Installation, folder: Path, shape: Shape) -> Busy:
    """The endpoint `busy`."""
    flowstead.run("model", "create", "--name", "waits", "--path", str(write_flow(folder / "flow", WAITS)))
    settings = {"maxConcurrentRequestsPerInstance": shape.places}
    properties = {"model": f"{WORKSPACE}/models/waits/versions/1", "requestSettings": settings}
    body = {"sku": {"name": "Default", "capacity": shape.instances}, "properties": properties}
    flowstead.api("PUT", "/onlineEndpoints/busy", {"properties": {"authMode": "Key"}}).raise_for_status()
    flowstead.api("PUT", "/onlineEndpoints/busy/deployments/blue", body).raise_for_status()

    def state() -> str:
        shown = flowstead.api("GET", "/onlineEndpoints/busy/deployments/blue").json()
        return str(shown["properties"]["provisioningState"])

    eventually("it is there", lambda: state() == "Succeeded", within=90)
    split = {"properties": {"authMode": "Key", "traffic": {"blue": 100}}}
    flowstead.api("PUT", "/onlineEndpoints/busy", split).raise_for_status()
    key = flowstead.keys("busy")["primaryKey"]
    eventually("it answers", lambda: flowstead.score("busy", {"text": "x"}, key).status_code == 200)
    return Busy(f"{flowstead.url}/endpoints/busy/score", key, shape.capacity)


def _sent(busy: Busy, share: float, seconds: float) -> tuple[Traffic, float]:
    """So many times what it can do; when the last was sent, on the monotonic clock."""
    with Traffic(busy.url, busy.key, rate=share * busy.capacity, callers=MANY) as traffic:
        time.sleep(seconds)
        ended = time.monotonic()
    return traffic, ended


def _waited(answer: Answer) -> bool:
    """Refused after its time in the queue, not at the door."""
    return answer.seconds > 0.4
