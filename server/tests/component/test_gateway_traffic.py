"""Where requests go: split, pin and mirror, by a real Envoy before real instances."""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection
from typing import Any

import pytest

from server.tests.component.gateway_world import MODES, World, error_of, new_world
from tests.installation import FULL

SOON_S = 0.1
"""How soon a change is in force with up to ten endpoints, on a machine that has nothing else to do."""
SHARES = {"blue": 0.5, "green": 0.3, "shadow": 0.2}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with new_world() as world:
        yield world


def within(share: float, count: int) -> tuple[float, float]:
    """Four standard deviations about what is expected."""
    allowed = 4 * (count * share * (1 - share)) ** 0.5
    return count * share - allowed, count * share + allowed


@pytest.mark.parametrize("mode", MODES if FULL else MODES[:1])
def test_the_split_is_as_wanted(world: World, mode: str) -> None:
    callers, each = 4, 2_500
    headers = {"Authorization": f"Bearer {world.credential(mode)}"}

    def ask(_: int) -> Counter[str]:
        """By a plain connection, which costs a fifth of a client's with comforts."""
        seen = Counter[str]()
        with closing(HTTPConnection("127.0.0.1", world.port, timeout=30)) as connection:
            for _ in range(each):
                connection.request("POST", f"/endpoints/{mode}-split/score", b"{}", headers)
                answer = connection.getresponse()
                answer.read()
                seen[answer.headers["azureml-model-deployment"]] += answer.status == 200
        return seen

    with ThreadPoolExecutor(callers) as pool:
        seen = sum(pool.map(ask, range(callers)), Counter[str]())
    print(f"of {callers * each}: {dict(seen)}")
    assert seen.total() == callers * each
    for name, share in SHARES.items():
        low, high = within(share, callers * each)
        assert low < seen[name] < high


@pytest.mark.parametrize("mode", MODES)
def test_the_mirror_gets_its_share_of_scoring_requests_and_its_answers_are_dropped(world: World, mode: str) -> None:
    count, key = 400, world.credential(mode)
    shadow = world.instances["shadow"].requests
    before = len(shadow)
    for _ in range(count):
        answer = world.ask(f"/endpoints/{mode}-mirrored/score", key)
        assert (answer.json()["name"], answer.headers["azureml-model-deployment"]) == ("blue", "blue")
    low, high = within(0.5, count)
    world.eventually("the mirrored requests arrive", lambda: len(shadow) - before > low)
    print(f"mirrored {len(shadow) - before} of {count}")
    assert len(shadow) - before < high
    assert {each["path"] for each in shadow[before:]} == {"/score"}


@pytest.mark.parametrize(
    ("path", "headers"),
    [("score", {"azureml-model-deployment": "blue"}), ("version", {}), ("feedback", {}), ("admin", {})],
)
def test_what_names_a_deployment_or_is_no_scoring_is_not_mirrored(
    world: World, path: str, headers: dict[str, str]
) -> None:
    shadow = world.instances["shadow"]

    def arrived() -> int:
        """After a request of our own: what was sent before it has arrived, too."""
        pin = {"azureml-model-deployment": "shadow"}
        assert world.ask("/endpoints/alpha-split/version", "alpha-1", headers=pin).status_code == 200
        return len(shadow.requests)

    before = arrived()
    for _ in range(40):
        world.ask(f"/endpoints/alpha-mirrored/{path}", "alpha-1", headers=headers)
    assert arrived() == before + 1


@pytest.mark.parametrize(
    ("endpoint", "asked", "answering", "mirror"),
    [
        ("mirrored-to-image", "score", "/score", "/a%20b"),
        ("mirrored-from-image", "score", "/v1/models/m:predict", "/score"),
        ("mirrored-from-image", "v1/models/m:predict", "/v1/models/m:predict", "/score"),
        ("mirrored-by-images", "score", "/v1/models/m:predict", "/a%20b"),
    ],
)
def test_a_mirrored_request_gets_the_path_on_which_the_mirror_scores(
    world: World, endpoint: str, asked: str, answering: str, mirror: str
) -> None:
    query = f"of={uuid.uuid4().hex}"

    def mirrored() -> list[dict[str, Any]]:
        return [each for each in world.instances["shadow"].requests if each["query"] == query]

    for _ in range(40):
        taken = {"x-flowstead-mirror-path": "/elsewhere"}
        answer = world.ask(f"/endpoints/{endpoint}/{asked}?{query}", "K", content=b"12345", headers=taken)
        assert (answer.json()["name"], answer.json()["path"]) == ("blue", answering)
    world.eventually("mirrored requests arrive", lambda: len(mirrored()) > 5)
    assert {(each["raw_path"], each["bytes"]) for each in mirrored()} == {(mirror, 5)}
    assert "x-flowstead-mirror-path" not in {name for each in mirrored() for name in each["headers"]}


