"""Spans and metrics on a request's way. Without telemetry neither layer is there."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from flowstead_runtime.errors import RuntimeFailure
from flowstead_runtime.flow.definition import FlowDefinition
from flowstead_runtime.serving.exchange import Exchange, Handler
from flowstead_runtime.serving.types import Message
from flowstead_runtime.telemetry.error_codes import error_code
from flowstead_runtime.telemetry.metrics import Metrics
from flowstead_runtime.tracing import SpanType, Traced

if TYPE_CHECKING:
    from flowstead_runtime.serving.serving import Serving


def measure(serving: Serving, proceed: Handler) -> Handler:
    """Layer: counts each request once, with the status that its failure has before a hosted instance wraps it. One
    whose caller hung up has no outcome and is not counted."""
    metrics = serving.telemetry.metrics if serving.telemetry is not None else None
    if metrics is None:
        return proceed

    async def measured(exchange: Exchange) -> None:
        began = perf_counter()
        first_byte = _FirstByte(exchange) if exchange.accept.stream else None
        code, exception = 200, ""
        try:
            await proceed(exchange)
        except RuntimeFailure as failure:
            code, exception = failure.status, error_code(failure)
            raise
        except Exception as problem:
            code, exception = 500, type(problem).__name__
            raise
        except BaseException:
            code = 0
            raise
        finally:
            if code:
                _count(metrics, exchange, code, exception, began, first_byte)

    return measured


def trace(serving: Serving, proceed: Handler) -> Handler:
    """Layer: the flow's span, below the caller's. It ends when the answer is out, or has failed."""
    telemetry = serving.telemetry
    if telemetry is None:
        return proceed
    what = flow_span(serving.definition)
    target = serving.definition.kind.value

    async def traced(exchange: Exchange) -> None:
        request_id = exchange.request_id
        shared = {"request_id": request_id, "line_run_id": request_id, "execution_target": target}
        call = telemetry.begin_flow(what, exchange.inputs, exchange.scope["headers"], shared)
        try:
            await proceed(exchange)
        except BaseException as error:
            call.fail(error)
            raise
        call.finish(exchange.result.value)

    return traced


def flow_span(definition: FlowDefinition) -> Traced:
    """A DAG's span is named after its folder, a flex flow's after its entry, a prompty's by the prompty."""
    if definition.flex is not None:
        name = (definition.flex.qualname or definition.entry.rpartition(":")[2]).removesuffix(".__call__")
        return Traced(name, name, SpanType.FLOW)
    if definition.prompty is not None:
        return Traced(definition.prompty.name, "Prompty", SpanType.FLOW, builtin=True)
    return Traced(definition.name, "", SpanType.FLOW)


class _FirstByte:
    """When the answer began to leave."""

    def __init__(self, exchange: Exchange) -> None:
        self.at = 0.0
        self._send = exchange.send
        exchange.send = self

    async def __call__(self, message: Message) -> None:
        if not self.at:
            self.at = perf_counter()
        await self._send(message)


def _count(
    metrics: Metrics, exchange: Exchange, code: int, exception: str, began: float, first_byte: _FirstByte | None
) -> None:
    now = perf_counter()
    streaming = exchange.streaming
    metrics.flow_request(code, exception, streaming=streaming)
    took_ms = (now - began) * 1000
    if not streaming or first_byte is None:
        metrics.flow_latency(code, took_ms, "default", streaming=streaming)
        return
    metrics.flow_latency(code, (first_byte.at - began) * 1000, "firstbyte", streaming=True)
    metrics.flow_latency(code, took_ms, "lastbyte", streaming=True)
    metrics.stream_duration((now - first_byte.at) * 1000)
