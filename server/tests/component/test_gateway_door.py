"""What callers see at the door: a real Envoy before real instances."""

from __future__ import annotations

import json
import socket
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead.gateway.description import Door, GatewayDeployment, GatewayEndpoint, Upstream
from flowstead.gateway.process import EnvoyGateway
from flowstead.resources.home import Home
from flowstead.testing.echo_instance import EchoInstance

_LIMIT = 2000
_PATIENCE_S = 15.0
_GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


class World:
    """One gateway with endpoints of every kind, and the instances behind it."""

    def __init__(self, home: Home, stack: ExitStack) -> None:
        names = ("blue", "green", "shadow", "api")
        run = home.run
        self.instances = {name: stack.enter_context(EchoInstance(run, name)) for name in names}
        home.api_socket.symlink_to(self.instances["api"].upstream.address)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.home = home
        self.door = Door("127.0.0.1", self.port, str(home.api_socket), str(home.logs / "access.log"), _LIMIT)
        self.gateway = EnvoyGateway(home, self.door)
        self.gateway.ensure_running()
        stack.callback(self.gateway.stop, 0.0)
        self.endpoints = self._endpoints(str(run))
        self.gateway.publish(self.endpoints)
        self.client = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30))

    def _endpoints(self, run: str) -> tuple[GatewayEndpoint, ...]:
        blue, green, shadow = (
            GatewayDeployment(name, (self.instances[name].upstream,), 30.0, 500) for name in ("blue", "green", "shadow")
        )
        slow = GatewayDeployment("slow", blue.instances, 0.4, 500)
        narrow = GatewayDeployment("narrow", blue.instances, 30.0, 3)
        empty = GatewayDeployment("empty", (), 30.0, 10)
        dead = GatewayDeployment("dead", (Upstream(f"{run}/no.s", f"{run}/no.h"),), 30.0, 10)
        return (
            GatewayEndpoint("alpha", ("alpha-1", "alpha-2"), (blue, green, empty, dead), {"blue": 100}),
            GatewayEndpoint("beta", ("beta-1", "beta-2"), (blue,), {"blue": 100}),
            GatewayEndpoint("locked", (), (blue,), {"blue": 100}),
            GatewayEndpoint("quiet", ("alpha-1", "alpha-2"), (blue,), {"blue": 0}),
            GatewayEndpoint("bare", ("alpha-1", "alpha-2")),
            GatewayEndpoint("split", ("K",), (blue, green, shadow), {"blue": 50, "green": 30, "shadow": 20}),
            GatewayEndpoint("mirrored", ("K",), (blue, shadow), {"blue": 100}, {"shadow": 50}),
            GatewayEndpoint("slow", ("K",), (slow,), {"slow": 100}),
            GatewayEndpoint("narrow", ("K",), (narrow,), {"narrow": 100}),
        )

    def ask(self, path: str, key: str = "", method: str = "POST", **options: Any) -> httpx.Response:
        headers = ({"authorization": f"Bearer {key}"} if key else {}) | options.pop("headers", {})
        return self.client.request(method, path, headers=headers, **options)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory(prefix="fs-") as name, ExitStack() as stack:
        home = Home.at(name)
        home.create()
        yield World(home, stack)


def _error(answer: httpx.Response) -> dict[str, str]:
    """The error of a JSON body in the one shape that all have."""
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    error: dict[str, str] = body["error"]
    assert error["message"]
    return error


