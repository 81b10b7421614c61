"""`azureml.ai.monitoring` as flows use it: `Collector(name=…).collect(rows)`.

On Azure the package hands its records to a process beside the instance; here they go to the collection of this very
process, so these names stand in for the package whether it is installed or not."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from flowstead_runtime.telemetry.collection import CURRENT, REQUEST

log = logging.getLogger("flowstead.collection")

OnError = Callable[[Exception], Any]


class CorrelationContext:
    """What joins records of different collections."""

    def get_id(self) -> str:
        return ""

    def __str__(self) -> str:
        return self.get_id()


class BasicCorrelationContext(CorrelationContext):
    """id: of the request by default, so that records join those of `model_inputs`. timestamp: Unix time, now by
    default."""

    def __init__(
        self, id: str | None = None, timestamp: int | None = None, headers: Mapping[str, Any] | None = None
    ) -> None:
        request = REQUEST.get()
        self.id = id or (request.id if request is not None else str(uuid.uuid4()))
        self.timestamp = timestamp or int(time.time())
        self.headers = dict(headers or {})

    def get_id(self) -> str:
        return self.id

    def get_timestamp(self) -> int:
        return self.timestamp

    def get_headers(self) -> dict[str, Any]:
        return self.headers


class Collector:
    """Writes to one collection. What cannot be collected is told to `on_error`, if there is one: a collection that is
    not enabled, a queue that is full. Data of a type that cannot be collected is a mistake in the flow, and raised
    where there is none."""

    def __init__(self, *, name: str, on_error: OnError | None = None) -> None:
        self.name = name
        self._on_error = on_error
        if not name:
            raise ValueError("a Collector needs the name of a collection")
        if not self._is_enabled():
            log.warning("the flow collects %s, which is not enabled: nothing of it is kept", name)

    def collect(self, data: Any, correlation_context: CorrelationContext | None = None) -> CorrelationContext:
        """Keep a pandas DataFrame, a list of dictionaries, or one dictionary for a single row; returns the context
        for the records that belong to it."""
        context = correlation_context if correlation_context is not None else BasicCorrelationContext()
        collection, request = CURRENT.collection, REQUEST.get()
        if collection is None or not self._is_enabled():
            return context
        if not collection.keeps(self.name, request):
            return context
        try:
            rows = _rows(data)
        except TypeError as problem:
            if self._on_error is None:
                raise
            self._on_error(problem)
            return context
        except Exception as problem:
            # A frame that pandas cannot write, with two columns of one name for instance.
            collection.writer.drop(f"a record of {self.name} has no JSON form: {problem}")
            self._tell(str(problem))
            return context
        at = getattr(context, "timestamp", None)
        if not collection.add_rows(self.name, rows, context.get_id(), request, at):
            self._tell(f"a record of the collection {self.name} was dropped")
        return context

    def _is_enabled(self) -> bool:
        collection = CURRENT.collection
        if collection is not None and self.name in collection.settings.rates:
            return True
        self._tell(f"the collection {self.name} is not enabled")
        return False

    def _tell(self, problem: str) -> None:
        if self._on_error is not None:
            self._on_error(RuntimeError(problem))


def _rows(data: Any) -> bytes | list[Mapping[str, Any]]:
    """pandas is the flow's own; its frames know how they are written."""
    if isinstance(data, Mapping):
        return [data]
    if isinstance(data, list) and all(isinstance(each, Mapping) for each in data):
        return data
    if any(_is_frame(each) for each in type(data).__mro__):
        text: str = data.to_json(orient="records", force_ascii=False)
        return text.encode("utf-8", "backslashreplace")
    raise TypeError(
        f"data of the type {type(data).__name__} cannot be collected; give a pandas DataFrame or a list of dictionaries"
    )


def _is_frame(kind: type) -> bool:
    """pandas 3 says that its frames are of `pandas`, older ones name an inner module."""
    return kind.__name__ == "DataFrame" and kind.__module__.partition(".")[0] == "pandas"
