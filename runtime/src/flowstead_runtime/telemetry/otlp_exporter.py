"""Sending to an OpenTelemetry collector: OTLP over HTTP, as protobuf."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flowstead_runtime.errors import SignInFailed
from flowstead_runtime.telemetry.metric_points import encode_points
from flowstead_runtime.telemetry.otlp import encode_spans
from flowstead_runtime.telemetry.records import SpanRecord

if TYPE_CHECKING:
    from flowstead_runtime.connections.entra import TokenProvider

log = logging.getLogger("flowstead.telemetry")

Address = tuple[str, Mapping[str, str], str]
"""URL, headers, and the scope to sign in for with Entra ID, "" for none."""

TIMEOUT_S = 10.0
TRIES = 3
UNAUTHORIZED = 401
_RETRIED = frozenset({429, 502, 503, 504})
_SAY_EVERY_S = 30.0


class OtlpExporter:
    """traces, metrics: None for not sent."""

    def __init__(self, traces: Address | None, metrics: Address | None, resource: Mapping[str, Any]) -> None:
        self._traces = Sender(*traces) if traces else None
        self._metrics = Sender(*metrics) if metrics else None
        self._resource = resource

    def spans(self, spans: list[SpanRecord]) -> None:
        if self._traces is not None:
            self._traces.send(encode_spans(spans, self._resource), f"{len(spans)} spans")

    def metrics(self, points: dict[str, Any]) -> None:
        if self._metrics is not None:
            self._metrics.send(encode_points(points, self._resource), "metrics")

    def close(self) -> None:
        for sender in (self._traces, self._metrics):
            if sender is not None:
                sender.close()


class Sender:
    """One connection, kept open. A failure is said at most twice a minute."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        scope: str = "",
        *,
        tokens: TokenProvider | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = urlsplit(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        self._where = f"{parts.scheme}://{parts.hostname}:{self._connection.port}{parts.path}"
        self._path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        self._headers = {**headers, "content-type": "application/x-protobuf", "user-agent": "Flowstead"}
        self._tokens = tokens or (_sign_in(scope) if scope else None)
        self._sleep = sleep
        self._clock = clock
        self._say_at = float("-inf")

    def send(self, body: bytes, what: str) -> None:
        """Repeated where the collector asks for it; what cannot be sent is lost."""
        reason = ""
        for attempt in range(TRIES):
            if attempt:
                self._sleep(2.0 ** (attempt - 1))
            status, reason = self._post(body)
            if 200 <= status < 300:
                return
            if status and status not in _RETRIED:
                break
        if self._clock() >= self._say_at:
            self._say_at = self._clock() + _SAY_EVERY_S
            log.warning("telemetry: the collector at %s did not take %s: %s", self._where, what, reason)

    def close(self) -> None:
        self._connection.close()

    def _post(self, body: bytes) -> tuple[int, str]:
        """(status, reason), status 0 for no answer. A kept connection that the collector has closed meanwhile is opened
        anew."""
        kept = self._connection.sock is not None
        try:
            return self._once(body)
        except SignInFailed as problem:
            return UNAUTHORIZED, problem.message
        except (OSError, HTTPException) as problem:
            self._connection.close()
            if not kept:
                return 0, str(problem) or type(problem).__name__
        try:
            return self._once(body)
        except (OSError, HTTPException) as problem:
            self._connection.close()
            return 0, str(problem) or type(problem).__name__

    def _once(self, body: bytes) -> tuple[int, str]:
        headers = self._headers
        if self._tokens is not None:
            headers = {**headers, "authorization": f"Bearer {self._tokens.get_token()}"}
        self._connection.request("POST", self._path, body, headers)
        response = self._connection.getresponse()
        response.read()
        return response.status, f"{response.status} {response.reason}"


def _sign_in(scope: str) -> TokenProvider:
    # It brings asyncio along, which only this needs here.
    from flowstead_runtime.connections.entra import EntraTokens, Identity

    return EntraTokens(Identity(scope).fetch)
