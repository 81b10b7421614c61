"""Data collection on a request's way: what was sent, and which values went in and out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from flowstead_runtime.errors import RuntimeFailure
from flowstead_runtime.serving.compression import decompressed
from flowstead_runtime.serving.exchange import Exchange, Handler
from flowstead_runtime.serving.types import Message
from flowstead_runtime.telemetry.collection import REQUEST, CollectedRequest, Collection
from flowstead_runtime.telemetry.collection_settings import carries_credentials
from flowstead_runtime.tools.multimedia import dump_nested

if TYPE_CHECKING:
    from flowstead_runtime.serving.serving import Serving


def collect_payloads(serving: Serving, proceed: Handler) -> Handler:
    """Layer: keeps the request and the answer as they were sent, failures too, in `request` and `response`. It sees
    what no layer behind it changes any more, and says which request it is to those, and to the flow's collectors."""
    collection = serving.collection
    if collection is None:
        return proceed

    async def collected(exchange: Exchange) -> None:
        request = collection.begin(exchange.request_id)
        REQUEST.set(request)
        received = _Received(exchange) if collection.keeps("request", request) else None
        sent = _Sent(exchange) if collection.keeps("response", request) else None
        try:
            await proceed(exchange)
        finally:
            if received is not None:
                body = _as_meant(exchange, bytes(received.body), serving.settings.content_limit)
                _keep_request(collection, request, exchange, body)
            if sent is not None and sent.status:
                _keep_response(collection, request, sent)

    return collected


def collect_values(serving: Serving, proceed: Handler) -> Handler:
    """Layer: keeps the flow's inputs and outputs, streams as one text, in `model_inputs` and `model_outputs`, when all
    of the answer is out. As with promptflow, nothing is kept of a request that fails or has no inputs."""
    collection = serving.collection
    if collection is None:
        return proceed
    message_format = serving.definition.message_format

    async def collected(exchange: Exchange) -> None:
        request = REQUEST.get()
        inputs, outputs = exchange.inputs, exchange.outputs
        if not inputs or not outputs.values:
            return await proceed(exchange)
        wants_outputs = collection.keeps("model_outputs", request)
        kept = {name: _kept(outputs.values[name]) for name in outputs.streams} if wants_outputs else {}
        if kept:
            exchange.outputs = outputs._replace(values={**outputs.values, **kept})
        await proceed(exchange)
        if collection.keeps("model_inputs", request):
            _keep_row(collection, "model_inputs", inputs, message_format, exchange.request_id, request)
        if wants_outputs:
            values = {**outputs.values, **{name: each.text for name, each in kept.items()}}
            _keep_row(collection, "model_outputs", values, message_format, exchange.request_id, request)
        return None

    return collected


class _Received:
    """The request's body, as far as it was read."""

    def __init__(self, exchange: Exchange) -> None:
        self.body = bytearray()
        self._receive = exchange.receive
        exchange.receive = self

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self.body += message.get("body", b"")
        return message


class _Sent:
    """The answer, as far as it was sent."""

    def __init__(self, exchange: Exchange) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()
        self._send = exchange.send
        exchange.send = self

    async def __call__(self, message: Message) -> None:
        await self._send(message)
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], message["headers"]
        else:
            self.body += message.get("body", b"")


class _Stream:
    """A stream whose pieces are kept while they pass."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._pieces: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self._pieces)


class _BlockingStream(_Stream):
    def __iter__(self) -> _BlockingStream:
        return self

    def __next__(self) -> Any:
        piece = next(self._stream)
        self._pieces.append(str(piece))
        return piece

    def close(self) -> None:
        if hasattr(self._stream, "close"):
            self._stream.close()


class _AsynchronousStream(_Stream):
    def __aiter__(self) -> _AsynchronousStream:
        return self

    async def __anext__(self) -> Any:
        piece = await anext(self._stream)
        self._pieces.append(str(piece))
        return piece

    async def aclose(self) -> None:
        if hasattr(self._stream, "aclose"):
            await self._stream.aclose()


def _kept(stream: Any) -> _BlockingStream | _AsynchronousStream:
    return _AsynchronousStream(stream) if isinstance(stream, AsyncIterator) else _BlockingStream(stream)


def _keep_row(
    collection: Collection,
    name: str,
    values: Mapping[str, Any],
    message_format: str,
    request_id: str,
    request: CollectedRequest | None,
) -> None:
    try:
        row = dump_nested(dict(values), message_format)
    except RecursionError as problem:
        collection.writer.drop(f"a record of {name} has no JSON form: {problem}")
        return
    collection.add_rows(name, [row], request_id, request)


def _as_meant(exchange: Exchange, body: bytes, limit: int) -> bytes:
    """The body before it was compressed for the way, if it can be had."""
    if not exchange.content_encoding:
        return body
    try:
        return decompressed(body, exchange.content_encoding, limit)
    except RuntimeFailure:
        return body


def _keep_request(collection: Collection, request: CollectedRequest, exchange: Exchange, body: bytes) -> None:
    scope = exchange.scope
    headers = scope["headers"]
    about = {"path": scope["path"], "method": scope["method"]}
    collection.add_payload("request", body, _content_type(headers), request, about, _captured(collection, headers))


def _keep_response(collection: Collection, request: CollectedRequest, sent: _Sent) -> None:
    about, captured = {"statuscode": sent.status}, _captured(collection, sent.headers)
    collection.add_payload("response", bytes(sent.body), _content_type(sent.headers), request, about, captured)


def _content_type(headers: list[tuple[bytes, bytes]]) -> str:
    return next((value.decode("latin-1") for name, value in headers if name == b"content-type"), "application/json")


def _captured(collection: Collection, headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers that were asked for, but for credentials, also where a name does not say so."""
    wanted = collection.settings.captured_headers
    found: dict[str, str] = {}
    if not wanted:
        return found
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in wanted and not carries_credentials(name, value):
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found
