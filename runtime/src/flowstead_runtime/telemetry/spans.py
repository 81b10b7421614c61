"""OpenTelemetry's Tracer and Span, as light as they can be: a span collects, others encode.

The SDK's span with two events and its encoding costs some 200 µs; a no-op request is to stay below that with all its
spans.
"""

from __future__ import annotations

import logging
import random
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import time_ns
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.util import types
from opentelemetry.util._decorator import _agnosticcontextmanager

from flowstead_runtime.telemetry.records import Event, Link, SpanRecord
from flowstead_runtime.telemetry.snapshot import cut

log = logging.getLogger("flowstead.telemetry")

Sink = Callable[[SpanRecord], None]
"""Takes a finished span. Called in whatever thread the span ended."""

MOST = 128
"""Attributes, events and links of one span, as the SDK has it."""
_SAMPLED = trace.TraceFlags(trace.TraceFlags.SAMPLED)
_ATOMS = frozenset({str, int, float, bool})
_random = random.Random()  # noqa: S311 - ids must be unique, not secret


class Span(trace.Span):
    """A span that is being recorded. parent: a span of ours, or another's context; None at the root of a trace."""

    def __init__(
        self, sink: Sink, scope: str, name: str, kind: SpanKind, parent: trace.SpanContext | Span | None, began_ns: int
    ) -> None:
        self._sink = sink
        self._scope = scope
        self._name = name
        self._kind = kind
        self.trace_id: int = parent.trace_id if parent is not None else _random.getrandbits(128) or 1
        self._parent_id = parent.span_id if parent is not None else 0
        self.trace_state: trace.TraceState | None = parent.trace_state if parent is not None else None
        self.span_id: int = _random.getrandbits(64) or 1
        self._began_ns = began_ns
        self._attributes: dict[str, Any] = {}
        self._payloads: list[tuple[str, str, int, Any]] = []
        self._events: list[Event] = []
        self._links: list[Link] = []
        self._status = StatusCode.UNSET
        self._message = ""
        self._ended = False

    def get_span_context(self) -> trace.SpanContext:
        return trace.SpanContext(self.trace_id, self.span_id, False, _SAMPLED, self.trace_state)

    def is_recording(self) -> bool:
        return not self._ended

    def set_attribute(self, key: str, value: types.AttributeValue) -> None:
        attributes = self._attributes
        if self._ended or not key or (len(attributes) >= MOST and key not in attributes):
            return
        fit = _fitting(value)
        if fit is not None:
            attributes[key if type(key) is str else str(key)] = fit

    def set_attributes(self, attributes: Mapping[str, types.AttributeValue]) -> None:
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def adopt(self, attributes: dict[str, str | int]) -> None:
        """Take attributes that are known to fit, as they are."""
        self._attributes.update(attributes)

    def set_payload(self, key: str, event: str, value: Any) -> None:
        """An attribute whose value is shown as JSON, and the event that shows it as well. value: a snapshot."""
        if not self._ended and len(self._payloads) < MOST:
            self._payloads.append((key, event, time_ns() if event else 0, value))

    def add_event(self, name: str, attributes: types.Attributes = None, timestamp: int | None = None) -> None:
        if not self._ended and len(self._events) < MOST:
            self._events.append((str(name), timestamp or time_ns(), _all_fitting(attributes)))

    def add_link(self, context: trace.SpanContext, attributes: types.Attributes = None) -> None:
        if not self._ended and len(self._links) < MOST:
            self._links.append((context.trace_id, context.span_id, _all_fitting(attributes)))

    def update_name(self, name: str) -> None:
        self._name = str(name)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Once it is OK it stays so, as OpenTelemetry says."""
        code = status.status_code if isinstance(status, Status) else status
        if self._ended or self._status is StatusCode.OK or code is StatusCode.UNSET:
            return
        message = status.description if isinstance(status, Status) else description
        self._status, self._message = code, cut(message or "")

    def set_ok(self) -> None:
        if not self._ended:
            self._status = StatusCode.OK

    def record_exception(
        self,
        exception: BaseException,
        attributes: types.Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        kind = type(exception)
        module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
        told = {
            "exception.type": f"{module}{kind.__qualname__}",
            "exception.message": str(exception),
            "exception.stacktrace": "".join(traceback.format_exception(exception)),
            "exception.escaped": str(escaped),
        }
        self.add_event("exception", {**told, **(attributes or {})}, timestamp)

    def end(self, end_time: int | None = None) -> None:
        if self._ended:
            return
        self._ended = True
        self._sink(
            SpanRecord(
                self._scope,
                self.trace_id,
                self.span_id,
                self._parent_id,
                self.trace_state.to_header() if self.trace_state else "",
                self._name,
                self._kind._value_,
                self._began_ns,
                end_time or time_ns(),
                self._attributes,
                self._payloads,
                self._events,
                self._links,
                self._status._value_,
                self._message,
            )
        )


class Tracer(trace.Tracer):
    """Makes spans under one name. A caller who says that a trace is not sampled gets none recorded."""

    def __init__(self, scope: str, sink: Sink) -> None:
        self._scope = scope
        self._sink = sink

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: types.Attributes = None,
        links: Sequence[trace.Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> trace.Span:
        current = trace.get_current_span(context)
        parent: trace.SpanContext | Span | None = current if isinstance(current, Span) else current.get_span_context()
        if isinstance(parent, trace.SpanContext):
            if parent.is_valid and not parent.trace_flags.sampled:
                return trace.NonRecordingSpan(parent)
            parent = parent if parent.is_valid else None
        span = self._open(str(name), kind, parent, start_time or time_ns())
        if attributes:
            span.set_attributes(attributes)
        for link in links or ():
            span.add_link(link.context, link.attributes)
        return span

    def _open(self, name: str, kind: SpanKind, parent: trace.SpanContext | Span | None, began_ns: int) -> Span:
        return Span(self._sink, self._scope, name, kind, parent, began_ns)

    @_agnosticcontextmanager
    def start_as_current_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: types.Attributes = None,
        links: Sequence[trace.Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Iterator[trace.Span]:
        span = self.start_span(name, context, kind, attributes, links, start_time)
        with trace.use_span(
            span,
            end_on_exit=end_on_exit,
            record_exception=record_exception,
            set_status_on_exception=set_status_on_exception,
        ):
            yield span


class TracerProvider(trace.TracerProvider):
    """Gives tracers whose spans all end in one sink."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: types.Attributes = None,
    ) -> Tracer:
        return Tracer(instrumenting_module_name, self._sink)

    def add_span_processor(self, processor: object) -> None:
        """As code written for the SDK's provider calls it; it is told what to do instead."""
        log.warning(
            "the flow's own span processor %s gets no spans: the runtime exports them. Set "
            "PF_BUILTIN_TRACE_EXPORTERS_DISABLE=true to leave them to the flow's own provider.",
            type(processor).__name__,
        )

    def force_flush(self, timeout_millis: int = 0) -> bool:
        """Spans are on their way as soon as they end."""
        return True


def _fitting(value: Any) -> Any:
    """The value as an attribute may hold it, copied; None when it may not."""
    kind = type(value)
    if kind is str:
        return cut(value)
    if kind in _ATOMS:
        return value
    for atom in (str, bool, int, float):
        if isinstance(value, atom):
            return _fitting(atom(value))
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        items = [_fitting(each) for each in value[:MOST]]
        kinds = {type(each) for each in items}
        return items if len(kinds) <= 1 and kinds <= _ATOMS else None
    return None


def _all_fitting(attributes: types.Attributes) -> dict[str, Any]:
    found = {str(key): _fitting(value) for key, value in (attributes or {}).items()}
    return {key: value for key, value in found.items() if value is not None}
