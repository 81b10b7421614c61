"""One request on its way through the layers, and the shape of a layer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flowstead_runtime.errors import RuntimeFailure
from flowstead_runtime.flow.running import RunResult
from flowstead_runtime.serving.accept import Accept, parse_accept
from flowstead_runtime.serving.types import Headers, Receive, Scope, Send

if TYPE_CHECKING:
    from flowstead_runtime.serving.outputs import Outputs
    from flowstead_runtime.serving.serving import Serving
    from flowstead_runtime.tools.multimedia import RemoteImage

Handler = Callable[["Exchange"], Awaitable[None]]
Layer = Callable[["Serving", Handler], Handler]
"""A layer is built once, from what is served and the handler behind it. One that has nothing to wait for and nothing
to do afterwards is a plain function that returns what the handler behind it returned: it costs no coroutine."""

_JSON = (b"content-type", b"application/json")


class Exchange:
    """A request and what becomes of it; each layer fills in its part. What most requests leave as it is stands as a
    default on the class, which costs a request nothing.

    timeout_s: how long the caller is willing to wait, None when it did not say.
    started: the answer's first bytes are out, so its status is settled.
    remote: images among the inputs that are still to be fetched.
    streaming: the answer is a stream of events.
    verdict: why the request was cut short, set by whoever cancels its task.
    gone: the caller hung up."""

    request_id = ""
    accept: Accept = parse_accept("")
    content_length = 0
    content_encoding = ""
    timeout_s: float | None = None
    deadline: float | None = None
    inputs: Mapping[str, Any]
    remote: Sequence[RemoteImage] = ()
    result: RunResult
    outputs: Outputs
    started = False
    streaming = False
    verdict: RuntimeFailure | None = None
    gone = False

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.task: asyncio.Task[Any] | None = asyncio.current_task()
        self.echo: Headers = []

    async def start(self, status: int, headers: Headers) -> None:
        """Send the status and the headers, with those that every answer has."""
        self.started = True
        await self.send({"type": "http.response.start", "status": status, "headers": [*headers, *self.echo]})

    async def reply(self, status: int, body: bytes, headers: Headers | None = None) -> None:
        """Send a whole answer. JSON unless the headers say otherwise."""
        length = (b"content-length", b"%d" % len(body))
        sent = [_JSON, length, *self.echo] if headers is None else [*headers, length, *self.echo]
        self.started = True
        await self.send({"type": "http.response.start", "status": status, "headers": sent})
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
