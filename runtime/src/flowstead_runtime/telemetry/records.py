"""A finished span as it travels to the export process: plain values only, in this order."""

from __future__ import annotations

from typing import Any, NamedTuple

Event = tuple[str, int, dict[str, Any]]
"""Name, nanoseconds since 1970, attributes."""

Link = tuple[int, int, dict[str, Any]]
"""Trace id, span id, attributes."""


class SpanRecord(NamedTuple):
    """scope: the name of the tracer. parent_id: 0 for none. kind: as the OpenTelemetry API counts, from internal = 0.
    Times in nanoseconds since 1970. payloads: attributes whose value is to be shown as JSON, each with the event that
    shows it too ("" for none)."""

    scope: str
    trace_id: int
    span_id: int
    parent_id: int
    trace_state: str
    name: str
    kind: int
    began_ns: int
    ended_ns: int
    attributes: dict[str, Any]
    payloads: list[tuple[str, str, int, Any]]
    events: list[Event]
    links: list[Link]
    status: int
    message: str
