"""What the serving process says to its export process, over a pipe: values in Python's own binary form, each behind its
length. Both ends run the same Python.

Messages are pairs: ("settings", …), ("secrets", texts), ("spans", packed records), ("metrics", points).
"""

from __future__ import annotations

import marshal
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from flowstead_runtime.telemetry.records import SpanRecord

Message = tuple[str, Any]
_LENGTH = struct.Struct("<I")


def pack(message: Message) -> bytes:
    """Raises ValueError for what is no plain value."""
    body = marshal.dumps(message)
    return _LENGTH.pack(len(body)) + body


def pack_span(span: SpanRecord) -> bytes:
    """A span as one text of bytes: what waits holds no objects for the garbage collector to visit, and can be
    weighed."""
    return marshal.dumps(tuple(span))


def unpack_span(packed: bytes) -> SpanRecord:
    return SpanRecord(*marshal.loads(packed))  # noqa: S302 - as below


def unpack(stream: BinaryIO) -> Iterator[Message]:
    """The messages until the other end closes, or dies in the middle of one."""
    while len(head := stream.read(_LENGTH.size)) == _LENGTH.size:
        (length,) = _LENGTH.unpack(head)
        body = stream.read(length)
        if len(body) < length:
            return
        yield marshal.loads(body)  # noqa: S302 - from the process that started this one
