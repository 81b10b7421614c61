"""Spans that are told of while they are made, to whoever watches their request."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Protocol

from opentelemetry import trace
from opentelemetry.trace import SpanKind

from flowstead_runtime.telemetry.records import SpanRecord
from flowstead_runtime.telemetry.settings import TelemetrySettings
from flowstead_runtime.telemetry.spans import Span, Tracer, TracerProvider
from flowstead_runtime.telemetry.telemetry import Telemetry


class Watcher(Protocol):
    """Watches one request. Called in whatever thread the flow's code runs, so it must not wait."""

    def begun(self, span_id: int, parent_id: int, name: str, inputs: Any) -> None:
        """A call begins. parent_id: 0 for none; inputs: a snapshot."""

    def ended(self, record: SpanRecord) -> None:
        """It has ended, well or not."""

    def said(self, node: str, stream: str, text: str) -> None:
        """The flow's code wrote something. node: "" outside of any; stream: stdout or stderr."""


WATCHER: ContextVar[Watcher | None] = ContextVar("flowstead_watcher", default=None)
"""Who watches the request that runs here. It goes along to the threads and tasks of the request."""


class NodeTelemetry(Telemetry):
    """Makes spans for watchers, and exports none."""

    def __init__(self) -> None:
        super().__init__(TelemetrySettings(traces=None, metrics=None), provider=_Provider(_drop))

    def start(self) -> None:
        """There is nothing to start."""

    def close(self) -> None:
        """Nor to send."""


class _Provider(TracerProvider):
    def get_tracer(self, instrumenting_module_name: str, *_: Any, **__: Any) -> Tracer:
        return _Tracer(instrumenting_module_name, _drop)


class _Tracer(Tracer):
    def _open(self, name: str, kind: SpanKind, parent: trace.SpanContext | Span | None, began_ns: int) -> Span:
        watcher = WATCHER.get()
        if watcher is None:
            return super()._open(name, kind, parent, began_ns)
        return _WatchedSpan(watcher, self._scope, name, kind, parent, began_ns)


class _WatchedSpan(Span):
    """Remembers its watcher: it may end in another context than it began in."""

    def __init__(
        self,
        watcher: Watcher,
        scope: str,
        name: str,
        kind: SpanKind,
        parent: trace.SpanContext | Span | None,
        began_ns: int,
    ) -> None:
        super().__init__(watcher.ended, scope, name, kind, parent, began_ns)
        self._watcher = watcher

    def set_payload(self, key: str, event: str, value: Any) -> None:
        """The inputs are the last that is known of a call before it is made."""
        super().set_payload(key, event, value)
        if key == "inputs":
            self._watcher.begun(self.span_id, self._parent_id, self._name, value)


def _drop(record: SpanRecord) -> None:
    """Nobody watches this one."""