@pytest.mark.parametrize("endpoint", ["mirrored-slow", "mirrored-narrow", "alpha-mirrored"])
def test_a_mirror_that_is_slow_or_fails_hurts_no_caller(world: World, endpoint: str) -> None:
    """Slower than its time-out, with room for one request, and failing every one."""
    shadow, blue = world.instances["shadow"], world.instances["blue"]
    before, asked = len(shadow.requests), len(blue.requests)
    shadow.delay_s, shadow.status = (1.0, 200) if endpoint.startswith("mirrored") else (0.0, 500)
    longest = 0.0
    try:
        for _ in range(100):
            began = time.monotonic()
            assert world.ask(f"/endpoints/{endpoint}/score", world.credential(endpoint)).status_code == 200
            longest = max(longest, time.monotonic() - began)
        world.eventually("something was mirrored", lambda: len(shadow.requests) > before)
    finally:
        shadow.delay_s, shadow.status = 0.0, 200
    print(f"{endpoint}: the slowest of 100 took {longest * 1000:.0f} ms; mirrored {len(shadow.requests) - before}")
    assert longest < 0.9
    assert len(blue.requests) == asked + 100


@pytest.mark.parametrize("endpoint", ["mirrored-dead", "mirrored-empty", "mirrored-gone", "mirrored-halted"])
def test_a_mirror_that_is_not_there_hurts_no_caller(world: World, endpoint: str) -> None:
    began = time.monotonic()
    for _ in range(100):
        assert world.ask(f"/endpoints/{endpoint}/score", "K").status_code == 200
    print(f"100 with a mirror that is not there took {time.monotonic() - began:.2f} s")
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("mode", MODES)
def test_a_pin_goes_past_the_split_and_the_answer_names_the_deployment(world: World, mode: str) -> None:
    key = world.credential(mode)
    for name in (*SHARES, *SHARES):
        answer = world.ask(f"/endpoints/{mode}-split/score", key, headers={"azureml-model-deployment": name})
        assert (answer.json()["name"], answer.headers["azureml-model-deployment"]) == (name, name)
    green = world.ask(f"/endpoints/{mode}/score", key, headers={"azureml-model-deployment": "green"})
    assert green.json()["name"] == "green", "though it has no share"
    assert "azureml-model-deployment" not in green.json()["headers"]


def test_a_change_is_in_force_at_once_with_ten_endpoints() -> None:
    """From the moment that the gateway is told until a caller is answered by it. Other work on the machine may make
    some changes slower, so the median is bound generously, and the quickest as on a machine of its own."""
    with new_world() as world:
        split = next(each for each in world.endpoints if each.name == "alpha-split")
        times = []
        for number in range(20):
            name = ("blue", "green")[number % 2]
            changed = [replace(split, name=f"e{n}", traffic={name: 100}) for n in range(10)]
            began = time.monotonic()
            world.gateway.publish(changed)
            answer = world.ask("/endpoints/e9/score", "alpha-1")
            times.append(time.monotonic() - began)
            assert (answer.status_code, answer.json()["name"]) == (200, name)
    times = sorted(times[1:])  # the first one makes the ten endpoints
    print(f"a change took {times[0] * 1000:.0f} to {times[-1] * 1000:.0f} ms")
    assert times[0] < SOON_S
    assert times[len(times) // 2] < 5 * SOON_S


def test_a_stopped_deployment_says_how_it_is_started(world: World) -> None:
    answer = world.ask("/endpoints/halted/score", "K")
    error = error_of(answer)
    assert (answer.status_code, error["code"]) == (503, "DeploymentStopped")
    assert "flowstead online-deployment start --name halted --endpoint-name halted" in error["message"]
    assert answer.headers["azureml-model-deployment"] == "halted"
    assert world.ask("/endpoints/halted/score", "K", headers={"azureml-model-deployment": "blue"}).status_code == 200


def test_nobody_without_a_key_learns_that_it_is_stopped(world: World) -> None:
    refused = world.ask("/endpoints/halted/score", "another")
    assert (refused.status_code, "halted" in refused.text) == (401, False)
    assert "azureml-model-deployment" not in refused.headers


@pytest.mark.parametrize("host", ["", "Host: localhost\r\n"])
def test_who_speaks_http_1_0_is_answered(world: World, host: str) -> None:
    key = world.credential(MODES[0])
    words = f"POST /endpoints/{MODES[0]}-mirrored/score HTTP/1.0\r\n{host}Authorization: Bearer {key}\r\n"
    with closing(socket.create_connection(("127.0.0.1", world.port), timeout=30)) as connection:
        connection.sendall(f"{words}Content-Length: 2\r\n\r\n{{}}".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 OK"), head
    assert json.loads(body)["name"] == "blue"
