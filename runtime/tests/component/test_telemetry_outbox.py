"""The queue before the export process, with a collector that is slow, refuses, or never answers."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from flowstead_runtime.connections.entra import EntraTokens, StaticTokenProvider
from flowstead_runtime.connections.hiding import SECRETS
from flowstead_runtime.errors import SignInFailed
from flowstead_runtime.telemetry.otlp_exporter import TRIES, Sender
from flowstead_runtime.telemetry.outbox import BATCH, Outbox
from flowstead_runtime.telemetry.records import SpanRecord

PATIENCE_S = 30


def span(number: int, text: str = "") -> SpanRecord:
    payloads: list[Any] = [("inputs", "", 0, {"text": text})] if text else []
    return SpanRecord("s", 1, number + 1, 0, "", f"span {number}", 0, 1, 2, {}, payloads, [], [], 1, "")


def outbox(url: str, **more: Any) -> Outbox:
    settings: dict[str, Any] = {
        "traces": (url, {}, ""),
        "metrics": None,
        "insights": "",
        "resource": {"service.name": "promptflow"},
    }
    return Outbox(settings, **more)


@contextmanager
def collector(statuses: Iterator[int] | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """statuses: of the answers, 200 for those after the last."""
    bodies: list[bytes] = []
    answers = statuses or iter(())

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(next(answers, 200))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", bodies
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def names(bodies: list[bytes]) -> set[str]:
    requests = [ExportTraceServiceRequest.FromString(body) for body in bodies]
    return {s.name for r in requests for each in r.resource_spans for scope in each.scope_spans for s in scope.spans}


def test_all_spans_arrive_before_it_is_closed() -> None:
    with collector() as (url, bodies):
        box = outbox(url)
        box.start()
        for number in range(3 * BATCH):
            box.put(span(number))
        box.close(PATIENCE_S)
    assert names(bodies) == {f"span {number}" for number in range(3 * BATCH)}


def test_secrets_that_are_learnt_later_are_hidden_too() -> None:
    secret = "learnt-by-the-test-of-the-outbox"
    with collector() as (url, bodies):
        box = outbox(url)
        box.start()
        SECRETS.learn([secret])
        try:
            box.put(span(1, f"with {secret} in it"))
            box.close(PATIENCE_S)
        finally:
            SECRETS.forget([secret])
    assert b"in it" in bodies[0]
    assert secret.encode() not in bodies[0]


def test_a_collector_that_never_answers_makes_spans_drop_and_the_end_is_bounded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        box = outbox(f"http://127.0.0.1:{silent.getsockname()[1]}/x", most=2 * BATCH)
        box.start()
        for number in range(100 * BATCH):
            box.put(span(number, "x" * 100))
        with caplog.at_level(logging.WARNING, "flowstead.telemetry"):
            box.close(0.5)
    assert "is lost" in caplog.text or "were dropped" in caplog.text
    box.put(span(1))  # nobody is there any more, and nobody minds


def test_what_may_succeed_later_is_sent_again() -> None:
    waits: list[float] = []
    with collector(iter((503, 429))) as (url, bodies), closing(Sender(url, {}, sleep=waits.append)) as sender:
        sender.send(b"x", "spans")
    assert bodies == [b"x"] * 3
    assert waits == [1.0, 2.0]


def test_what_is_refused_is_told_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    with (
        collector(iter((400, 400, 400))) as (url, bodies),
        closing(Sender(url, {}, sleep=lambda _: None, clock=lambda: now[0])) as sender,
    ):
        sender.send(b"x", "7 spans")
        sender.send(b"x", "8 spans")
        now[0] = 60
        sender.send(b"x", "9 spans")
    assert len(bodies) == 3
    told = [record.message for record in caplog.records]
    assert len(told) == 2
    assert "did not take 7 spans: 400" in told[0]
    assert "9 spans" in told[1]


def test_it_signs_in_where_it_is_asked_to() -> None:
    with collector() as (url, bodies):
        with closing(Sender(url, {}, "scope", tokens=StaticTokenProvider("token-of-the-test"))) as sender:
            sender.send(b"x", "spans")
        with closing(Sender(url, {}, "scope", tokens=EntraTokens(_cannot))) as sender:
            sender.send(b"y", "spans")
    assert bodies == [b"x"]


def _cannot() -> Any:
    raise SignInFailed("nobody is here")


def test_nobody_there_is_told(caplog: pytest.LogCaptureFixture) -> None:
    waits: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    Sender(f"http://127.0.0.1:{port}/x?key=secret", {}, sleep=waits.append).send(b"x", "spans")
    assert len(waits) == TRIES - 1
    assert f"http://127.0.0.1:{port}/x" in caplog.text
    assert "secret" not in caplog.text
