"""How many requests a second are let through, by a real Envoy."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from flowstead.gateway.description import GatewayDeployment, GatewayEndpoint
from flowstead.gateway.process import EnvoyGateway
from server.tests.component.gateway_world import DOMAIN, World, error_of, new_world

RATE = 5
PIN = {"azureml-model-deployment": "green"}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with new_world() as world:
        blue = GatewayDeployment("blue", (world.instances["blue"].upstream,), 30.0, 500)
        green = GatewayDeployment("green", (world.instances["green"].upstream,), 30.0, 500, requests_per_second=RATE)
        shares = {"blue": 100}
        world.gateway.publish(
            (
                GatewayEndpoint("rated", ("K",), (blue,), shares, requests_per_second=RATE),
                GatewayEndpoint("pinned", ("K",), (replace(blue, requests_per_second=0), green), shares),
                GatewayEndpoint("free", ("K",), (blue,), shares),
            )
        )
        yield world


def _burst(world: World, endpoint: str, count: int, headers: dict[str, str] | None = None) -> Counter[int]:
    time.sleep(1.1)  # a bucket that others have drawn from is full again
    return Counter(
        world.ask(f"/endpoints/{endpoint}/score", "K", headers=headers or {}).status_code for _ in range(count)
    )


def test_what_is_beyond_the_rate_is_told_to_come_again(world: World) -> None:
    began = time.monotonic()
    seen = _burst(world, "rated", 40)
    allowed = RATE * (time.monotonic() - began) + RATE
    assert set(seen) == {200, 429}
    assert RATE <= seen[200] <= allowed
    answer = world.ask("/endpoints/rated/score", "K")
    while answer.status_code == 200:
        answer = world.ask("/endpoints/rated/score", "K")
    error = error_of(answer)
    assert (error["code"], "requestsPerSecond" in error["message"]) == ("TooManyRequests", True)
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["x-request-id"]


def test_all_ways_to_an_endpoint_draw_on_the_same_rate(world: World) -> None:
    pin = {"azureml-model-deployment": "blue"}
    began = time.monotonic()
    seen = _burst(world, "rated", 20) + Counter(
        world.ask("/endpoints/rated/score", "K", headers=pin).status_code for _ in range(20)
    )
    assert seen[200] <= RATE * (time.monotonic() - began) + RATE


def test_a_deployment_has_a_rate_of_its_own(world: World) -> None:
    seen = _burst(world, "pinned", 20, headers=PIN)
    assert seen[429]
    assert _burst(world, "pinned", 40) == {200: 40}


def test_nobody_who_is_not_let_in_takes_from_it(world: World) -> None:
    time.sleep(1.1)
    assert {world.ask("/endpoints/rated/score", "wrong").status_code for _ in range(40)} == {401}
    assert world.ask("/endpoints/rated/score", "K").status_code == 200


def test_an_endpoint_without_a_rate_and_the_api_take_any_number(world: World) -> None:
    assert _burst(world, "free", 60) == {200: 60}
    assert Counter(world.ask("/health", method="GET").status_code for _ in range(60)) == {200: 60}


def test_the_door_s_rate_is_for_those_that_say_nothing(world: World) -> None:
    door = replace(world.door, requests_per_second=RATE)
    with httpx.Client(base_url=f"http://127.0.0.1:{world.port}") as client:
        EnvoyGateway(world.home, door).publish(
            (
                GatewayEndpoint("plain", ("K",), (), {}),
                replace(_free(world), requests_per_second=None),
                replace(_free(world), name="open", requests_per_second=0),
            )
        )
        headers = {"authorization": "Bearer K"}
        by_path = Counter(client.post("/endpoints/free/score", headers=headers).status_code for _ in range(30))
        assert by_path[429]
        assert {client.post("/endpoints/open/score", headers=headers).status_code for _ in range(30)} == {200}
        hosted = headers | {"host": f"free.{DOMAIN}"}
        by_host = Counter(client.post("/score", headers=hosted).status_code for _ in range(30))
        assert by_host[429]


def _free(world: World) -> GatewayEndpoint:
    blue = GatewayDeployment("blue", (world.instances["blue"].upstream,), 30.0, 500)
    return GatewayEndpoint("free", ("K",), (blue,), {"blue": 100})