CREDENTIALS: dict[str, tuple[dict[str, str], bool]] = {
    "none": ({}, False),
    "empty": ({"authorization": ""}, False),
    "bearer alone": ({"authorization": "Bearer"}, False),
    "wrong": ({"authorization": "Bearer nonsense"}, False),
    "part of the key": ({"authorization": "Bearer alpha-"}, False),
    "other case": ({"authorization": "Bearer ALPHA-1"}, False),
    "other endpoint's": ({"authorization": "Bearer beta-1"}, False),
    "other endpoint's api-key": ({"api-key": "beta-2"}, False),
    "basic": ({"authorization": "Basic alpha-1"}, False),
    "cookie": ({"cookie": "api-key=alpha-1"}, False),
    "forged client": ({"x-flowstead-client": "primary"}, False),
    "primary": ({"authorization": "Bearer alpha-1"}, True),
    "secondary": ({"authorization": "Bearer alpha-2"}, True),
    "api-key primary": ({"api-key": "alpha-1"}, True),
    "api-key secondary": ({"api-key": "alpha-2"}, True),
    "lower case scheme": ({"authorization": "bearer alpha-1"}, True),
    "upper case scheme": ({"authorization": "BEARER alpha-2"}, True),
}
GUARDED: dict[str, tuple[str, str, dict[str, str], int]] = {
    "score": ("POST", "/endpoints/alpha/score", {}, 200),
    "score with a query": ("POST", "/endpoints/alpha/score?api-key=alpha-1&a=b", {}, 200),
    "feedback": ("POST", "/endpoints/alpha/feedback", {}, 200),
    "swagger": ("GET", "/endpoints/alpha/swagger.json", {}, 200),
    "health": ("GET", "/endpoints/alpha/health", {}, 200),
    "version": ("GET", "/endpoints/alpha/version", {}, 200),
    "preflight": ("OPTIONS", "/endpoints/alpha/score", {}, 200),
    "pinned": ("POST", "/endpoints/alpha/score", {"azureml-model-deployment": "green"}, 200),
    "pinned elsewhere": ("GET", "/endpoints/alpha/version", {"azureml-model-deployment": "green"}, 200),
    "unknown pin": ("POST", "/endpoints/alpha/score", {"azureml-model-deployment": "red"}, 404),
    "pinned to none": ("POST", "/endpoints/alpha/score", {"azureml-model-deployment": "empty"}, 503),
    "pinned to a dead one": ("POST", "/endpoints/alpha/score", {"azureml-model-deployment": "dead"}, 503),
    "unknown path": ("POST", "/endpoints/alpha/admin", {}, 404),
    "unknown path, pinned": ("POST", "/endpoints/alpha/admin", {"azureml-model-deployment": "green"}, 404),
    "root of an endpoint": ("GET", "/endpoints/alpha/", {}, 404),
    "longer path": ("POST", "/endpoints/alpha/score/more", {}, 404),
    "similar path": ("POST", "/endpoints/alpha/scores", {}, 404),
    "climbing": ("POST", "/endpoints/beta/../alpha/score", {}, 200),
    "encoded path": ("POST", "/endpoints/alpha/%73core", {}, 200),
    "no share": ("POST", "/endpoints/quiet/score", {}, 404),
    "no deployment": ("POST", "/endpoints/bare/score", {}, 404),
    "too large": ("POST", "/endpoints/alpha/score?large", {}, 413),
}


@pytest.mark.parametrize("kind", GUARDED)
def test_every_kind_of_route_meets_every_kind_of_credential(world: World, kind: str) -> None:
    method, path, headers, with_key = GUARDED[kind]
    body = b"x" * (_LIMIT + 1) if path.endswith("?large") else b"{}"
    for name, (credential, good) in CREDENTIALS.items():
        answer = world.client.request(method, path, headers=headers | credential, content=body)
        assert answer.status_code == (with_key if good else 401), f"{kind} with {name}: {answer.text}"
        if not good:
            assert _error(answer)["code"] == "Unauthorized"
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "azureml-model-deployment" not in answer.headers


