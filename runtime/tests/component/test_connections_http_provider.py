"""The service that gives connections, over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from flowstead_runtime.connections.http_provider import MAX_BYTES, HttpProvider
from flowstead_runtime.connections.sources import Connections
from flowstead_runtime.errors import ConnectionInvalid

VARIABLE = "PF_HTTP_CONNECTION_PROVIDER_ENDPOINT"
AZURE = {
    "type": "AzureOpenAIConnection",
    "module": "promptflow.connections",
    "value": {"api_key": "sk-served", "api_base": "http://b"},
}

Answer = Callable[["Service"], None]


class Service(BaseHTTPRequestHandler):
    """Answers as its test says; paths: what was asked for."""

    answer: Answer
    paths: ClassVar[list[str]]

    def do_GET(self) -> None:
        self.paths.append(self.path)
        type(self).answer(self)

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def service() -> Iterator[tuple[type[Service], str]]:
    class Mine(Service):
        paths: ClassVar[list[str]] = []

    server = ThreadingHTTPServer(("127.0.0.1", 0), Mine)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield Mine, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_it_is_asked_last_and_its_answer_overridden(service: tuple[type[Service], str]) -> None:
    kind, url = service
    kind.answer = lambda request: request.send(200, json.dumps(AZURE).encode())
    environ = {VARIABLE: f"{url}/", "mine": json.dumps(AZURE), "MY_C_API_VERSION": "v"}
    connections = Connections(environ)
    assert connections.get("mine").api_key == "sk-served"
    assert kind.paths == []
    found = connections.origin("my c")
    assert (found.connection.api_key, found.connection.api_version) == ("sk-served", "v")
    assert found.where == f"{url}/connections/my%20c"
    assert connections.get("my c") is found.connection
    assert kind.paths == ["/connections/my%20c"]


def test_a_name_it_does_not_know_is_missing(service: tuple[type[Service], str]) -> None:
    kind, url = service
    kind.answer = lambda request: request.send(404, b"")
    with pytest.raises(ConnectionInvalid, match=f"'c' is not configured.*; {url}/connections/c .not found."):
        Connections({f"PROMPTFLOW{VARIABLE[2:]}": url}).get("c")


def trickle(request: Service) -> None:
    request.send_response(200)
    request.end_headers()
    for _ in range(20):
        request.wfile.write(b" ")
        request.wfile.flush()


def cut(request: Service) -> None:
    request.send_response(200)
    request.send_header("content-length", "100")
    request.end_headers()
    request.wfile.write(b"{")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda request: request.send(500, b"sk-secret"), "it answered 500 Internal Server Error"),
        (lambda request: request.send(302, b"", location="http://127.0.0.1:1/"), "it answered 302 Found"),
        (lambda request: request.send(200, b'["sk-secret"]'), "it did not answer with a JSON object"),
        (lambda request: request.send(200, b"sk-secret"), "it did not answer with a JSON object"),
        (lambda request: request.send(200, b" " * (MAX_BYTES + 1)), "its answer is over 1048576 bytes"),
        (cut, "it did not answer with a JSON object|IncompleteRead"),
        (lambda request: request.connection.close(), "could not be had"),
    ],
)
def test_what_is_wrong_with_it_is_told_and_nothing_quoted(
    service: tuple[type[Service], str], answer: Answer, words: str
) -> None:
    kind, url = service
    kind.answer = answer
    with pytest.raises(ConnectionInvalid, match=f"'c' could not be had from {url}/connections/c .{VARIABLE}") as caught:
        Connections({VARIABLE: url}).get("c")
    assert "sk-secret" not in caught.value.message
    if words != "could not be had":
        assert any(word in caught.value.message for word in words.split("|")), caught.value.message


def test_a_service_that_never_ends_is_left(service: tuple[type[Service], str]) -> None:
    kind, url = service
    kind.answer = trickle
    clock = iter(float(second) for second in range(0, 10_000, 40))
    provider = HttpProvider(url, variable=VARIABLE, now=lambda: next(clock))
    with pytest.raises(ConnectionInvalid, match="its answer took over 30 s"):
        provider.find("c")


def test_a_service_that_is_silent_or_absent(service: tuple[type[Service], str]) -> None:
    kind, url = service
    go = threading.Event()
    kind.answer = lambda request: (go.wait(30), None)[1]
    with pytest.raises(ConnectionInvalid, match="timed out"):
        HttpProvider(url, variable=VARIABLE, timeout_s=0.05).find("c")
    go.set()
    with pytest.raises(ConnectionInvalid, match="refused"):
        HttpProvider("http://127.0.0.1:1", variable=VARIABLE).find("c")
