"""One request on its way through the layers, and the shape of a layer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from flowstead_runtime.errors import RuntimeFailure
from flowstead_runtime.flow.running import RunResult
from flowstead_runtime.serving.accept import Accept, parse_accept
from flowstead_runtime.serving.types import Headers, Receive, Scope, Send

if TYPE_CHECKING:
    from flowstead_runtime.serving.serving import Serving

Handler = Callable[["Exchange"], Awaitable[None]]
Layer = Callable[["Serving", Handler], Handler]
"""A layer is built once, from what is served and the handler behind it."""

_CORS = (b"access-control-allow-origin", b"*")


class Exchange:
    """A request and what becomes of it; each layer fills in its part.

    started: the answer's first bytes are out, so its status is settled.
    verdict: why the request was cut short, set by whoever cancels its task.
    gone: the caller hung up."""

    __slots__ = (
        "accept",
        "content_length",
        "deadline",
        "echo",
        "gone",
        "inputs",
        "outputs",
        "receive",
        "request_id",
        "result",
        "scope",
        "send",
        "started",
        "task",
        "verdict",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.task: asyncio.Task[Any] | None = asyncio.current_task()
        self.request_id = ""
        self.echo: Headers = []
        self.accept: Accept = parse_accept("")
        self.content_length = 0
        self.deadline: float | None = None
        self.inputs: Mapping[str, Any] = {}
        self.result: RunResult | None = None
        self.outputs: Any = None
        self.started = False
        self.verdict: RuntimeFailure | None = None
        self.gone = False

    async def start(self, status: int, headers: Headers) -> None:
        """Send the status and the headers, with those that every answer has."""
        self.started = True
        headers.append(_CORS)
        headers.extend(self.echo)
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def reply(self, status: int, body: bytes, headers: Headers | None = None) -> None:
        """Send a whole answer. JSON unless the headers say otherwise."""
        if headers is None:
            headers = [(b"content-type", b"application/json")]
        headers.append((b"content-length", b"%d" % len(body)))
        await self.start(status, headers)
        await self.send({"type": "http.response.body", "body": body})

    def cut_short(self, verdict: RuntimeFailure) -> None:
        """End the request's task; the layer that set the limit turns that into the verdict."""
        if self.task is not None and not self.started:
            self.verdict = verdict
            self.task.cancel()

    def hang_up(self) -> None:
        """The caller is gone: nobody waits for an answer any more."""
        if self.task is not None:
            self.gone = True
            self.task.cancel()


class CallerGone(Exception):
    """The caller hung up before its request was read."""
