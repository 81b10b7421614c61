"""uvicorn's protocol with a bound on what it does not bound: the head of a request."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 64 * 1024
"""Of the request line and the headers; about what Envoy lets through."""

HEADERS = 1000
"""Trailers count too."""

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """Answers 431 to a head that does not end. The body's bound is the application's business."""

    _head_bytes = 0

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        scope = self.scope
        if scope is None:
            return
        if self.cycle is not None and self.cycle.scope is scope:
            self._head_bytes = 0
            if len(self.headers) <= HEADERS:
                return
        else:
            self._head_bytes += len(data)
            if self._head_bytes <= HEAD_BYTES:
                return
        if not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()
