"""What an answer of the OpenAI SDK says about itself: model, text, tokens. By its shape, since a flow brings its own
version of the SDK."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowstead_runtime.telemetry.snapshot import CHARACTERS

COUNTED = ("prompt_tokens", "completion_tokens")
_USAGE = (*COUNTED, "total_tokens")


@dataclass(frozen=True)
class Answer:
    """usage: tokens by kind, empty when the provider did not say. embeddings: what stands for the vectors."""

    model: str = ""
    usage: Mapping[str, int] = field(default_factory=dict)
    message: Any = None
    embeddings: list[dict[str, str]] | None = None


def answer_of(response: Any) -> Answer | None:
    """A chat or completion that came whole; None for anything else."""
    choices = getattr(response, "choices", None)
    if not isinstance(choices, Sequence) or not choices:
        return None
    message = getattr(choices[0], "message", None)
    if message is None:
        message = getattr(choices[0], "text", None)
    return Answer(_model(response), usage_of(response), message)


class StreamedAnswer:
    """One that comes in pieces. Tokens are known only where the caller asked the provider to add them to the stream."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._left = CHARACTERS
        self._role, self._model, self._chat = "assistant", "", False
        self._usage: Mapping[str, int] = {}

    def add(self, chunk: Any) -> None:
        """What is no piece of an answer changes nothing."""
        choices = getattr(chunk, "choices", None)
        if choices is None:
            return
        self._model = self._model or _model(chunk)
        self._usage = usage_of(chunk) or self._usage
        if not choices:
            return
        delta = getattr(choices[0], "delta", None)
        self._chat = self._chat or delta is not None
        text = getattr(choices[0] if delta is None else delta, "text" if delta is None else "content", None)
        if text and self._left > 0:
            self._texts.append(text)
            self._left -= len(text)
            self._role = getattr(delta, "role", None) or self._role

    def answer(self) -> Answer:
        """As far as it has come."""
        text = "".join(self._texts)
        message = {"content": text, "role": self._role} if self._chat and text else text or None
        return Answer(self._model, self._usage, message)


def embeddings_of(response: Any, asked: Any) -> Answer | None:
    """How many numbers each vector has, in place of the numbers. asked: a text, a list of them, or tokens in their
    place."""
    data = getattr(response, "data", None)
    if not isinstance(data, Sequence):
        return None
    vectors = [getattr(each, "embedding", None) or () for each in data]
    single = isinstance(asked, str) or not isinstance(asked, list) or all(isinstance(each, int) for each in asked)
    texts = [asked] if single else asked
    shown = [
        {
            "embedding.vector": f"<{len(vector)} dimensional vector>",
            "embedding.text": text if isinstance(text, str) else "<tokens>",
        }
        for vector, text in zip(vectors, texts, strict=False)
    ]
    return Answer(_model(response), usage_of(response), embeddings=shown)


def usage_of(response: Any) -> dict[str, int]:
    """Tokens by kind; empty when the response does not say."""
    usage = getattr(response, "usage", None)
    counts = {kind: getattr(usage, kind, None) for kind in _USAGE} if usage is not None else {}
    return {kind: count for kind, count in counts.items() if isinstance(count, int)}


def _model(response: Any) -> str:
    model = getattr(response, "model", None)
    return model if isinstance(model, str) else ""
