"""Single values put into what is there, which may say more than Azure ML's YAML has words for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def put_into(there: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The body with what differs between two readings of it, without the values and with them; all else as it is."""
    body = dict(there)
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            body[name] = put_into(there.get(name) or {}, old, new)
        elif name in after:
            body[name] = new
        else:
            body.pop(name, None)
    return body
