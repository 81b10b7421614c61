"""A request that a newcomer can send: a body of the flow's own inputs, and the curl line."""

from __future__ import annotations

import json
import shlex
from typing import Any

from flowstead_runtime.flow.definition import FlowDefinition, ValueType

_PLACEHOLDERS: dict[ValueType, Any] = {
    ValueType.INT: 1,
    ValueType.DOUBLE: 1.0,
    ValueType.BOOL: True,
    ValueType.STRING: "some text",
    ValueType.LIST: [],
    ValueType.OBJECT: {},
    ValueType.IMAGE: {"data:image/png;base64": ""},
}


def sample_body(flow: FlowDefinition) -> dict[str, Any]:
    """The flow's sample where it has one, else each input's default, else a value of its type."""
    body: dict[str, Any] = {}
    for name, each in flow.inputs.items():
        if name in flow.sample:
            body[name] = flow.sample[name]
        else:
            body[name] = _PLACEHOLDERS[each.type] if each.default is None else each.default
    return body


def curl_line(url: str, key: str, body: dict[str, Any]) -> str:
    """A command for any POSIX shell, quoted so that it works when pasted."""
    text = json.dumps(body, ensure_ascii=False)
    return (
        f"curl {shlex.quote(url)} \\\n"
        f"  -H {shlex.quote(f'Authorization: Bearer {key}')} \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(text)}"
    )
