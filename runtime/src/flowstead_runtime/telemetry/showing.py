"""From what a span has seen to what may be shown of it: snapshots as JSON, nothing secret."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from flowstead_runtime.connections.hiding import HIDDEN, Secrets
from flowstead_runtime.secret_values import looks_secret
from flowstead_runtime.telemetry.records import SpanRecord

_quoted = json.encoder.encode_basestring_ascii
_OWN = frozenset(
    {
        *("framework", "span_type", "function", "node_name", "output_type", "execution_target"),
        *("request_id", "line_run_id", "prompt.template", "llm.response.model"),
    }
)
"""Attributes of the runtime itself: their names stand for no secret."""


class Showing:
    """Knows the serving process's secrets."""

    def __init__(self) -> None:
        self._secrets = Secrets()

    def learn(self, secrets: Iterable[str]) -> None:
        self._secrets.learn(secrets)

    def shown(self, span: SpanRecord) -> SpanRecord:
        """The span with its payloads as attributes and events, its texts without secrets."""
        attributes = self._attributes(span.attributes)
        events = [(name, at_ns, self._attributes(told)) for name, at_ns, told in span.events]
        for key, event, at_ns, value in span.payloads:
            text = self.json(value)
            if key:
                attributes[key] = text
            if event:
                events.append((event, at_ns, {"payload": text}))
        events.sort(key=_when)
        return span._replace(
            name=self._secrets.hide(span.name),
            attributes=attributes,
            payloads=[],
            events=events,
            links=[(trace_id, span_id, self._attributes(told)) for trace_id, span_id, told in span.links],
            message=self._secrets.hide(span.message) if span.message else "",
        )

    def json(self, value: Any) -> str:
        """A snapshot as JSON, nothing secret."""
        return self._json(value, "\n")

    def _attributes(self, attributes: dict[str, Any]) -> dict[str, Any]:
        return {name: self._attribute(name, value) for name, value in attributes.items()}

    def _attribute(self, name: str, value: Any) -> Any:
        if isinstance(value, str):
            return self._secrets.hide(value) if name in _OWN else self._text(name, value)
        if isinstance(value, list):
            return [self._secrets.hide(each) if isinstance(each, str) else each for each in value]
        return value

    def _json(self, value: Any, line: str, name: str = "") -> str:
        """As `json.dumps(value, indent=2)` writes it. line: a line break with the indent of where the value stands;
        name: under which a mapping has it."""
        if isinstance(value, str):
            return _quoted(self._text(name, value))
        if isinstance(value, dict):
            deeper = line + "  "
            pairs = [
                f"{_quoted(self._secrets.hide(key))}: {self._json(item, deeper, key)}" for key, item in value.items()
            ]
            return f"{{{deeper}{f',{deeper}'.join(pairs)}{line}}}" if pairs else "{}"
        if isinstance(value, list):
            deeper = line + "  "
            items = [self._json(each, deeper) for each in value]
            return f"[{deeper}{f',{deeper}'.join(items)}{line}]" if items else "[]"
        return json.dumps(value)

    def _text(self, name: str, value: str) -> str:
        """A name that stands for a secret hides its value, whatever that is."""
        return HIDDEN if name and looks_secret(name, value) else self._secrets.hide(value)


def _when(event: tuple[str, int, Any]) -> int:
    return event[1]
