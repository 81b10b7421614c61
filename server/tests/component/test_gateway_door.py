"""What callers see at the door: a real Envoy before real instances."""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import pytest

from flowstead.gateway.description import GatewayDeployment, GatewayEndpoint, Upstream
from flowstead.gateway.paths import ORIGIN_WIDE_HEADERS
from server.tests.component.gateway_world import DOMAIN, LIMIT, MODES, World, error_of, new_world

_PATIENCE_S = 15.0
_GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with new_world() as world:
        yield world


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/openapi.json"),
        ("GET", "/metadata/endpoints?api-version=1"),
        ("PUT", "/subscriptions/0/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"),
        ("POST", "/tenant/oauth2/v2.0/token"),
        ("PUT", "/storage/azureml/a%2Fb//c?sig=s"),
        ("GET", "/endpointsmore"),
    ],
)
def test_everything_else_goes_to_the_api_untouched(world: World, method: str, path: str) -> None:
    body = b"x" * (LIMIT + 1) if method == "PUT" else b""
    answer = world.ask(path, "token", method, content=body, headers={"cookie": "s=1"})
    assert answer.status_code == 200
    seen = answer.json()
    assert (seen["name"], seen["bytes"]) == ("api", len(body))
    assert seen["headers"]["authorization"] == "Bearer token"
    assert seen["headers"]["cookie"] == "s=1"
    assert answer.headers["set-cookie"] == "session=stolen"
    assert "content-security-policy" not in answer.headers


def test_the_instance_sees_its_own_path_and_no_secret(world: World) -> None:
    sent = {"cookie": "session=1", "api-key": "alpha-2", "x-flowstead-client": "forged", "x-forwarded-for": "9.9.9.9"}
    answer = world.ask("/endpoints/alpha/score?a=b", "alpha-1", content=b"hello", headers=sent)
    seen = answer.json()
    assert (seen["method"], seen["path"], seen["query"], seen["bytes"]) == ("POST", "/score", "a=b", 5)
    assert {"authorization", "api-key", "cookie", "azureml-model-deployment"}.isdisjoint(seen["headers"])
    assert seen["headers"]["x-flowstead-client"] == "primary"
    assert "9.9.9.9" not in seen["headers"]["x-forwarded-for"]


def test_the_browser_is_kept_from_taking_an_answer_for_a_page(world: World) -> None:
    orders = {
        **dict.fromkeys(ORIGIN_WIDE_HEADERS, "x"),
        "content-security-policy": "default-src *",
        "x-content-type-options": "sniff",
        "content-type": "text/html",
    }
    world.instances["blue"].headers = orders
    try:
        flow = world.ask("/endpoints/alpha/score", "alpha-1")
        stream = world.ask("/endpoints/alpha/score?events=1", "alpha-1")
        mirrored = world.ask("/endpoints/alpha-mirrored/score", "alpha-1")
        failed = world.ask("/endpoints/slow/score?sleep=3", "K")
    finally:
        world.instances["blue"].headers = {}
    assert flow.headers["content-type"] == "text/html"
    own = [
        failed,
        world.ask("/endpoints/alpha/score"),
        world.ask("/endpoints/alpha/score", "alpha-1", headers={"azureml-model-deployment": "empty"}),
        world.ask("/endpoints/alpha/", "alpha-1"),
        world.ask("/endpoints/nothing/score"),
        world.ask("/endpoints/alpha/score", "alpha-1", content=b"x" * (LIMIT + 1)),
    ]
    assert [answer.status_code for answer in own] == [408, 401, 503, 404, 404, 413]
    for answer in (flow, stream, mirrored, *own):
        assert not (set(ORIGIN_WIDE_HEADERS) - {"www-authenticate"}) & set(answer.headers)
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
        [policy] = answer.headers.get_list("content-security-policy")
        assert policy.startswith("sandbox; default-src 'none'; ")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "x-envoy-upstream-service-time" not in answer.headers
        assert answer.headers.get("www-authenticate") == ("Bearer" if answer.status_code == 401 else None)


def test_no_instance_sees_what_a_browser_signs_in_with(world: World) -> None:
    """Not by a pin, a split, a mirror or a host either."""
    signed_in = {"cookie": "flowstead-1=secret; a=b", "x-csrf-token": "secret", "origin": "http://evil.test"}
    asked = [
        ("/endpoints/alpha/score", {}),
        ("/endpoints/alpha/feedback", {}),
        ("/endpoints/alpha/score", {"azureml-model-deployment": "green"}),
        ("/score", {"host": f"alpha.{DOMAIN}"}),
        *[("/endpoints/alpha-mirrored/score", {})] * 20,
    ]
    before = len(world.instances["shadow"].requests)
    for path, more in asked:
        assert world.ask(path, "alpha-1", headers=signed_in | more).status_code == 200
    world.eventually("a mirrored request has come", lambda: len(world.instances["shadow"].requests) > before)
    for instance in ("blue", "green", "shadow"):
        for request in world.instances[instance].requests:
            assert "secret" not in str(request["headers"]), (instance, request["path"])


