"""Outputs that come piece by piece: telling them apart, taking the pieces, letting go of them.

A synchronous iterator runs in a thread, since the code behind it may wait for the network."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from concurrent.futures import Executor
from itertools import takewhile
from typing import Any

_PLAIN = frozenset({str, int, float, bool, dict, list, tuple, type(None)})
_END = object()


def is_stream(value: Any) -> bool:
    """Whether the value is taken piece by piece."""
    return type(value) not in _PLAIN and isinstance(value, Iterator | AsyncIterator)


async def pieces(stream: Any, executor: Executor) -> AsyncGenerator[Any, None]:
    """The stream's pieces, one at a time, nothing taken ahead. The caller closes the stream (`close`)."""
    if isinstance(stream, AsyncIterator):
        async for piece in stream:
            yield piece
        return
    loop = asyncio.get_running_loop()
    context = contextvars.copy_context()
    while True:
        piece = await loop.run_in_executor(executor, context.run, _next, stream)
        if piece is _END:
            return
        yield piece


async def joined(stream: Any, executor: Executor) -> str:
    """The whole stream as one text. When it is cancelled, the piece that is being made is the last."""
    given_up = threading.Event()
    try:
        if isinstance(stream, AsyncIterator):
            return "".join([str(piece) async for piece in stream])
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(executor, context.run, _join, stream, given_up)
    finally:
        given_up.set()
        await close(stream, executor)


async def close(stream: Any, executor: Executor) -> None:
    """Let the stream end. What its own clean-up raises is of no interest to anyone any more."""
    with contextlib.suppress(Exception):
        if isinstance(stream, AsyncIterator):
            if hasattr(stream, "aclose"):
                await stream.aclose()
        elif hasattr(stream, "close"):
            # A generator that still runs in a thread refuses with a ValueError, and ends with its thread.
            await asyncio.get_running_loop().run_in_executor(executor, stream.close)


def _next(stream: Iterator[Any]) -> Any:
    return next(stream, _END)


def _join(stream: Iterator[Any], given_up: threading.Event) -> str:
    return "".join(str(piece) for piece in takewhile(lambda _: not given_up.is_set(), stream))
