"""Whether this instance is well, told by a thread of its own, so that code which blocks the event loop does not make
the instance look dead before its time-out."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from flowstead_runtime import __version__

BEAT_S = 0.5
_HEAD_LIMIT = 16 * 1024
_REASONS = {200: b"OK", 404: b"Not Found", 405: b"Method Not Allowed", 503: b"Service Unavailable"}


class Phase(StrEnum):
    STARTING = "Starting"
    HEALTHY = "Healthy"
    STOPPING = "Stopping"


class Verdict(Protocol):
    """Who can say whether the instance is well."""

    def verdict(self) -> tuple[int, str]:
        """HTTP status and what to say. Called on the health thread."""


class Health:
    """What is known of the instance. stuck_after_s: how long the event loop may be silent before the instance counts
    as unhealthy, None for ever. clock: seconds that never go back. on_beat: called with each beat."""

    def __init__(
        self,
        stuck_after_s: float | None,
        clock: Callable[[], float] = time.monotonic,
        on_beat: Callable[[], None] = lambda: None,
    ) -> None:
        self.phase = Phase.STARTING
        self._stuck_after_s = stuck_after_s
        self._clock = clock
        self._on_beat = on_beat
        self._last_beat = clock()

    def beat(self) -> None:
        """The event loop is alive."""
        self._last_beat = self._clock()
        self._on_beat()

    def verdict(self) -> tuple[int, str]:
        """HTTP status and what to say."""
        if self.phase is not Phase.HEALTHY:
            return 503, self.phase.value
        silent = self._clock() - self._last_beat
        if self._stuck_after_s is not None and silent > self._stuck_after_s + BEAT_S:
            return 503, f"Blocked: the event loop has not run for {silent:.0f} s"
        return 200, self.phase.value

    async def keep_beating(self) -> None:
        """Beat from the event loop until cancelled."""
        while True:
            self.beat()
            await asyncio.sleep(BEAT_S)


class HealthThread:
    """Answers GET /health on a listening socket, from a thread with a small event loop of its own."""

    def __init__(self, health: Verdict, listener: socket.socket) -> None:
        self._health = health
        self._listener = listener
        self._loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and wait for the thread; a probe in flight is dropped."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        serve = self._loop.create_server(lambda: _Probe(self._health), sock=self._listener)
        server = self._loop.run_until_complete(serve)
        try:
            self._loop.run_forever()
        finally:
            server.close()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()


class _Probe(asyncio.Protocol):
    """A connection that asks; HTTP/1.1 with keep-alive, no bodies."""

    def __init__(self, health: Verdict) -> None:
        self._health = health
        self._pending = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - the listener makes stream connections
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while self._transport is not None and not self._transport.is_closing():
            head, end, rest = self._pending.partition(b"\r\n\r\n")
            if not end:
                if len(head) > _HEAD_LIMIT:
                    self._transport.close()
                return
            self._pending = rest
            self._answer(self._transport, head)

    def _answer(self, transport: asyncio.Transport, head: bytes) -> None:
        line, _, headers = head.lower().partition(b"\r\n")
        method, _, target = line.partition(b" ")
        path = target.split(b" ")[0].split(b"?")[0]
        status, words = self._health.verdict() if path == b"/health" else (404, "Not found")
        if path == b"/health" and method not in {b"get", b"head"}:
            status, words = 405, "Method not allowed"
        body = json.dumps({"status": words, "version": __version__}).encode()
        # A body would be read as the next request's head.
        close = b"connection: close" in headers or b"\r\ncontent-length" in b"\r\n" + headers or b"http/1.0" in line
        transport.write(
            b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%s\r\n%s"
            % (
                status,
                _REASONS[status],
                len(body),
                b"connection: close\r\n" if close else b"",
                b"" if method == b"head" else body,
            )
        )
        if close:
            transport.close()
