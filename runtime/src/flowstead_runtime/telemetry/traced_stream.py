"""Streams whose call lasts until they are exhausted, closed or forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel

if TYPE_CHECKING:
    from flowstead_runtime.telemetry.instrument import Frame

MOST_PIECES = 10_000
"""That are kept to be shown."""
MOST_CHUNKS = 128
"""The same, of a provider's chunks: these are large, and more would not fit into a span."""


class _Stream:
    """seen_pieces: what the stream gave, for whoever shows it."""

    def __init__(self, inner: Any, frame: Frame) -> None:
        self._inner = inner
        self._frame: Frame | None = frame
        self.seen_pieces: list[Any] = []
        self._most = 0 if frame.span is None else MOST_PIECES if frame.streamed is None else MOST_CHUNKS

    def __getattr__(self, name: str) -> Any:
        # The SDK's streams have more to them than iteration.
        return getattr(self._inner, name)

    def _saw(self, piece: Any) -> None:
        if len(self.seen_pieces) < self._most:
            self.seen_pieces.append(piece)
        if self._frame is not None and self._frame.streamed is not None:
            self._frame.streamed.add(piece)

    def _end(self, error: BaseException | None = None) -> None:
        frame, self._frame = self._frame, None
        if frame is None:
            return
        if error is None:
            frame.finish_stream(self.seen_pieces)
        else:
            frame.fail(error)

    def __del__(self) -> None:
        self._end()


class TracedStream(_Stream):
    """For `for`."""

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        frame = self._frame
        if frame is None:
            return next(self._inner)
        entered = frame.enter()
        try:
            piece = next(self._inner)
        except StopIteration:
            self._end()
            raise
        except BaseException as error:
            self._end(error)
            raise
        finally:
            otel.detach(entered)
        self._saw(piece)
        return piece

    def close(self) -> None:
        close = getattr(self._inner, "close", None)
        if close is not None:
            close()
        self._end()

    def __enter__(self) -> TracedStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncTracedStream(_Stream):
    """For `async for`."""

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        frame = self._frame
        if frame is None:
            return await self._inner.__anext__()
        entered = frame.enter()
        try:
            piece = await self._inner.__anext__()
        except StopAsyncIteration:
            self._end()
            raise
        except BaseException as error:
            self._end(error)
            raise
        finally:
            otel.detach(entered)
        self._saw(piece)
        return piece

    async def aclose(self) -> None:
        close = getattr(self._inner, "aclose", None) or getattr(self._inner, "close", None)
        if close is not None:
            await close()
        self._end()

    async def close(self) -> None:
        """As the SDK's streams call it."""
        await self.aclose()

    async def __aenter__(self) -> AsyncTracedStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
