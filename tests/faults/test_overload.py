"""Three times what a deployment can do: who is let in is served as before, who is not is told so at once, and when it
is over it is over."""

from __future__ import annotations

import time
from pathlib import Path

from tests.installation import FULL, WORKSPACE, Installation, eventually, write_flow
from tests.steady_traffic import Answer, Traffic, quantile

WAITS = """\
import asyncio

from promptflow.core import tool


@tool
async def say(text: str) -> str:
    await asyncio.sleep(0.25)
    return text
"""
PLACES, QUEUE, ANSWER_S = 10, 10, 0.25
"""Of the one instance; the queue is Azure's."""
CAPACITY = PLACES / ANSWER_S
OVER_S = 30 if FULL else 5
MANY = 1000
DOOR_S = 0.05
RECOVERY_S = 2.0


def test_three_times_its_capacity(own_flowstead: Installation, tmp_path: Path) -> None:
    url, key = _deployed(own_flowstead, tmp_path)
    with Traffic(url, key, rate=0.8 * CAPACITY, callers=MANY) as normal:
        time.sleep(OVER_S)
    assert set(normal.outcomes) == {"200"}, normal.outcomes
    usual = quantile(normal.seconds("200"), 0.99)

    with Traffic(url, key, rate=3 * CAPACITY, callers=MANY) as over:
        time.sleep(OVER_S)
    ended = time.monotonic()
    with Traffic(url, key, rate=0.8 * CAPACITY, callers=MANY) as after:
        time.sleep(OVER_S)

    admitted, refused = over.seconds("200"), over.seconds("429")
    door = sorted(each.seconds for each in over.answers if each.outcome == "429" and not _waited(each))
    late = [each.ended - ended for each in after.answers if each.outcome != "200" or each.seconds > 2.5 * usual]
    print(
        f"\ncapacity {CAPACITY:.0f}/s, usual p99 {usual * 1000:.0f} ms; at three times of it for {OVER_S} s: "
        f"{len(admitted) / OVER_S:.0f}/s admitted, p50 {quantile(admitted, 0.5) * 1000:.0f} ms, "
        f"p99 {quantile(admitted, 0.99) * 1000:.0f} ms ({quantile(admitted, 0.99) / usual:.2f} times); "
        f"{len(refused)} refused, {len(door)} of them at the door, p50 {quantile(door, 0.5) * 1000:.1f} ms, "
        f"p99 {quantile(door, 0.99) * 1000:.1f} ms; as usual {max(late, default=0.0):.2f} s after it"
    )
    assert set(over.outcomes) == {"200", "429"}, over.outcomes
    assert all(each.retry_after for each in over.answers if each.outcome == "429")
    assert len(admitted) / OVER_S > 0.85 * CAPACITY, "refusing must not cost what it is to save"
    assert quantile(admitted, 0.99) <= 2.5 * usual
    assert quantile(door, 0.95 if FULL else 0.5) < DOOR_S
    assert max(late, default=0.0) <= RECOVERY_S


def _waited(answer: Answer) -> bool:
    """Refused after its time in the queue, not at the door."""
    return answer.seconds > 0.4


def _deployed(flowstead: Installation, folder: Path) -> tuple[str, str]:
    flowstead.run("model", "create", "--name", "waits", "--path", str(write_flow(folder / "flow", WAITS)))
    settings = {"maxConcurrentRequestsPerInstance": PLACES}
    body = {"properties": {"model": f"{WORKSPACE}/models/waits/versions/1", "requestSettings": settings}}
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
    return f"{flowstead.url}/endpoints/busy/score", key
