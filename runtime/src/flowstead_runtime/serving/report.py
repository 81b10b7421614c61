"""What a test tells: one server-sent event for each thing that happens, in the order in which it does.

    nodeStarted   {node, inputs}
    log           {node, stream, text}             one line that its code printed; node "" outside of any
    nodeFinished  {node, status, inputs, output, durationMs, tokens, logs, error}
    chunk         {output, value}                  a piece of an output that streams
    outputs       {outputs, durationMs, tokens}    the last one when all went well
    error         {error: {code, message}}         the last one when not

status: Completed, Failed, Bypassed (its condition did not hold) or NotRun (an aggregation, or the flow failed before).
Nothing secret is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flowstead_runtime.connections.hiding import SECRETS
from flowstead_runtime.errors import RuntimeFailure
from flowstead_runtime.flow.definition import FlowDefinition, FlowKind
from flowstead_runtime.serving.exchange import Exchange
from flowstead_runtime.serving.failures import told
from flowstead_runtime.telemetry.records import SpanRecord
from flowstead_runtime.telemetry.showing import Showing

LOG_CHARACTERS = 65_536
"""Of one node's output that are told; the instance's log has all."""
_CUT = "… (cut)"
_TOKENS = "__computed__.cumulative_token_count."
_FAILED = 2
"""OpenTelemetry's status code of a span that failed."""


@dataclass
class _Node:
    """A node that runs. open_lines: what was printed since the last line break, by stream."""

    name: str
    logs: list[str] = field(default_factory=list)
    room: int = LOG_CHARACTERS
    open_lines: dict[str, str] = field(default_factory=dict)


class Report:
    """Keeps the protocol `Watcher`. To be made on the event loop that sends it."""

    def __init__(self, definition: FlowDefinition) -> None:
        self._definition = definition
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._lock = threading.Lock()
        self._showing = Showing()
        self._root = 0
        self._running: dict[int, _Node] = {}
        self._by_name: dict[str, _Node] = {"": _Node("")}
        self._whole: SpanRecord | None = None

    def begun(self, span_id: int, parent_id: int, name: str, inputs: Any) -> None:
        with self._lock:
            is_root = not self._root
            self._root = self._root or span_id
            if is_root == (self._definition.kind is FlowKind.DAG) or not (is_root or parent_id == self._root):
                return
            self._running[span_id] = self._by_name[name] = _Node(name)
            self._tell("nodeStarted", {"node": name, "inputs": self._shown(inputs)})

    def ended(self, record: SpanRecord) -> None:
        with self._lock:
            if record.span_id == self._root:
                self._whole = record
            node = self._running.pop(record.span_id, None)
            if node is not None:
                self._flush(node)
                self._tell("nodeFinished", self._finished(node, record))

    def said(self, node: str, stream: str, text: str) -> None:
        with self._lock:
            speaker = self._by_name.get(node) or self._by_name[""]
            *lines, rest = (speaker.open_lines.get(stream, "") + text).split("\n")
            speaker.open_lines[stream] = rest[:LOG_CHARACTERS]
            for line in lines:
                self._line(speaker, stream, line)

    def chunk(self, output: str, value: Any) -> None:
        """A piece of an output that streams."""
        with self._lock:
            self._tell("chunk", {"output": output, "value": self._hidden(value)})

    def completed(self, outputs: Any) -> None:
        """The flow has run. outputs: what JSON can say."""
        with self._lock:
            self._tell_the_rest("Bypassed")
            self._tell("outputs", {"outputs": self._hidden(outputs), **self._measures(self._whole)})

    def failed(self, failure: RuntimeFailure) -> None:
        """It has not."""
        with self._lock:
            self._tell_the_rest("NotRun")
            self._tell("error", json.loads(told(failure)))

    def close(self) -> None:
        """Nothing more is told."""
        self._put(None)

    async def send_all(self, exchange: Exchange) -> None:
        """Send what is told until it is closed."""
        while (event := await self._events.get()) is not None:
            await exchange.send({"type": "http.response.body", "body": event, "more_body": True})
            self._events.task_done()

    async def keep_up(self) -> None:
        """Wait until all that was told is sent."""
        await self._events.join()

    def _tell_the_rest(self, status: str) -> None:
        """Of the nodes that did not run."""
        self._flush(self._by_name[""])
        for node in self._definition.nodes:
            if node.name not in self._by_name:
                self._tell("nodeFinished", {"node": node.name, "status": "NotRun" if node.aggregation else status})

    def _finished(self, node: _Node, record: SpanRecord) -> dict[str, Any]:
        shown = {key: self._shown(value) for key, _, _, value in record.payloads if key in ("inputs", "output")}
        output = shown.get("output")
        if record.attributes.get("output_type") == "iterated" and isinstance(output, list):
            output = "".join(map(str, output)) if all(isinstance(each, str) for each in output) else output
        finished = {
            "node": node.name,
            "status": "Failed" if record.status == _FAILED else "Completed",
            "inputs": shown.get("inputs"),
            "output": output,
            **self._measures(record),
            "logs": "".join(node.logs),
        }
        if record.status == _FAILED:
            finished["error"] = SECRETS.hide(record.message)
        return finished

    def _measures(self, record: SpanRecord | None) -> dict[str, Any]:
        if record is None:
            return {}
        tokens = {
            name.removeprefix(_TOKENS): count for name, count in record.attributes.items() if name.startswith(_TOKENS)
        }
        return {"durationMs": round((record.ended_ns - record.began_ns) / 1e6, 3), "tokens": tokens}

    def _flush(self, node: _Node) -> None:
        for stream, text in node.open_lines.items():
            if text:
                self._line(node, stream, text)
        node.open_lines.clear()

    def _line(self, node: _Node, stream: str, line: str) -> None:
        if node.room <= 0:
            return
        shown = SECRETS.hide(line[: node.room])
        node.room -= len(line) + 1
        if node.room <= 0:
            shown += _CUT
        node.logs.append(shown + "\n")
        self._tell("log", {"node": node.name, "stream": stream, "text": shown})

    def _shown(self, snapshot: Any) -> Any:
        self._showing.learn(SECRETS.known())
        return json.loads(self._showing.json(snapshot), parse_constant=str)

    def _hidden(self, value: Any) -> Any:
        return json.loads(SECRETS.hide(json.dumps(value)), parse_constant=str)

    def _tell(self, kind: str, content: Mapping[str, Any]) -> None:
        self._put(f"event: {kind}\ndata: {json.dumps(content)}\n\n".encode())

    def _put(self, event: bytes | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)