def test_a_refused_caller_cannot_tell_what_there_is(world: World) -> None:
    """Whether a path or a deployment exists shows only to those who may know."""
    seen = set()
    for method, path, headers, _ in GUARDED.values():
        answer = world.client.request(method, path, headers=headers)
        kept = {name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id")}
        seen.add((json.dumps(kept, sort_keys=True), answer.text))
    assert len(seen) == 1, seen


def test_an_endpoint_without_keys_refuses_everybody(world: World) -> None:
    for credential, _ in CREDENTIALS.values():
        assert world.client.post("/endpoints/locked/score", headers=credential).status_code == 401


@pytest.mark.parametrize("path", ["/endpoints/gamma/score", "/endpoints/alph/score", "/endpoints/alpha", "/endpoints/"])
def test_an_unknown_endpoint_is_404_with_or_without_a_key(world: World, path: str) -> None:
    for credential, _ in CREDENTIALS.values():
        answer = world.client.post(path, headers=credential)
        assert answer.status_code == 404
        assert _error(answer)["code"] == "ResourceNotFound"


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
    body = b"x" * (_LIMIT + 1) if method == "PUT" else b""
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
    answer = world.ask("/endpoints/alpha/score", "alpha-1")
    assert "set-cookie" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox"
    assert "x-envoy-upstream-service-time" not in answer.headers


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
    client = world.ask("/endpoints/alpha/score", "alpha-1", headers={"x-ms-client-request-id": "c" * 50})
    assert client.json()["headers"]["x-ms-client-request-id"] == "c" * 50
    assert client.headers["x-ms-client-request-id"] == "c" * 40


def test_answers_name_the_deployment(world: World) -> None:
    assert world.ask("/endpoints/alpha/score", "alpha-1").headers["azureml-model-deployment"] == "blue"
    for name, status in (("green", 200), ("empty", 503), ("dead", 503)):
        pinned = world.ask("/endpoints/alpha/score", "alpha-1", headers={"azureml-model-deployment": name})
        assert (pinned.status_code, pinned.headers["azureml-model-deployment"]) == (status, name)


def test_a_pin_is_exact(world: World) -> None:
    for name in ("Green", "gree", "green ,", 'a"b\\'):
        answer = world.ask("/endpoints/alpha/score", "alpha-1", headers={"azureml-model-deployment": name})
        assert answer.status_code == 404
        assert name in _error(answer)["message"]


def test_no_ready_instance_is_503_with_retry_after(world: World) -> None:
    answer = world.ask("/endpoints/alpha/score", "alpha-1", headers={"azureml-model-deployment": "empty"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert _error(answer)["code"] == "ServiceUnavailable"


def test_the_time_out_is_408_and_bounds_the_first_byte_only(world: World) -> None:
    began = time.monotonic()
    answer = world.ask("/endpoints/slow/score?sleep=3", "K")
    assert (answer.status_code, _error(answer)["code"]) == (408, "RequestTimeout")
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
    assert _error(refused)["code"] == "TooManyRequests"
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["azureml-model-deployment"] == "narrow"


def _chunks(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b"x" * 100


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (lambda: b"x" * _LIMIT, 200),
        (lambda: b"x" * (_LIMIT + 1), 413),
        (lambda: _chunks(_LIMIT // 100), 200),
        (lambda: _chunks(_LIMIT // 100 + 1), 413),
    ],
)
def test_the_body_limit_holds_with_a_length_and_in_chunks(world: World, body: Callable[[], Any], status: int) -> None:
    answer = world.ask("/endpoints/alpha/score", "alpha-1", content=body())
    assert answer.status_code == status
    if status == 413:
        assert _error(answer)["code"] == "PayloadTooLarge"


def test_the_split_is_as_wanted(world: World) -> None:
    count = 2000
    shares = {"blue": 0.5, "green": 0.3, "shadow": 0.2}
    seen = Counter(world.ask("/endpoints/split/score", "K").headers["azureml-model-deployment"] for _ in range(count))
    print(f"of {count}: {dict(seen)}")
    for name, share in shares.items():
        assert abs(seen[name] - count * share) < 4 * (count * share * (1 - share)) ** 0.5


def test_the_mirror_gets_its_share_and_no_secret(world: World) -> None:
    count = 400
    shadow = world.instances["shadow"].requests
    before = len(shadow)
    for _ in range(count):
        answer = world.ask("/endpoints/mirrored/score", "K", headers={"cookie": "s=1"})
        assert answer.json()["name"] == "blue"
    low, high = count * 0.5 - 4 * (count * 0.25) ** 0.5, count * 0.5 + 4 * (count * 0.25) ** 0.5
    give_up_at = time.monotonic() + _PATIENCE_S
    while len(shadow) - before < low and time.monotonic() < give_up_at:
        time.sleep(0.01)
    mirrored = shadow[before:]
    print(f"mirrored {len(mirrored)} of {count}")
    assert low < len(mirrored) < high
    for each in mirrored:
        assert each["path"] == "/score"
        assert {"authorization", "api-key", "cookie"}.isdisjoint(each["headers"])
    for path, headers in (("score", {"azureml-model-deployment": "blue"}), ("version", {})):
        settled = len(shadow)
        for _ in range(20):
            assert world.ask(f"/endpoints/mirrored/{path}", "K", headers=headers).status_code == 200
        assert len(shadow) == settled


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
        (b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", 431),
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
    with tempfile.TemporaryDirectory(prefix="fs-") as name, ExitStack() as stack:
        home = Home.at(name)
        home.create()
        world = World(home, stack)
        assert world.ask("/", method="GET").status_code == 200
        world.instances["api"].__exit__(None, None, None)
        answer = world.ask("/", method="GET")
        assert answer.status_code == 503
        assert "server does not answer" in _error(answer)["message"]
        assert world.ask("/endpoints/alpha/score", "alpha-1").status_code == 200
