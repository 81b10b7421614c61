"""From what a span has seen to what may be shown of it: snapshots as JSON, nothing secret."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from flowstead_runtime.connections.hiding import HIDDEN, Secrets
from flowstead_runtime.secret_values import looks_secret
from flowstead_runtime.telemetry.records import SpanRecord

_encode = json.JSONEncoder(indent=2).encode


class Showing:
    """Knows the serving process's secrets."""

    def __init__(self) -> None:
        self._secrets = Secrets()

    def learn(self, secrets: Iterable[str]) -> None:
        self._secrets.learn(secrets)

    def shown(self, span: SpanRecord) -> SpanRecord:
        """The span with its payloads as attributes and events, its texts without secrets."""
        attributes = self._attributes(span.attributes)
        events = [(name, at, self._attributes(told)) for name, at, told in span.events]
        for key, event, at_ns, value in span.payloads:
            text = _encode(self._value(value))
            attributes[key] = text
            if event:
                events.append((event, at_ns, {"payload": text}))
        events.sort(key=lambda each: each[1])
        return span._replace(
            name=self._secrets.hide(span.name),
            attributes=attributes,
            payloads=[],
            events=events,
            links=[(trace_id, span_id, self._attributes(told)) for trace_id, span_id, told in span.links],
            message=self._secrets.hide(span.message),
        )

    def _attributes(self, attributes: dict[str, Any]) -> dict[str, Any]:
        return {name: self._value(value, name) for name, value in attributes.items()}

    def _value(self, value: Any, name: str = "") -> Any:
        """name: under which a mapping has it; one that stands for a secret hides it, whatever it is."""
        if isinstance(value, str):
            return HIDDEN if name and looks_secret(name, value) else self._secrets.hide(value)
        if isinstance(value, dict):
            return {self._secrets.hide(key): self._value(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self._value(item) for item in value]
        return value
