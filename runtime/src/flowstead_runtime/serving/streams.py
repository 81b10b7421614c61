"""Outputs that come piece by piece: telling them apart, taking the pieces, letting go of them.

A synchronous iterator runs in a thread, since the code behind it may wait for the network."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from functools import partial
from itertools import takewhile
from types import MappingProxyType
from typing import Any

from flowstead_runtime.flow.threads import ThreadPool

_PLAIN = frozenset({str, int, float, bool, dict, list, tuple, type(None)})
_END = object()
_NONE: Mapping[str, Any] = MappingProxyType({})


def is_stream(value: Any) -> bool:
    """Whether the value is taken piece by piece."""
    return type(value) not in _PLAIN and isinstance(value, Iterator | AsyncIterator)


async def pieces(stream: Any, pool: ThreadPool) -> AsyncGenerator[Any, None]:
    """The stream's pieces, one at a time, nothing taken ahead. The caller closes the stream (`close`)."""
    if isinstance(stream, AsyncIterator):
        async for piece in stream:
            yield piece
        return
    # One context for all pieces: what the generator sets stays set.
    take = partial(contextvars.copy_context().run, _next, stream)
    while True:
        piece = await pool.submit(take, _NONE)
        if piece is _END:
            return
        yield piece


async def joined(stream: Any, pool: ThreadPool) -> str:
    """The whole stream as one text. When it is cancelled, the piece that is being made is the last."""
    given_up = threading.Event()
    try:
        if isinstance(stream, AsyncIterator):
            return "".join([str(piece) async for piece in stream])
        whole: str = await pool.submit(_join, {"stream": stream, "given_up": given_up})
        return whole
    finally:
        given_up.set()
        await close(stream, pool)


async def close(stream: Any, pool: ThreadPool) -> None:
    """Let the stream end. What its own clean-up raises is of no interest to anyone any more."""
    with contextlib.suppress(Exception):
        if isinstance(stream, AsyncIterator):
            if hasattr(stream, "aclose"):
                await stream.aclose()
        elif hasattr(stream, "close"):
            # A generator that still runs in a thread refuses with a ValueError, and ends with its thread.
            await pool.submit(stream.close, _NONE)


def _next(stream: Iterator[Any]) -> Any:
    return next(stream, _END)


def _join(stream: Iterator[Any], given_up: threading.Event) -> str:
    return "".join(str(piece) for piece in takewhile(lambda _: not given_up.is_set(), stream))
