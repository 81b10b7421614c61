"""`Prompty` and `AsyncPrompty`, as flow code loads and calls them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from flowstead_runtime.connections.types import Connection
from flowstead_runtime.errors import RuntimeFailure
from flowstead_runtime.promptflow_api.exceptions import UserErrorException, user_error
from flowstead_runtime.promptflow_api.tracing import trace
from flowstead_runtime.tools import clients
from flowstead_runtime.tools.prompty import TRIES, PromptyFile, connection_of, load_prompty, unexpected
from flowstead_runtime.tools.text_stream import BlockingTextStream, TextStream


class Prompty:
    """A prompty file. Called with its inputs by name it gives the answer: the text, a mapping for `json_object`, the
    message with its tool calls, an iterator of texts when the file asks for a stream, or, with `response: all`, all
    that the provider said. Raises promptflow's UserErrorException for whatever goes wrong."""

    def __init__(self, path: str | os.PathLike[str], model: Mapping[str, Any] | None = None, **settings: Any) -> None:
        overrides = {**settings, "model": dict(model)} if model else settings
        try:
            self._file: PromptyFile = load_prompty(Path(path), os.environ, overrides=overrides)
        except RuntimeFailure as failure:
            raise user_error(failure) from failure

    @classmethod
    def load(cls, source: str | os.PathLike[str], **settings: Any) -> Self:
        """source: a file with the extension .prompty; settings: replace those of the file (`model={"parameters": …}`,
        `model={"configuration": …}`)."""
        path = Path(source)
        if not path.exists():
            raise UserErrorException(f"Source {path.absolute().as_posix()} does not exist")
        if path.suffix != ".prompty":
            raise UserErrorException("Source must be a file with .prompty extension.")
        return cls(path, **settings)

    @property
    def path(self) -> Path:
        return self._file.path

    @trace
    def __call__(self, *args: Any, **inputs: Any) -> Any:
        _refuse_positional(args)
        file = self._file
        try:
            provider = clients.blocking_provider(self._connection())
            request = file.request(inputs)
            response = provider.call(lambda: request.send(provider.client, inputs.get("timeout")), tries=TRIES)
            if not file.streams or file.model.all_choices:
                return file.answer(response)
            stream = BlockingTextStream(response, provider, chat=file.model.api != "completion", skip_empty=True)
            return file.value("".join(stream)) if file.wants_object else stream
        except RuntimeFailure as failure:
            raise user_error(failure) from failure
        except TypeError as error:
            raise user_error(unexpected(error)) from error

    def render(self, *args: Any, **inputs: Any) -> str:
        """The prompt that would be sent, as text."""
        _refuse_positional(args)
        try:
            return str(self._file.prompt(inputs))
        except RuntimeFailure as failure:
            raise user_error(failure) from failure

    def estimate_token_count(self, *args: Any, **inputs: Any) -> int:
        """Tokens of the prompt, by the rule of thumb of four bytes each, and `max_tokens` when that is set. The model's
        own tokenizer would have to be fetched from the network."""
        answer = self._file.model.parameters.get("max_tokens")
        if answer is not None and (not isinstance(answer, int) or answer <= 1):
            raise UserErrorException(f"max_tokens must be a whole number over 1, not {answer!r}")
        return -(-len(self.render(*args, **inputs).encode()) // 4) + (answer or 0)

    def _connection(self) -> Connection:
        return connection_of(self._file.model, clients.connections(), os.environ)


class AsyncPrompty(Prompty):
    """As `Prompty`; a call gives an awaitable, a stream is an async iterator."""

    @trace
    async def __call__(self, *args: Any, **inputs: Any) -> Any:
        _refuse_positional(args)
        file = self._file
        try:
            provider = clients.provider(self._connection())
            request = file.request(inputs)
            response = await provider.call(lambda: request.send(provider.client, inputs.get("timeout")), tries=TRIES)
            if not file.streams or file.model.all_choices:
                return file.answer(response)
            stream = TextStream(response, provider, chat=file.model.api != "completion", skip_empty=True)
            return file.value("".join([text async for text in stream])) if file.wants_object else stream
        except RuntimeFailure as failure:
            raise user_error(failure) from failure
        except TypeError as error:
            raise user_error(unexpected(error)) from error


def _refuse_positional(args: tuple[Any, ...]) -> None:
    if args:
        raise UserErrorException("Prompty can only be called with keyword arguments.")
