"""Values on spans, as JSON in an attribute and in an event."""

from __future__ import annotations

import json
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context

from flowstead_runtime.connections.hiding import SECRETS
from flowstead_runtime.telemetry.spans import Span, Tracer


def start_span(
    tracer: trace.Tracer, name: str, context: Context | None, attributes: dict[str, str | int]
) -> trace.Span:
    """A span with attributes that the runtime gives it."""
    if not isinstance(tracer, Tracer):
        return tracer.start_span(name, context, attributes=attributes)
    span = tracer.start_span(name, context)
    if isinstance(span, Span):
        span.adopt(attributes)
    return span


def set_ok(span: trace.Span) -> None:
    """The call has done what it should."""
    if isinstance(span, Span):
        span.set_ok()
    else:
        span.set_status(trace.StatusCode.OK)


def set_payload(span: trace.Span, key: str, event: str, value: Any) -> None:
    """key, event: "" for none. value: a snapshot. Our own spans leave the encoding to the export process; those of a
    provider that the flow's code set up get it done here."""
    if isinstance(span, Span):
        span.set_payload(key, event, value)
        return
    if not span.is_recording():
        return
    text = SECRETS.hide(json.dumps(value, indent=2))
    if key:
        span.set_attribute(key, text)
    if event:
        span.add_event(event, {"payload": text})
