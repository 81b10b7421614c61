"""The pieces of an LLM's answer as they come. Unlike generators, these close their connection even when nothing was
read."""

from __future__ import annotations

from typing import Any

from flowstead_runtime.tools.provider import BlockingProvider, Provider


class TextStream:
    """For `async for`. skip_empty: leave out pieces without text."""

    def __init__(self, response: Any, provider: Provider, *, chat: bool, skip_empty: bool = False) -> None:
        self._response = response
        self._provider = provider
        self._chat = chat
        self._skip_empty = skip_empty

    def __aiter__(self) -> TextStream:
        return self

    async def __anext__(self) -> str:
        try:
            async for chunk in self._response:
                text = text_of(chunk, chat=self._chat)
                if text or (text is not None and not self._skip_empty):
                    return text
        except Exception as error:
            raise self._provider.failure(error) from None
        raise StopAsyncIteration

    async def aclose(self) -> None:
        await self._response.close()


class BlockingTextStream:
    """For `for`."""

    def __init__(self, response: Any, provider: BlockingProvider, *, chat: bool, skip_empty: bool = False) -> None:
        self._response = response
        self._provider = provider
        self._chat = chat
        self._skip_empty = skip_empty

    def __iter__(self) -> BlockingTextStream:
        return self

    def __next__(self) -> str:
        try:
            for chunk in self._response:
                text = text_of(chunk, chat=self._chat)
                if text or (text is not None and not self._skip_empty):
                    return text
        except Exception as error:
            raise self._provider.failure(error) from None
        raise StopIteration

    def close(self) -> None:
        self._response.close()


def text_of(chunk: Any, *, chat: bool) -> str | None:
    """The text of the first choice, "" when it has none; None for a chunk that is not about the first choice."""
    if not chunk.choices or chunk.choices[0].index:
        return None
    choice = chunk.choices[0]
    return (choice.delta.content if chat else choice.text) or ""