def test_a_cookie_opens_no_endpoint(world: World) -> None:
    for endpoint in MODES:
        answer = world.ask(f"/endpoints/{endpoint}/score", headers={"cookie": "flowstead-1=secret"})
        assert answer.status_code == 401


def test_orders_to_envoy_are_not_taken_from_callers(world: World) -> None:
    orders = {
        "x-envoy-upstream-rq-per-try-timeout-ms": "1",
        "x-envoy-upstream-rq-timeout-ms": "1",
        "x-envoy-retry-on": "5xx",
        "x-envoy-original-path": "/forged",
    }
    answer = world.ask("/endpoints/alpha/score?sleep=0.1", "alpha-1", headers=orders)
    assert answer.status_code == 200
    assert answer.json()["headers"]["x-envoy-original-path"].startswith("/endpoints/alpha/score")
    assert "x-envoy-retry-on" not in answer.json()["headers"]


def test_request_ids(world: World) -> None:
    kept = world.ask("/endpoints/alpha/score", "alpha-1", headers={"x-request-id": _GUID})
    assert kept.headers["x-request-id"] == kept.json()["headers"]["x-request-id"] == _GUID
    for given in ({}, {"x-request-id": "no-guid"}, {"x-request-id": f"{_GUID}0"}, {"x-request-id": ""}):
        answer = world.ask("/endpoints/alpha/score", "alpha-1", headers=given)
        made = answer.headers["x-request-id"]
        assert str(uuid.UUID(made)) == made != _GUID
        assert answer.json()["headers"]["x-request-id"] == made
    assert world.ask("/endpoints/nothing/score", headers={"x-request-id": _GUID}).headers["x-request-id"] == _GUID


@pytest.mark.parametrize(
    ("given", "kept"),
    [("Order-7_a", "Order-7_a"), ("c" * 50, "c" * 40), ("no blanks", None), ("ümlaut".encode(), None), ("", None)],
)
def test_a_client_s_own_request_id(world: World, given: str | bytes, kept: str | None) -> None:
    """Letters, digits, dashes and underscores, cut to 40; on answers of the gateway's own too."""
    headers: dict[Any, Any] = {"x-ms-client-request-id": given}
    answer = world.ask("/endpoints/alpha/score", "alpha-1", headers=headers)
    assert answer.json()["headers"].get("x-ms-client-request-id") == kept
    assert answer.headers.get("x-ms-client-request-id") == kept
    for path, key, pin in (
        ("alpha", "", ""),
        ("gamma", "", ""),
        ("alpha", "alpha-1", "dead"),
        ("alpha", "alpha-1", "red"),
    ):
        pinned = headers | ({"azureml-model-deployment": pin} if pin else {})
        answer = world.ask(f"/endpoints/{path}/score", key, headers=pinned)
        assert (answer.status_code, answer.headers.get("x-ms-client-request-id")) == (answer.status_code, kept)


def test_answers_name_the_deployment(world: World) -> None:
    assert world.ask("/endpoints/alpha/score", "alpha-1").headers["azureml-model-deployment"] == "blue"
    for name, status in (("green", 200), ("empty", 503), ("dead", 503)):
        pinned = world.ask("/endpoints/alpha/score", "alpha-1", headers={"azureml-model-deployment": name})
        assert (pinned.status_code, pinned.headers["azureml-model-deployment"]) == (status, name)


def test_a_pin_is_exact(world: World) -> None:
    for name in ("Green", "gree", "green ,", 'a"b\\'):
        answer = world.ask("/endpoints/alpha/score", "alpha-1", headers={"azureml-model-deployment": name})
        assert answer.status_code == 404
        assert name in error_of(answer)["message"]


