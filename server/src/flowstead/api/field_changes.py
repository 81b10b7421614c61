"""What differs between two bodies, field by field. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_NAMES = ("id", "name", "type", "kind")
"""What says which thing it is, not how it is."""


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Of what `leaves` makes of each, secrets as masks. None stands for what is not there."""
    for name in [*after, *(each for each in before if each not in after)]:
        old, new = before.get(name), after.get(name)
        if old != new and name not in _NAMES:
            yield {"field": name, "before": old, "after": new}


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted path, value) of all that is not an object itself; what is empty counts as absent."""
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from leaves(below, f"{name}.{key}" if name else str(key))
    elif name and value not in (None, {}):
        yield name, value
