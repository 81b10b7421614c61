"""What the collecting layers keep of a request, in one event loop."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flowstead_runtime.flow.definition import FlowDefinition, FlowInput, FlowKind, FlowOutput, ValueType
from flowstead_runtime.flow.running import RunContext, RunResult
from flowstead_runtime.serving.application import build_application
from flowstead_runtime.serving.serving import Serving
from flowstead_runtime.serving.settings import ServingSettings
from flowstead_runtime.serving.types import Message
from flowstead_runtime.telemetry.collection import REQUEST, Collection
from flowstead_runtime.telemetry.collection_files import CollectionFiles
from flowstead_runtime.telemetry.collection_settings import CollectionSettings
from flowstead_runtime.telemetry.collection_writer import CollectionWriter

INPUTS = {"text": FlowInput(ValueType.STRING)}
ALL = ("model_inputs", "model_outputs", "request", "response")


@dataclass
class FakeFlow:
    """Answers with one value; seen: the request that user code would find itself in."""

    value: Any
    named: bool = True
    inputs: Mapping[str, FlowInput] | None = None
    seen: str = ""

    @property
    def definition(self) -> FlowDefinition:
        inputs = INPUTS if self.inputs is None else self.inputs
        outputs = {"said": FlowOutput(ValueType.STRING), "inner": FlowOutput(ValueType.STRING, evaluation_only=True)}
        return FlowDefinition("f", FlowKind.DAG, Path(), Path("flow.dag.yaml"), inputs=inputs, outputs=outputs)

    async def run(self, inputs: Mapping[str, Any], context: RunContext) -> RunResult:
        request = REQUEST.get()
        self.seen = request.id if request is not None else ""
        return RunResult(self.value, self.named)

    async def close(self) -> None:
        """Nothing to let go of."""


class Kept:
    """One flow that is asked, and what was kept of it."""

    def __init__(self, folder: Path, rates: Mapping[str, float] | None = None) -> None:
        self._folder = folder
        settings = CollectionSettings(folder, "e", "d", "i", "1", "s", rates or dict.fromkeys(ALL, 1.0))
        self._writer = CollectionWriter(CollectionFiles(folder, "i"))
        self.collection = Collection(settings, self._writer, lambda: 0.0, random.Random(1))

    async def ask(self, flow: FakeFlow, body: bytes = b'{"text":"hello"}', *, gone: bool = False) -> None:
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if gone:
                return {"type": "http.disconnect"}
            return messages.pop() if messages else await asyncio.Event().wait()  # type: ignore[return-value]

        async def send(message: Message) -> None:
            """Nobody looks."""

        serving = Serving(flow, ServingSettings(body_limit=1000), asyncio.get_running_loop(), self.collection)
        headers = [(b"x-request-id", b"abc"), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/score", "headers": headers}

        async def called() -> None:
            await build_application(serving)(scope, receive, send)

        await asyncio.create_task(called())

    def of(self, collection: str) -> list[Any]:
        self._writer.close(10)
        files = (self._folder / "e" / "d" / collection).rglob("*.jsonl")
        return [json.loads(line)["data"] for file in files for line in file.read_text().splitlines()]


async def pieces() -> AsyncIterator[str]:
    yield "a"
    yield "b"


@pytest.mark.parametrize(
    ("value", "named", "kept"),
    [
        ({"said": "hi", "inner": 1}, True, {"said": "hi"}),
        ("hi", False, {"output": "hi"}),
        (iter("ab"), False, {"output": "ab"}),
        (pieces(), False, {"output": "ab"}),
    ],
)
def test_outputs_are_a_row_of_what_left(tmp_path: Path, value: Any, named: bool, kept: dict[str, Any]) -> None:
    flow, keeping = FakeFlow(value, named), Kept(tmp_path)
    asyncio.run(keeping.ask(flow))
    assert flow.seen == "abc"
    assert keeping.of("model_outputs") == [[kept]]


def test_images_are_kept_as_they_are_told(tmp_path: Path) -> None:
    keeping = Kept(tmp_path)
    picture = {"picture": {"data:image/png;base64": "iVBORw0KGgo="}}
    flow = FakeFlow({"said": "hi"}, inputs={"picture": FlowInput(ValueType.IMAGE)})
    asyncio.run(keeping.ask(flow, json.dumps(picture).encode()))
    assert keeping.of("model_inputs") == [[picture]]


@pytest.mark.parametrize(
    ("flow", "body"),
    [
        (FakeFlow({"said": "hi"}, inputs={}), b"{}"),
        (FakeFlow({}), b'{"text":"a"}'),
        (FakeFlow({"said": b"not JSON"}), b'{"text":"a"}'),
        (FakeFlow({"said": "hi"}), b"{}"),
        (FakeFlow({"said": "hi"}), b"x" * 1001),
    ],
)
def test_no_values_are_kept_of_failures_and_where_there_are_none(tmp_path: Path, flow: FakeFlow, body: bytes) -> None:
    keeping = Kept(tmp_path)
    asyncio.run(keeping.ask(flow, body))
    assert keeping.of("model_inputs") == keeping.of("model_outputs") == []
    assert len(keeping.of("request")) == len(keeping.of("response")) == 1


def test_of_a_caller_who_left_there_is_no_answer_to_keep(tmp_path: Path) -> None:
    keeping = Kept(tmp_path)
    asyncio.run(keeping.ask(FakeFlow({"said": "hi"}), gone=True))
    assert (keeping.of("request"), keeping.of("response")) == ([""], [])


def test_what_is_not_drawn_is_not_kept(tmp_path: Path) -> None:
    keeping = Kept(tmp_path, {"model_inputs": 1.0, "model_outputs": 0.0, "request": 0.0})
    asyncio.run(keeping.ask(FakeFlow({"said": "hi"})))
    assert (keeping.of("model_inputs"), keeping.of("model_outputs")) == ([[{"text": "hello"}]], [])
    assert (keeping.of("request"), keeping.of("response")) == ([], [])
