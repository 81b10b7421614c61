"""HTTP for the identity endpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

Answer = Callable[[str, str], tuple[int, dict[str, str]]]


def handler_of(answer: Answer) -> type[BaseHTTPRequestHandler]:
    """answer: (target, secret) → (status, body)."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            status, said = answer(self.path, self.headers.get("X-IDENTITY-HEADER", ""))
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: queries are nobody's business."""

    return Handler
