"""Traffic, request settings and instance counts are changed through the REST API while callers keep coming: none of
them notices, and each change is in force when its operation has ended."""

from __future__ import annotations

import json
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.installation import FULL, Installation, eventually, write_flow
from tests.steady_traffic import RATE, Traffic

FLOW = """\
import asyncio

from promptflow.core import tool


@tool
async def say(text: str) -> str:
    if text == "nap":
        await asyncio.sleep(1.2)
    if text.startswith("note for "):
        print(text)
    return "COLOUR"
"""
ENDPOINT = "/onlineEndpoints/moving"
BLUE = f"{ENDPOINT}/deployments/blue"
CHANGES = 200
ASKED = 10
"""Requests after each change, whose answers are counted."""
SPLIT_REQUESTS = 10_000
SPLITS: tuple[tuple[int, dict[str, int]], ...] = (
    # (blue's share, mirror)
    (100, {}),
    (50, {}),
    (0, {}),
    (0, {"blue": 50}),
    (90, {}),
    (100, {"green": 30}),
)


class Site:
    """The endpoint `moving` with its deployments blue and green, and a client of the management API."""

    def __init__(self, flowstead: Installation, folder: Path) -> None:
        self.flowstead, self.api = flowstead, flowstead.client()
        for colour in ("blue", "green"):
            flow = write_flow(folder / colour, FLOW.replace("COLOUR", colour))
            flowstead.run("deploy", str(flow), "--endpoint", "moving", "--deployment", colour)
        self.key = flowstead.keys("moving")["primaryKey"]
        self.url = f"{flowstead.url}/endpoints/moving/score"
        self.callers = httpx.Client(headers={"Authorization": f"Bearer {self.key}"}, timeout=60)

    def ask(self, text: str = "x", **headers: str) -> httpx.Response:
        return self.callers.post(self.url, json={"text": text}, headers=headers)

    def crowd(self, callers: int) -> Counter[int]:
        """The statuses that callers get who come at once and ask for what takes its time."""
        with ThreadPoolExecutor(callers) as pool:
            return Counter(pool.map(lambda _: self.ask("nap").status_code, range(callers)))

    def has_noted(self, deployment: str, count: float) -> bool:
        """Whether so many copies reached it of the requests that are sent while they are mirrored to it."""
        answer = self.api.post(f"{ENDPOINT}/deployments/{deployment}/getLogs", json={"tail": 5000})
        return str(answer.json()["content"]).count(f"note for {deployment}") >= count

    def split(self, blue: int, mirror: dict[str, int]) -> float:
        """All that blue does not get is green's. Seconds that the change took."""
        none = {"blue": 0, "green": 0}
        shares = {"blue": blue, "green": 100 - blue}
        return self.change(ENDPOINT, {"properties": {"traffic": shares, "mirrorTraffic": none | mirror}})

    def change(self, path: str, body: dict[str, Any]) -> float:
        """Patch and wait for the operation's end. Seconds that it took."""
        began = time.monotonic()
        answer = self.api.patch(path, json=body)
        assert answer.status_code == 200, answer.text
        operation = answer.headers["Azure-AsyncOperation"]

        def ended() -> str:
            status = self.api.get(operation).json()["status"]
            return "" if status == "InProgress" else str(status)

        while not (status := ended()):
            assert time.monotonic() - began < 60, f"{body}: not within 60 s"
            time.sleep(0.01)
        assert status == "Succeeded", self.api.get(operation).text
        return time.monotonic() - began