def test_no_ready_instance_is_503_with_retry_after(world: World) -> None:
    answer = world.ask("/endpoints/alpha/score", "alpha-1", headers={"azureml-model-deployment": "empty"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert error_of(answer)["code"] == "ServiceUnavailable"


@pytest.mark.parametrize("says", [b"", b"NONSENSE\r\n\r\n"])
def test_an_instance_that_breaks_off_is_500_and_asked_once(world: World, says: bytes) -> None:
    """The flow may have run, so nothing says that the request may be repeated."""
    place = str(world.home.run / "broken.s")
    seen: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(place)
        listening.listen()
        listening.settimeout(_PATIENCE_S)

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                seen.append(connection.recv(65536))
                connection.sendall(says)

        broken = Upstream(place, world.instances["blue"].upstream.health_address)
        deployment = GatewayDeployment("broken", (broken,), 30.0, 10)
        world.gateway.publish([*world.endpoints, GatewayEndpoint("broken", ("K",), (deployment,), {"broken": 100})])
        try:
            with ThreadPoolExecutor(1) as pool:
                answering = pool.submit(answer)
                refused = world.ask("/endpoints/broken/score", "K")
                answering.result()
        finally:
            world.gateway.publish(world.endpoints)
            Path(place).unlink()
    assert (refused.status_code, error_of(refused)["code"]) == (500, "InternalServerError")
    assert "retry-after" not in refused.headers
    assert refused.headers["azureml-model-deployment"] == "broken"
    assert len(seen) == 1


def test_the_time_out_is_408_and_bounds_the_first_byte_only(world: World) -> None:
    began = time.monotonic()
    answer = world.ask("/endpoints/slow/score?sleep=3", "K")
    assert (answer.status_code, error_of(answer)["code"]) == (408, "RequestTimeout")
    assert answer.headers["azureml-model-deployment"] == "slow"
    assert 0.35 < time.monotonic() - began < 2.5
    stream = world.ask("/endpoints/slow/score?events=8&gap=0.1", "K")
    assert stream.status_code == 200
    assert stream.text.count("data:") == 8


def test_a_stream_is_passed_on_as_it_comes(world: World) -> None:
    headers = {"api-key": "alpha-1"}
    with world.client.stream("POST", "/endpoints/alpha/score?events=4&gap=0.2", headers=headers) as answer:
        arrivals = [time.monotonic() for _ in answer.iter_raw()]
    assert arrivals[-1] - arrivals[0] > 0.4


def test_a_request_above_the_limit_is_429(world: World) -> None:
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(world.ask, "/endpoints/narrow/score?hold=1", "K") for _ in range(8)]
        early = [answer.result() for answer, _ in zip(as_completed(asked, _PATIENCE_S), range(5), strict=False)]
        assert {answer.status_code for answer in early} == {429}
        world.instances["blue"].release.set()
        answers = [answer.result() for answer in asked]
    assert Counter(answer.status_code for answer in answers) == {200: 3, 429: 5}
    [refused, *_] = [answer for answer in answers if answer.status_code == 429]
    assert error_of(refused)["code"] == "TooManyRequests"
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["azureml-model-deployment"] == "narrow"


def _chunks(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b"x" * 100


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (lambda: b"x" * LIMIT, 200),
        (lambda: b"x" * (LIMIT + 1), 413),
        (lambda: _chunks(LIMIT // 100), 200),
        (lambda: _chunks(LIMIT // 100 + 1), 413),
    ],
)
def test_the_body_limit_holds_with_a_length_and_in_chunks(world: World, body: Callable[[], Any], status: int) -> None:
    answer = world.ask("/endpoints/alpha/score", "alpha-1", content=body())
    assert answer.status_code == status
    if status == 413:
        assert error_of(answer)["code"] == "PayloadTooLarge"
        assert f"over the limit of {LIMIT} bytes" in error_of(answer)["message"]


def test_health_is_asked_every_second_and_a_sick_instance_gets_nothing(world: World) -> None:
    green = world.instances["green"]
    pin = {"azureml-model-deployment": "green"}

    def until(status: int) -> float:
        began = time.monotonic()
        while time.monotonic() - began < _PATIENCE_S:
            if world.ask("/endpoints/alpha/score", "alpha-1", headers=pin).status_code == status:
                return time.monotonic() - began
            time.sleep(0.02)
        raise AssertionError(f"no {status} within {_PATIENCE_S} s")

    assert until(200) < 1.0
    before = green.checks
    green.healthy = False
    try:
        print(f"taken out after {until(503):.2f} s")
        assert green.checks > before
    finally:
        green.healthy = True
    print(f"back after {until(200):.2f} s")
    assert not any(request["headers"].get("host") == "health" for request in green.requests)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: localhost\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", 431),
    ],
)
def test_what_is_no_http_gets_json_too(world: World, sent: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", world.port), timeout=_PATIENCE_S) as connection:
        connection.sendall(sent)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status}".encode())
    assert set(json.loads(body)["error"]) == {"code", "message"}


def test_the_access_log_tells_all_but_secrets(world: World) -> None:
    marker = uuid.uuid4()
    path = "/endpoints/alpha/score?code=hunter2"
    world.ask(path, "alpha-2", headers={"x-request-id": str(marker), "cookie": "hunter2", "user-agent": "t"})
    log = Path(world.door.access_log)
    give_up_at = time.monotonic() + _PATIENCE_S
    lines: list[str] = []
    while not lines and time.monotonic() < give_up_at:
        time.sleep(0.05)
        lines = [line for line in log.read_text().splitlines() if str(marker) in line]
    entry = json.loads(lines[0])
    expected = {"path": "/endpoints/alpha/score", "endpoint": "alpha", "deployment": "blue", "status": 200}
    assert expected.items() <= entry.items()
    assert (entry["key"], entry["method"], entry["user_agent"]) == ("secondary", "POST", "t")
    written = log.read_text() + (world.home.logs / "gateway.log").read_text()
    for secret in ("hunter2", "alpha-1", "alpha-2", "beta-1"):
        assert secret not in written


def test_without_the_api_endpoints_go_on() -> None:
    """A world of its own, whose API ends: its sockets close, so no connection that Envoy has kept answers still."""
    with new_world() as world:
        assert world.ask("/", method="GET").status_code == 200
        world.instances["api"].__exit__(None, None, None)
        answer = world.ask("/", method="GET")
        assert answer.status_code == 503
        assert "server does not answer" in error_of(answer)["message"]
        for endpoint in MODES:
            assert world.ask(f"/endpoints/{endpoint}/score", world.credential(endpoint)).status_code == 200
