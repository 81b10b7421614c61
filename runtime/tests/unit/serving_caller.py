"""Asks the whole application, through ASGI's three arguments, around a flow of the test's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowstead_runtime.flow.definition import FlowDefinition, FlowInput, FlowKind, FlowOutput, ValueType
from flowstead_runtime.flow.running import RunContext, RunResult
from flowstead_runtime.serving.application import build_application
from flowstead_runtime.serving.serving import Serving
from flowstead_runtime.serving.settings import ServingSettings
from flowstead_runtime.serving.types import Message

DEFINITION = FlowDefinition(
    "echo",
    FlowKind.DAG,
    Path(),
    Path("flow.dag.yaml"),
    inputs={"text": FlowInput(ValueType.STRING, default="hello")},
    outputs={"said": FlowOutput(ValueType.STRING)},
)
Run = Callable[[Mapping[str, Any], RunContext], Awaitable[Any]]
EVENTS = {"accept": "text/event-stream"}


@dataclass
class FakeFlow:
    """A flow that is one coroutine; contexts: of each run."""

    body: Run
    definition: FlowDefinition = DEFINITION
    named: bool = True
    contexts: list[RunContext] = field(default_factory=list)

    async def run(self, inputs: Mapping[str, Any], context: RunContext) -> RunResult:
        self.contexts.append(context)
        return RunResult(await self.body(inputs, context), self.named)

    async def close(self) -> None:
        """Nothing to let go of."""


@dataclass
class Answer:
    """complete: the last piece of the body was sent."""

    status: int
    headers: dict[str, str]
    pieces: list[bytes]
    complete: bool

    @property
    def json(self) -> Any:
        return json.loads(b"".join(self.pieces))

    @property
    def events(self) -> list[Any]:
        return [json.loads(frame.removeprefix(b"data: ")) for frame in self._frames() if frame.startswith(b"data: ")]

    @property
    def error(self) -> Any:
        """The error that ends a stream."""
        last = self._frames()[-1]
        assert last.startswith(b"event: error\ndata: ")
        return json.loads(last.partition(b"data: ")[2])["error"]

    def _frames(self) -> list[bytes]:
        frames = b"".join(self.pieces).split(b"\n\n")
        assert frames.pop() == b""
        return frames


class Caller:
    """Asks one application, in one event loop."""

    def __init__(self, flow: FakeFlow, settings: ServingSettings) -> None:
        loop = asyncio.get_running_loop()
        self.application = build_application(Serving(flow, settings, loop))

    async def ask(
        self,
        method: str = "POST",
        path: str = "/score",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"{}",
        hang_up: asyncio.Event | None = None,
    ) -> Answer:
        arriving: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[Message] = []

        async def receive() -> Message:
            if arriving:
                return arriving.pop()
            await (hang_up or asyncio.Event()).wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
        }
        # A task of its own, as a server gives it: it may be cancelled.
        await asyncio.create_task(_call(self.application(scope, receive, send)))
        if not sent:
            return Answer(0, {}, [], complete=False)
        start, *bodies = sent
        return Answer(
            start["status"],
            {name.decode(): value.decode() for name, value in start["headers"]},
            [each["body"] for each in bodies],
            complete=bool(bodies) and not bodies[-1].get("more_body"),
        )


async def _call(answering: Awaitable[None]) -> None:
    await answering


def ask(flow: FakeFlow | Run, settings: ServingSettings | None = None, **request: Any) -> Answer:
    """One request to a new application."""

    async def scene() -> Answer:
        given = flow if isinstance(flow, FakeFlow) else FakeFlow(flow)
        return await Caller(given, settings or ServingSettings()).ask(**request)

    return asyncio.run(scene())


async def echo(inputs: Mapping[str, Any], context: RunContext) -> Any:
    return {"said": inputs["text"]}


def gives(value: Any) -> Run:
    """A flow body that makes its value anew for each run when it is a function."""

    async def body(inputs: Mapping[str, Any], context: RunContext) -> Any:
        return value() if callable(value) else value

    return body


def raises(problem: BaseException) -> Run:
    async def body(inputs: Mapping[str, Any], context: RunContext) -> Any:
        raise problem

    return body


async def words(*said: str) -> AsyncIterator[str]:
    for each in said:
        yield each