@pytest.fixture(scope="module")
def site(flowstead: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(flowstead, tmp_path_factory.mktemp("moving"))
    yield site
    site.callers.close()
    site.api.close()


def within(share: float, count: int) -> tuple[float, float]:
    """Four standard deviations about what is expected."""
    allowed = 4 * (count * share * (1 - share)) ** 0.5
    return count * share - allowed, count * share + allowed


def test_traffic_is_changed_again_and_again(site: Site) -> None:
    times, answered = [], [Counter[str]() for _ in SPLITS]
    with Traffic(site.url, site.key) as traffic:
        traffic.passes(RATE, "traffic flows")
        for number in range(CHANGES):
            blue, mirror = SPLITS[number % len(SPLITS)]
            times.append(site.split(blue, mirror))
            text = " ".join(f"note for {shadow}" for shadow in mirror) or "x"
            seen = Counter(site.ask(text).headers["azureml-model-deployment"] for _ in range(ASKED))
            assert (blue > 0 or not seen["blue"]) and (blue < 100 or not seen["green"]), "it is in force"
            answered[number % len(SPLITS)] += seen
    print(f"\n{CHANGES} traffic changes under {RATE} requests/s: {dict(traffic.outcomes)}")
    print(f"a change took {statistics.median(times) * 1000:.0f} ms (median), {max(times) * 1000:.0f} ms at most")
    assert set(traffic.outcomes) == {"200"}
    for (blue, mirror), seen in zip(SPLITS, answered, strict=True):
        low, high = within(blue / 100, seen.total())
        assert low <= seen["blue"] <= high, f"{blue} % of {seen.total()} are blue's: {dict(seen)}"
        for shadow, percent in mirror.items():
            low, high = within(percent / 100, seen.total())
            eventually(f"copies reach {shadow}", partial(site.has_noted, shadow, low))
            assert not site.has_noted(shadow, high), f"{percent} % of {seen.total()} are mirrored to {shadow}"
    site.split(100, {})


@pytest.mark.parametrize("blue", [90, 50])
def test_a_split_that_the_api_sets_is_kept_to(site: Site, blue: int) -> None:
    """Through all of the product: a change by REST, then what callers get."""
    site.split(blue, {})
    callers = 8
    door, headers = urlsplit(site.url), {"Authorization": f"Bearer {site.key}"}

    def ask(_: int) -> Counter[str]:
        """By a plain connection, which costs a fifth of a client's with comforts."""
        seen = Counter[str]()
        with closing(HTTPConnection(door.netloc, timeout=60)) as connection:
            for _ in range(SPLIT_REQUESTS // callers):
                connection.request("POST", door.path, b'{"text": "x"}', headers)
                answer = connection.getresponse()
                said = json.loads(answer.read())["said"]
                assert (answer.status, answer.headers["azureml-model-deployment"]) == (200, said)
                seen[said] += 1
        return seen

    with ThreadPoolExecutor(callers) as pool:
        seen = sum(pool.map(ask, range(callers)), Counter[str]())
    print(f"\n{blue}/{100 - blue} over {SPLIT_REQUESTS}: {dict(seen)}")
    assert seen.total() == SPLIT_REQUESTS
    low, high = within(blue / 100, SPLIT_REQUESTS)
    assert low < seen["blue"] < high
    site.split(100, {})


def test_request_settings_are_changed_and_in_force(site: Site) -> None:
    """Time-out, concurrency and queue, at the instance and at the gateway, by what callers see."""

    def settings(timeout: str, concurrency: int, wait: str) -> dict[str, Any]:
        named = {"requestTimeout": timeout, "maxConcurrentRequestsPerInstance": concurrency, "maxQueueWait": wait}
        return {"properties": {"requestSettings": named}}

    with Traffic(site.url, site.key) as traffic:
        traffic.passes(RATE, "traffic flows")
        site.change(BLUE, settings("PT0.5S", 12, "PT5S"))
        traffic.passes(RATE, "traffic goes on")
    assert site.ask("nap").status_code == 408, "it takes longer than the new time-out"
    site.change(BLUE, settings("PT20S", 2, "PT0S"))
    assert site.ask("nap").status_code == 200, "the time-out is longer again"
    assert site.crowd(6) == {200: 2, 429: 4}, "two run, none waits"
    site.change(BLUE, settings("PT20S", 2, "PT2S"))
    assert site.crowd(5) == {200: 4, 429: 1}, "two wait for those who run, a fifth in vain"
    assert site.crowd(20)[429] >= 16, "more than run and wait are refused"
    with Traffic(site.url, site.key) as more:
        site.change(BLUE, settings("PT90S", 10, "PT0.5S"))
        more.passes(RATE, "traffic goes on")
    print(f"\nrequest settings changed under {RATE} requests/s: {dict(traffic.outcomes + more.outcomes)}")
    assert set(traffic.outcomes) == {"200"}


def test_instances_come_and_go(site: Site) -> None:
    with Traffic(site.url, site.key) as traffic:
        traffic.passes(RATE, "traffic flows")
        for count in (3, 1, 2, 1) if FULL else (3, 1):
            site.change(BLUE, {"sku": {"capacity": count}})
            shown = site.api.get(BLUE).json()
            assert shown["sku"]["capacity"] == count
            traffic.passes(RATE, f"traffic goes on with {count}")
            running = [i for i in site.flowstead.json("status")["instances"] if i["endpoint"] == "moving"]
            assert len([each for each in running if each["deployment"] == "blue"]) == count
    print(f"\ninstances changed under {RATE} requests/s: {dict(traffic.outcomes)}")
    assert set(traffic.outcomes) == {"200"}


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"traffic": {"blue": 60, "green": 60}}, "120 %"),
        ({"traffic": {"blue": 50, "green": 0}}, "50 %"),
        ({"traffic": {"red": 100, "blue": 0}}, "red"),
        ({"mirrorTraffic": {"green": 51}}, "51 %"),
        ({"mirrorTraffic": {"blue": 10}}, "at once"),
        ({"traffic": {"blue": 50, "green": 50}, "mirrorTraffic": {"green": 10}}, "at once"),
    ],
)
def test_combinations_that_azure_refuses_change_nothing(site: Site, properties: dict[str, Any], said: str) -> None:
    before = site.api.get(ENDPOINT).json()["properties"]["traffic"]
    answer = site.api.patch(ENDPOINT, json={"properties": properties})
    assert answer.status_code == 400, answer.text
    assert said in answer.json()["error"]["message"]
    assert site.api.get(ENDPOINT).json()["properties"]["traffic"] == before
    assert site.ask().status_code == 200


def test_a_deployment_with_live_traffic_cannot_be_deleted(site: Site) -> None:
    refused = site.api.delete(BLUE)
    assert refused.status_code == 400, refused.text
    assert "traffic" in refused.json()["error"]["message"]
    assert site.ask(**{"azureml-model-deployment": "blue"}).status_code == 200


def test_a_deployment_goes_under_load_once_nothing_is_mirrored_to_it(site: Site) -> None:
    path = f"{ENDPOINT}/deployments/green"
    site.split(100, {"green": 50})
    refused = site.api.delete(path)
    assert refused.status_code == 400, refused.text
    assert "mirrored" in refused.json()["error"]["message"]
    with Traffic(site.url, site.key) as traffic:
        traffic.passes(RATE, "traffic flows")
        site.split(100, {})
        assert site.api.delete(path).status_code == 202
        eventually("green is gone", lambda: site.api.get(path).status_code == 404)
        traffic.passes(RATE, "traffic goes on")
    assert set(traffic.outcomes) == {"200"}
    gone = site.ask(**{"azureml-model-deployment": "green"})
    assert (gone.status_code, "green" in gone.json()["error"]["message"]) == (404, True)
