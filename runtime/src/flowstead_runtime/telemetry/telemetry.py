"""Telemetry of one serving process: what it is made of, and when each part begins and ends."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from contextvars import Token
from typing import Any

from opentelemetry import baggage, propagate, trace
from opentelemetry import context as otel
from opentelemetry.context import Context

from flowstead_runtime import tracing
from flowstead_runtime.telemetry.instrument import Frame, Instrument
from flowstead_runtime.telemetry.metrics import Metrics
from flowstead_runtime.telemetry.openai_calls import trace_openai
from flowstead_runtime.telemetry.outbox import Outbox
from flowstead_runtime.telemetry.records import SpanRecord
from flowstead_runtime.telemetry.settings import Collector, TelemetrySettings
from flowstead_runtime.telemetry.spans import TracerProvider
from flowstead_runtime.tracing import Traced

TRACER = "promptflow"
_PROPAGATED = {b"traceparent": "traceparent", b"tracestate": "tracestate", b"baggage": "baggage"}


class Telemetry:
    """metrics: None when nothing is measured; `instrument` makes the spans. Made before the flow's code is loaded,
    since that is when the code asks to be traced; started in the process that serves."""

    def __init__(
        self, settings: TelemetrySettings, outbox: Outbox | None = None, provider: TracerProvider | None = None
    ) -> None:
        """provider: makes the spans, one that exports them unless given."""
        self.metrics = Metrics(settings.dimensions) if settings.measures else None
        self._outbox = outbox or Outbox(
            {
                "traces": _address(settings.traces if settings.spans and settings.own_provider else None),
                "metrics": _address(settings.metrics),
                "insights": settings.insights,
                "resource": {"service.name": "promptflow", "service.instance.id": str(uuid.uuid4())},
            },
            metrics=self.metrics.points if self.metrics is not None else None,
            every_s=settings.metrics_every_s,
        )
        exports = settings.spans and settings.own_provider
        self._provider = provider or (TracerProvider(self._put) if exports else None)
        self._tracer = self._provider.get_tracer(TRACER) if self._provider is not None else None
        self.spans = settings.spans
        self.instrument = Instrument(self.tracer if settings.spans else None, self.metrics)

    def tracer(self) -> trace.Tracer:
        """Ours, or that of the provider which the flow's own code has set by now."""
        return self._tracer or trace.get_tracer(TRACER)

    def switch_on(self) -> None:
        """What is loaded from here on is traced, and code that asks OpenTelemetry for a tracer gets ours."""
        if self._provider is not None:
            trace.set_tracer_provider(self._provider)
        tracing.switch_on(self.instrument.wrap)
        trace_openai()

    def _put(self, span: SpanRecord) -> None:
        """Of the flow's own tracers too."""
        if not tracing.is_quiet():
            self._outbox.put(span)

    def start(self) -> None:
        """Begin to export."""
        self._outbox.start()

    def close(self) -> None:
        """Export what is left, for a bounded time. Blocks."""
        self._outbox.close()

    def begin_flow(
        self,
        what: Traced,
        inputs: Mapping[str, Any],
        headers: Iterable[tuple[bytes, bytes]],
        shared: Mapping[str, str],
    ) -> FlowCall:
        """A request's call of the flow, in the trace that its headers name. shared: attributes of all its spans. To be
        ended in the same task."""
        context = caller_context(headers) if self.spans else None
        around = otel.attach(context) if context is not None else None
        frame = self.instrument.open(what, inputs, shared=shared)
        return FlowCall(frame, [each for each in (frame.enter(), around) if each is not None])

    def feedback(self, body: bytes, headers: Iterable[tuple[bytes, bytes]], *, flatten: bool) -> None:
        """A span of its own, in the caller's trace: the body as it is or, flattened, each of its top fields, and the
        caller's baggage."""
        if not self.spans:
            return
        context = caller_context(headers)
        span = self.tracer().start_span("promptflow-feedback", context)
        fields = _fields(body) if flatten else None
        for key, value in (fields if fields is not None else {"feedback": body.decode("utf-8", "replace")}).items():
            span.set_attribute(key, value)
        for key, value in baggage.get_all(context).items():
            span.set_attribute(key, str(value))
        span.end()


class FlowCall:
    """A flow that is running."""

    __slots__ = ("_entered", "_frame")

    def __init__(self, frame: Frame, entered: list[Token[Context]]) -> None:
        self._frame = frame
        self._entered = entered

    def finish(self, outputs: Any) -> None:
        """outputs: streams among them are exhausted by now."""
        self._leave()
        self._frame.finish_flow(outputs)

    def fail(self, error: BaseException) -> None:
        self._leave()
        self._frame.fail(error)

    def _leave(self) -> None:
        for token in self._entered:
            otel.detach(token)


def caller_context(headers: Iterable[tuple[bytes, bytes]]) -> Context | None:
    """The trace and the baggage that a request's headers name; None when they name neither."""
    carrier: dict[str, str] = {}
    for name, value in headers:
        known = _PROPAGATED.get(name)
        if known is not None:
            text = value.decode("latin-1")
            carrier[known] = f"{carrier[known]},{text}" if known in carrier else text
    return propagate.extract(carrier) if carrier else None


def _address(collector: Collector | None) -> tuple[str, Mapping[str, str], str] | None:
    return None if collector is None else (collector.url, dict(collector.headers), collector.scope)


def _fields(body: bytes) -> dict[str, Any] | None:
    """Scalars as they are, lists of scalars too, anything else as JSON text. None for what is no JSON object."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    return {key: _attribute(value) for key, value in found.items()}


def _attribute(value: Any) -> Any:
    if isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list):
        return [each if isinstance(each, str | bool | int | float) else json.dumps(each) for each in value]
    return json.dumps(value)
