"""What the Accept header allows. Media types are compared literally and q only matters when it is 0."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from flowstead_runtime.errors import NotAcceptable

JSON = "application/json"
EVENT_STREAM = "text/event-stream"
_JSON_NAMES = frozenset({JSON, "*/*", "application/*"})


@dataclass(frozen=True)
class Accept:
    """json: an answer in JSON will do. stream: text/event-stream is named; a wildcard does not name it."""

    named: tuple[str, ...]
    json: bool
    stream: bool

    def refusal(self, *, has_stream: bool) -> NotAcceptable:
        """The error when nothing that the flow can give is acceptable."""
        supported = f"{EVENT_STREAM}, {JSON}" if has_stream else JSON
        named = ", ".join(self.named)[:200]
        return NotAcceptable(
            f"Media type {named} in Accept header is not acceptable. This answer is available as: {supported}"
        )


@lru_cache(maxsize=256)
def parse_accept(header: str) -> Accept:
    """Read an Accept header; an empty one accepts JSON."""
    named = tuple(_types(header))
    if not named:
        return Accept(named=(), json=True, stream=False)
    return Accept(named, json=not _JSON_NAMES.isdisjoint(named), stream=EVENT_STREAM in named)


def _types(header: str) -> list[str]:
    found = []
    for part in header.split(","):
        name, *parameters = part.split(";")
        name = name.strip().lower()
        if name and not any(_is_zero(each) for each in parameters):
            found.append(name)
    return found


def _is_zero(parameter: str) -> bool:
    """RFC 9110, 12.4.2: a weight of 0 means not acceptable."""
    key, _, value = parameter.partition("=")
    return key.strip().lower() == "q" and value.strip() in {"0", "0.0", "0.00", "0.000"}
