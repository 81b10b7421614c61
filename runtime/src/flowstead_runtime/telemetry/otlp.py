"""OTLP's protobuf messages, written by hand: a few fields of a few messages, stable since version 1 of the protocol.

The packages that generate them weigh several megabytes and pin their own versions of protobuf, which may not suit what
a flow asks for. Field numbers: opentelemetry-proto's trace.proto, metrics.proto, common.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from flowstead_runtime.telemetry.records import Event, Link, SpanRecord

CUMULATIVE = 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SHORT = 64
"""Characters of a value whose encoding is kept."""
_fixed64 = struct.Struct("<Q").pack
_signed64 = struct.Struct("<q").pack
_double = struct.Struct("<d").pack


def encode_spans(spans: Sequence[SpanRecord], resource: Mapping[str, Any]) -> bytes:
    """An ExportTraceServiceRequest."""
    by_scope: dict[str, list[bytes]] = {}
    for span in spans:
        by_scope.setdefault(span.scope, []).append(_field(2, _span(span)))
    scopes = [_field(2, _scope(name) + b"".join(encoded)) for name, encoded in by_scope.items()]
    return _field(1, _resource(resource) + b"".join(scopes))


def encode_metrics(metrics: Iterable[bytes], resource: Mapping[str, Any], scope: str) -> bytes:
    """An ExportMetricsServiceRequest of metrics made by `encode_sum` and `encode_histogram`."""
    encoded = b"".join(_field(2, each) for each in metrics)
    return _field(1, _resource(resource) + _field(2, _scope(scope) + encoded))


def encode_sum(name: str, points: Iterable[tuple[Mapping[str, Any], int]], *, since_ns: int, until_ns: int) -> bytes:
    """A counter. points: attributes and count."""
    encoded = b"".join(
        _field(1, _point(7, attributes, since_ns, until_ns) + bytes([6 << 3 | _FIXED64]) + _signed64(count))
        for attributes, count in points
    )
    return _text(1, name) + _field(7, encoded + _int(2, CUMULATIVE) + _int(3, 1))


def encode_histogram(
    name: str,
    points: Iterable[tuple[Mapping[str, Any], Sequence[int], float]],
    *,
    bounds: Sequence[float],
    since_ns: int,
    until_ns: int,
) -> bytes:
    """A histogram in milliseconds. points: attributes, counts of the buckets, and the sum."""
    encoded_bounds = _field(7, b"".join(map(_double, bounds)))
    encoded = b"".join(
        _field(
            1,
            _point(9, attributes, since_ns, until_ns)
            + bytes([4 << 3 | _FIXED64])
            + _fixed64(sum(counts))
            + bytes([5 << 3 | _FIXED64])
            + _double(total)
            + _field(6, b"".join(map(_fixed64, counts)))
            + encoded_bounds,
        )
        for attributes, counts, total in points
    )
    return _text(1, name) + _text(3, "ms") + _field(9, encoded + _int(2, CUMULATIVE))


def _span(span: SpanRecord) -> bytes:
    parts = [
        _field(1, span.trace_id.to_bytes(16)),
        _field(2, span.span_id.to_bytes(8)),
        _text(3, span.trace_state),
        _field(4, span.parent_id.to_bytes(8)) if span.parent_id else b"",
        _text(5, span.name),
        _int(6, span.kind + 1),
        _time(7, span.began_ns),
        _time(8, span.ended_ns),
        _attributes(9, span.attributes),
        *(_field(11, _event(each)) for each in span.events),
        *(_field(13, _link(each)) for each in span.links),
        _field(15, _text(2, span.message) + (_int(3, span.status) if span.status else b"")),
        _SAMPLED_FLAGS,
    ]
    return b"".join(parts)


def _event(event: Event) -> bytes:
    name, at_ns, attributes = event
    return _time(1, at_ns) + _text(2, name) + _attributes(3, attributes)


def _link(link: Link) -> bytes:
    trace_id, span_id, attributes = link
    return _field(1, trace_id.to_bytes(16)) + _field(2, span_id.to_bytes(8)) + _attributes(4, attributes)


def _resource(attributes: Mapping[str, Any]) -> bytes:
    return _field(1, _attributes(1, attributes))


def _scope(name: str) -> bytes:
    return _field(1, _text(1, name))


def _point(attributes_field: int, attributes: Mapping[str, Any], since_ns: int, until_ns: int) -> bytes:
    return _attributes(attributes_field, attributes) + _time(2, since_ns) + _time(3, until_ns)


def _attributes(number: int, attributes: Mapping[str, Any]) -> bytes:
    return b"".join(
        [
            _field(
                number, _short_pair(key, value) if type(value) is str and len(value) <= _SHORT else _pair(key, value)
            )
            for key, value in attributes.items()
        ]
    )


def _pair(key: str, value: Any) -> bytes:
    return _text(1, key) + _field(2, _value(value))


_short_pair = lru_cache(4096)(_pair)
"""Most attributes say the same in every span."""


def _value(value: Any) -> bytes:
    if isinstance(value, str):
        return _field(1, value.encode("utf-8", "replace"))
    if isinstance(value, bool):
        return _int(2, int(value))
    if isinstance(value, int):
        return _int(3, value) if -(2**63) <= value < 2**63 else _field(1, str(value).encode())
    if isinstance(value, float):
        return bytes([4 << 3 | _FIXED64]) + _double(value)
    return _field(5, b"".join(_field(1, _value(each)) for each in value))


def _time(number: int, nanoseconds: int) -> bytes:
    return bytes([number << 3 | _FIXED64]) + _fixed64(nanoseconds)


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode("utf-8", "replace")) if text else b""


def _int(number: int, value: int) -> bytes:
    return _varint(number << 3 | _VARINT) + _varint(value & 0xFFFF_FFFF_FFFF_FFFF)


def _field(number: int, content: bytes) -> bytes:
    """number: below 16, as all of them are, so that it fits one byte."""
    length = len(content)
    return _BYTES_OF[number] + (_SMALL[length] if length < 0x80 else _varint(length)) + content


def _varint(value: int) -> bytes:
    if value < 0x80:
        return _SMALL[value]
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


_SMALL = [bytes([value]) for value in range(0x80)]
_BYTES_OF = [bytes([number << 3 | _BYTES]) for number in range(16)]
_SAMPLED_FLAGS = _varint(16 << 3 | _FIXED32) + struct.pack("<I", 1)
"""The span's flags: it is sampled."""
