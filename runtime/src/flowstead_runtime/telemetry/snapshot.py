"""A value as it is now, in plain Python and of bounded size, for a span that is encoded later and elsewhere.

Lists and mappings may change after the span has seen them, so they are copied; connections lose their secrets here.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any

from flowstead_runtime.connections.hiding import HIDDEN
from flowstead_runtime.connections.types import Connection
from flowstead_runtime.tools.values import Secret

CHARACTERS = 65_536
"""Of one value's texts together; what exceeds them is cut. Larger spans are refused by many collectors."""
_DEPTH = 32
_CUT = "… (cut)"
_PLAIN = frozenset({int, float, bool, type(None)})
_PER_ITEM = 8
"""Characters that a number, a bracket or a comma counts for."""


def snapshot(value: Any) -> Any:
    """Texts, numbers, lists and mappings with text keys. What has no such form is given by its repr or its type."""
    return _Walk().copy(value, 0)


def cut(text: str, limit: int = CHARACTERS) -> str:
    """The text, no longer than the limit."""
    return text if len(text) <= limit else text[:limit] + _CUT


class _Walk:
    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = CHARACTERS

    def copy(self, value: Any, depth: int) -> Any:
        kind = type(value)
        self.left -= _PER_ITEM
        if kind is str:
            if len(value) > self.left:
                return self._text(value)
            self.left -= len(value)
            return value
        if kind in _PLAIN:
            return value
        if depth > _DEPTH or self.left <= 0:
            return _CUT
        if kind is dict:
            return self._mapping(value, depth)
        if kind is list or kind is tuple:
            return self._sequence(value, depth)
        try:
            return self._other(value, depth)
        except Exception as problem:  # a property or a repr of the flow's own code
            return f"<{kind.__name__}: {type(problem).__name__}>"

    def _text(self, value: str) -> str:
        shown = cut(value, max(0, self.left))
        self.left -= len(shown)
        return shown

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, item in value.items():
            if self.left <= 0:
                found[_CUT] = None
                break
            found[key if type(key) is str else str(key)] = self.copy(item, depth + 1)
        return found

    def _sequence(self, value: Any, depth: int) -> list[Any]:
        found = []
        for item in value:
            if self.left <= 0:
                found.append(_CUT)
                break
            found.append(self.copy(item, depth + 1))
        return found

    def _other(self, value: Any, depth: int) -> Any:
        if isinstance(value, Secret):
            return HIDDEN
        if isinstance(value, Connection) or type(value).__name__.endswith("Connection"):
            return str(getattr(value, "name", "") or type(value).__name__)
        if isinstance(value, enum.Enum):
            return self.copy(value.value, depth)
        for kind in (str, int, float):
            if isinstance(value, kind):
                return self.copy(kind(value), depth)
        if isinstance(value, bytes | bytearray):
            return f"<{len(value)} bytes>"
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, list | tuple | set | frozenset):
            return self._sequence(value, depth)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self._mapping(
                {each.name: getattr(value, each.name) if each.repr else HIDDEN for each in dataclasses.fields(value)},
                depth,
            )
        if hasattr(type(value), "model_dump"):
            return self.copy(value.model_dump(), depth)
        items = getattr(value, "seen_pieces", None)
        return self._sequence(items, depth) if items is not None else self._text(repr(value))
