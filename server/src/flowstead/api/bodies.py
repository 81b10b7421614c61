"""What request bodies have in common."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic.alias_generators import to_camel

from flowstead.api import durations

MAX_MAP_ENTRIES = 200
MAX_DEPTH = 100
"""How far a body may be nested: what is kept as it came is walked by functions that call themselves, at a depth of
calls that differs from reader to reader."""


class Body(BaseModel):
    """A request body, or a part of one: camelCase on the wire; fields that we do not know are let be."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", hide_input_in_errors=True
    )

    @model_validator(mode="before")
    @classmethod
    def _all_can_be_answered(cls, value: Any) -> Any:
        """JSON can spell half a surrogate pair (`\\ud800`) and infinity (`1e999`), which no answer could ever be
        encoded with, and can be nested more deeply than any."""
        _check_values(value)
        return value


class Settings(Body):
    """A part whose fields all have defaults: null means them, as it does in Azure."""

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, value: Any) -> Any:
        return {name: each for name, each in value.items() if each is not None} if isinstance(value, dict) else value


def _check_values(value: Any) -> None:
    pending = [(value, 0)]
    while pending:
        node, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise ValueError(f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(node, str):
            try:
                node.encode()
            except UnicodeEncodeError:
                raise ValueError("a text with half a surrogate pair, which is no Unicode text") from None
        elif isinstance(node, float) and not math.isfinite(node):
            raise ValueError("a number that is too large, or none at all")
        elif isinstance(node, Mapping):
            pending.extend((each, depth + 1) for each in (*node.keys(), *node.values()))
        elif isinstance(node, list):
            pending.extend((each, depth + 1) for each in node)


def _check_map(value: Mapping[str, str]) -> Mapping[str, str]:
    if len(value) > MAX_MAP_ENTRIES:
        raise ValueError(f"more than {MAX_MAP_ENTRIES} entries")
    return value


def _empty_for_none(value: Any) -> Any:
    return {} if value is None else value


def _words_for_scalars(value: Any) -> Any:
    """YAML users write numbers and booleans where the API wants text; Azure takes them as such."""
    if not isinstance(value, dict):
        return value
    return {
        name: ("true" if entry else "false") if isinstance(entry, bool) else str(entry) if _is_number(entry) else entry
        for name, entry in value.items()
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


TextMap = Annotated[
    dict[str, str], BeforeValidator(_words_for_scalars), BeforeValidator(_empty_for_none), AfterValidator(_check_map)
]
"""Names and texts; null is taken as empty."""
Seconds = Annotated[float, BeforeValidator(lambda value: _seconds(value))]
"""An ISO 8601 duration on the wire, seconds here."""


def _seconds(value: Any) -> float:
    if not isinstance(value, str):
        raise ValueError("not an ISO 8601 duration such as PT5S or PT1M30S")
    return durations.to_seconds(value)
