"""A collector that counts: a process of its own that takes OTLP over HTTP and, when its input ends, prints how many
spans arrived.

    python -m benchmarks.collector

prints its port first.
"""

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector(ThreadingHTTPServer):
    """On a port of the system's choice. spans: that arrived."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans = 0
        self.lock = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    server: Collector
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path.endswith("/traces"):
            request = ExportTraceServiceRequest.FromString(body)
            arrived = sum(len(scope.spans) for each in request.resource_spans for scope in each.scope_spans)
            with self.server.lock:
                self.server.spans += arrived
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


if __name__ == "__main__":
    collector = Collector()
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    print(collector.server_port, flush=True)
    sys.stdin.read()
    print(collector.spans, flush=True)
